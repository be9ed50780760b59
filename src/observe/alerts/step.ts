/**
 * The life of an incident: pending, firing, told, repeated, over; one decision at a time, of what is on record and what is seen now.
 *
 * Rules kept: an incident has one notice of each kind at a time, whatever it holds for, and its number only grows; a notice is on record before
 * anybody sends it; who was told of the beginning is told of the end; what is not known neither begins nor ends anything; and where nothing
 * changes the record is the same, so that nothing is written.
 */
import type { Condition } from '../../model/alerts/condition.ts';
import type { Watched } from '../../model/alerts/facts.ts';
import type { AlertRecord, Incident, NoticeKind, PastIncident, Told } from '../../model/alerts/records.ts';
import { durationMs } from '../../model/alerts/times.ts';
import type { AlertSpec } from '../../model/topology.ts';
import type { Verdict } from './judge.ts';

/** An alert as it is judged by. */
export interface Rule {
  readonly name: string;
  readonly spec: AlertSpec;
  readonly condition: Condition;
  readonly watched: Watched;
  /** Name of what it watches. */
  readonly target: string;
}

/** What is remembered of an alert between two looks, and begins anew with another node. */
export interface Memory {
  /** Since when the condition holds, while that is not on record. */
  readonly sinceMs: number | null;
  /** Since when it does not, while an incident fires. */
  readonly clearMs: number | null;
}

export const NOTHING_REMEMBERED: Memory = { sinceMs: null, clearMs: null };

