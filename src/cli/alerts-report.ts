/** What the state store has of alerts, in the form that `otter alerts --json` prints. */
import type { AlertsState } from '../executor/alert-desk.ts';
import type { AlertJson, AlertsJson, ReceiverJson, SilenceJson, ToldJson } from '../model/alerts/alerts-json.ts';
import { WATCHED } from '../model/alerts/facts.ts';
import type { AlertRecord, Incident } from '../model/alerts/records.ts';
import type { AlertSpec } from '../model/topology.ts';

const DAY_MS = 86_400_000;
const LIMIT = 3;

export function alertsJson(
  topology: string,
  { alerts, receivers, records, silences, judge }: AlertsState,
  nowMs: number,
): AlertsJson {
  const silent = [...silences].flatMap(([address, { record }]): SilenceJson[] => {
    const { untilMs, by, host, why } = record;
    return untilMs <= nowMs ? [] : [{ address, until: iso(untilMs), by: `${by}@${host}`, why }];
  });
  const listed = [...alerts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    topology,
    judge,
    alerts: listed.map(([name, spec]) => alertJson(name, spec, records.get(name) ?? null, silent, nowMs)),
    receivers: [...receivers]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, spec]): ReceiverJson => ({ name, kind: Object.keys(spec)[0]!, error: failureOf(name, records) })),
    silences: silent,
  };
}

function alertJson(
  name: string,
  spec: AlertSpec,
  record: AlertRecord | null,
  silences: readonly SilenceJson[],
  nowMs: number,
): AlertJson {
  const incident = record?.incident ?? null;
  const watched = WATCHED.find((kind) => spec[kind] !== undefined)!;
  const on = `${watched}.${spec[watched]!}`;
  const { notice = null } = incident ?? {};
  return {
    name,
    on,
    when: spec.when,
    state: stateOf(incident),
    since: incident === null ? null : iso(incident.sinceMs),
    fired: incident?.firedMs == null ? null : iso(incident.firedMs),
    ended: incident?.endedMs == null ? null : iso(incident.endedMs),
    about: incident?.about ?? [],
    notice: notice === null ? null : { number: notice.number, kind: notice.kind, at: iso(notice.atMs) },
    told: notice === null ? [] : spec.notify.map((receiver) => toldJson(receiver, incident!, notice.number)),
    silenced: silences.find(({ address }) => address === `alert.${name}` || address === on) ?? null,
    does:
      spec.do === undefined
        ? null
        : {
            what: spec.do,
            done: (record?.done ?? []).filter((atMs) => nowMs - atMs < DAY_MS).length,
            limit: spec.limit ?? LIMIT,
          },
    past: (record?.past ?? []).map(({ id, sinceMs, firedMs, endedMs, about, notices, actions }) => ({
      incident: id,
      since: iso(sinceMs),
      fired: iso(firedMs),
      ended: iso(endedMs),
      about,
      notices,
      actions,
    })),
  };
}

function stateOf(incident: Incident | null): AlertJson['state'] {
  if (incident === null) return 'quiet';
  if (incident.endedMs !== null) return 'over';
  return incident.firedMs === null ? 'pending' : 'firing';
}

function toldJson(receiver: string, { told }: Incident, newest: number): ToldJson {
  const {
    number = 0,
    atMs = null,
    error = null,
    nextMs = 0,
  } = (Object.hasOwn(told, receiver) ? told[receiver] : undefined) ?? {};
  const again = number < newest && error !== null ? iso(nextMs) : null;
  return { receiver, number, at: atMs === null ? null : iso(atMs), error, again };
}

function failureOf(receiver: string, records: AlertsState['records']): ReceiverJson['error'] {
  for (const [alert, { incident }] of records) {
    if (incident === null || !Object.hasOwn(incident.told, receiver)) continue;
    const error = incident.told[receiver]?.error ?? null;
    if (error !== null) return { alert, ...error };
  }
  return null;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