/** How telling a receiver went. */
export interface Outcome {
  readonly receiver: string;
  readonly incident: string;
  readonly number: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface Moment {
  readonly nowMs: number;
  readonly verdict: Verdict;
  readonly silenced: boolean;
  /** Of the hours at which it counts. */
  readonly within: boolean;
  readonly outcomes: readonly Outcome[];
  /** What was being done by itself has been done, or could not be. */
  readonly acted: boolean;
}

export interface Step {
  /** The same object when nothing is to be written; null: there is nothing to keep. */
  readonly record: AlertRecord | null;
  readonly memory: Memory;
}

/** An end that lasts no longer than this is none. */
const CLEAR_MS_MIN = 5_000;
/** Of a pipeline that was restarted: it may come to nothing again. */
const CLEAR_MS_MIN_DONE = 15_000;
const CLEAR_MS_MAX = 60_000;
/** What holds for a shorter part of `for` than this is not written down. */
const PENDING_PART = 10;
const PAST_MAX = 10;
const DAY_MS = 86_400_000;
const LIMIT = 3;
const ACT_AGAIN_MS = 60_000;
const ACT_AGAIN_MS_MAX = 3_600_000;
const TELL_AGAIN_MS = 5_000;
const TELL_AGAIN_MS_MAX = 600_000;

const EMPTY: AlertRecord = { incident: null, past: [], done: [] };

export function step(rule: Rule, before: AlertRecord | null, memory: Memory, moment: Moment): Step {
  const told = withOutcomes(before ?? EMPTY, moment);
  const next = lived(rule, told, memory, moment);
  const record = settled(rule, next.record, moment);
  const same = JSON.stringify(record) === JSON.stringify(before ?? EMPTY);
  return { record: same ? before : record, memory: next.memory };
}

/** Receivers that are to be told now; none while the record of it is not written, and while it is silenced only of the end. */
export function due({ spec }: Rule, { incident }: AlertRecord, silenced: boolean, nowMs: number): readonly string[] {
  if (incident?.notice == null) return [];
  const { notice, told } = incident;
  if (silenced && notice.kind !== 'recovered') return [];
  return spec.notify.filter((name) => {
    const one = toldOf(told, name);
    return (one?.number ?? 0) < notice.number && (one?.nextMs ?? 0) <= nowMs;
  });
}

// ---------------------------------------------------------------- pending, firing, over

interface Lived {
  readonly record: AlertRecord;
  readonly memory: Memory;
}

function lived(rule: Rule, record: AlertRecord, memory: Memory, moment: Moment): Lived {
  const { incident } = record;
  if (incident === null || incident.endedMs !== null) return waiting(rule, record, memory, moment);
  if (incident.firedMs === null) return pending(rule, record, incident, moment);
  return firing(rule, record, incident, memory, moment);
}

function waiting(rule: Rule, record: AlertRecord, { sinceMs }: Memory, moment: Moment): Lived {
  const { nowMs, verdict, within } = moment;
  if (!within || verdict.holds === 'no') return { record, memory: NOTHING_REMEMBERED };
  if (verdict.holds === 'unknown') return { record, memory: { sinceMs, clearMs: null } };
  const since = sinceMs ?? nowMs;
  const forMs = durationMs(rule.spec.for);
  const held = nowMs - since;
  if (held >= forMs) return fired(rule, record, since, moment);
  const memory = { sinceMs: since, clearMs: null };
  if (record.incident !== null || held < forMs / PENDING_PART) return { record, memory };
  const incident = begun(rule, since, verdict, null);
  return { record: { ...record, incident }, memory: NOTHING_REMEMBERED };
}

function pending(rule: Rule, record: AlertRecord, incident: Incident, moment: Moment): Lived {
  const { nowMs, verdict, within } = moment;
  const memory = NOTHING_REMEMBERED;
  if (!within || verdict.holds === 'no') return { record: { ...record, incident: null }, memory };
  const long = nowMs - incident.sinceMs >= durationMs(rule.spec.for);
  if (verdict.holds === 'unknown' || !long) return { record, memory };
  return fired(rule, record, incident.sinceMs, moment);
}

function fired(rule: Rule, record: AlertRecord, sinceMs: number, { nowMs, verdict }: Moment): Lived {
  const kept = record.incident?.endedMs == null ? record : put(record, record.incident);
  return {
    record: { ...kept, incident: begun(rule, sinceMs, verdict, nowMs) },
    memory: NOTHING_REMEMBERED,
  };
}

function begun({ name }: Rule, sinceMs: number, { about }: Verdict, firedMs: number | null): Incident {
  const id = `${name}-${sinceMs}`;
  return { id, sinceMs, firedMs, endedMs: null, about, notice: null, told: {}, action: null, actions: 0 };
}

function firing(rule: Rule, record: AlertRecord, incident: Incident, memory: Memory, moment: Moment): Lived {
  const { nowMs, verdict, within } = moment;
  const quiet = within && verdict.holds === 'no' && incident.action === null;
  if (!quiet) return { record, memory: NOTHING_REMEMBERED };
  const clear = memory.clearMs ?? nowMs;
  const least = incident.actions === 0 ? CLEAR_MS_MIN : CLEAR_MS_MIN_DONE;
  const clearMs = Math.min(CLEAR_MS_MAX, Math.max(least, durationMs(rule.spec.for)));
  if (nowMs - clear < clearMs) return { record, memory: { sinceMs: null, clearMs: clear } };
  return { record: { ...record, incident: { ...incident, endedMs: nowMs } }, memory: NOTHING_REMEMBERED };
}

// ---------------------------------------------------------------- who is told, and what is done

function settled(rule: Rule, record: AlertRecord, moment: Moment): AlertRecord {
  const { incident } = record;
  if (incident?.firedMs == null) return record;
  if (incident.endedMs !== null) return ended(rule, record, incident, moment);
  return acting(rule, noticed(rule, record, incident, moment), moment);
}

function ended(rule: Rule, record: AlertRecord, incident: Incident, { nowMs }: Moment): AlertRecord {
  const { notice, told, endedMs } = incident;
  // Who was told nothing is not told that it is over.
  if (notice === null) return put(record, incident);
  if (notice.kind !== 'recovered') {
    const over = { ...incident, notice: after(incident, 'recovered', nowMs), action: null };
    return { ...record, incident: over };
  }
  const all = rule.spec.notify.every((name) => (toldOf(told, name)?.number ?? 0) >= notice.number);
  return all || nowMs - endedMs! >= DAY_MS ? put(record, incident) : record;
}

function noticed(rule: Rule, record: AlertRecord, incident: Incident, moment: Moment): AlertRecord {
  const { nowMs, verdict, silenced, within } = moment;
  if (silenced || !within || verdict.holds !== 'yes') return record;
  const { notice } = incident;
  const repeatMs = rule.spec.repeat === undefined ? null : durationMs(rule.spec.repeat);
  if (notice !== null && (repeatMs === null || nowMs - notice.atMs < repeatMs)) return record;
  const kind = notice === null ? 'firing' : 'repeat';
  return { ...record, incident: { ...incident, about: verdict.about, notice: after(incident, kind, nowMs) } };
}

function after({ notice }: Incident, kind: NoticeKind, nowMs: number): NonNullable<Incident['notice']> {
  return { number: (notice?.number ?? 0) + 1, kind, atMs: nowMs };
}

function acting(rule: Rule, record: AlertRecord, { nowMs, verdict, silenced, within, acted }: Moment): AlertRecord {
  const incident = record.incident!;
  const { do: kind, limit = LIMIT } = rule.spec;
  if (incident.action !== null) return acted ? { ...record, incident: { ...incident, action: null } } : record;
  if (kind === undefined || silenced || !within || verdict.holds !== 'yes') return record;
  const done = record.done.filter((atMs) => nowMs - atMs < DAY_MS);
  const waitMs = incident.actions === 0 ? 0 : Math.min(ACT_AGAIN_MS_MAX, ACT_AGAIN_MS * 2 ** (incident.actions - 1));
  if (done.length >= limit || nowMs - (done.at(-1) ?? -Infinity) < waitMs) return record;
  const begun = { ...incident, action: { kind, atMs: nowMs }, actions: incident.actions + 1 };
  return { ...record, incident: begun, done: [...done, nowMs] };
}

function withOutcomes(record: AlertRecord, { outcomes, nowMs }: Moment): AlertRecord {
  const { incident } = record;
  if (incident === null) return record;
  const told = { ...incident.told };
  for (const { receiver, incident: id, number, error } of outcomes) {
    if (id !== incident.id) continue;
    const before: Told = toldOf(told, receiver) ?? { number: 0, atMs: null, failures: 0, nextMs: 0, error: null };
    const failures = before.failures + 1;
    const nextMs = nowMs + Math.min(TELL_AGAIN_MS_MAX, TELL_AGAIN_MS * 2 ** (failures - 1));
    told[receiver] =
      error === null
        ? { number: Math.max(number, before.number), atMs: nowMs, failures: 0, nextMs: 0, error: null }
        : { ...before, failures, nextMs, error };
  }
  return outcomes.length === 0 ? record : { ...record, incident: { ...incident, told } };
}

/** A receiver may be called `constructor`. */
function toldOf(told: Incident['told'], name: string): Told | undefined {
  return Object.hasOwn(told, name) ? told[name] : undefined;
}

/** Among those that are over. */
function put(record: AlertRecord, incident: Incident): AlertRecord {
  const { id, sinceMs, firedMs, endedMs, about, notice, actions } = incident;
  const over: PastIncident = {
    id,
    sinceMs,
    firedMs: firedMs!,
    endedMs: endedMs!,
    about,
    notices: notice?.number ?? 0,
    actions,
  };
  return { ...record, incident: null, past: [over, ...record.past].slice(0, PAST_MAX) };
}
