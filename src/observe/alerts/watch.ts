/**
 * What alerts can ask about, out of what nodes report; with a memory of what is only seen in time: how long something stands
 * still, how far somebody who is silent must be behind, how often something happened.
 *
 * Rule kept: a figure that nobody reports at the moment is not taken for zero. The memory begins when the looking does.
 */

import type { Watched } from '../../model/alerts/facts.ts';
import { RESTART_REASON } from '../../model/alerts/restart.ts';
import type { NodeRecord, PipelineFigures } from '../../model/records.ts';
import type { FileFlowStatus, PipelineStatus, VerifyStatus } from '../../model/status.ts';
import { statusReport, type TopologyRecords } from '../status.ts';
import type { FactValue, Subject } from './judge.ts';

/** By name. */
export interface Sight {
  readonly channels: ReadonlyMap<string, readonly Subject[]>;
  readonly databases: ReadonlyMap<string, Subject>;
  readonly nodes: ReadonlyMap<string, Subject>;
  /** Flows, by the name of their set. */
  readonly files: ReadonlyMap<string, readonly Subject[]>;
}

/** What an alert asks about; nothing of what is not there. */
export function subjectsOf(
  { channels, databases, nodes, files }: Sight,
  watched: Watched,
  target: string,
): readonly Subject[] {
  switch (watched) {
    case 'channel':
      return channels.get(target) ?? [];
    case 'database':
      return [databases.get(target)].filter((one) => one !== undefined);
    case 'node':
      return [nodes.get(target)].filter((one) => one !== undefined);
    case 'files':
      return files.get(target) ?? [];
    default:
      return watched satisfies never;
  }
}

/** A node that starts again, or hands a database over, takes no longer; nor does who takes one over to see that it does not answer. */
const HANDED_OVER_MS = 15_000;
/** Nodes report every three seconds: what is older is not of now. */
const FRESH_MS = 10_000;
const COUNTED = ['conflicts', 'drift', 'rows'] as const;
/** The database that such an error names is not there for otter. */
const AWAY: ReadonlySet<string> = new Set(['OT4001', 'OT4003', 'OT4004']);

type Counts = Readonly<Record<(typeof COUNTED)[number], number>>;

/** Of one pipeline. */
interface Track {
  lag: { readonly ms: number; readonly atMs: number };
  position: string | null;
  movedMs: number;
  rows: number;
  wroteMs: number;
  /** Of which process `last` is. */
  instance: string | null;
  last: Counts;
  total: Counts;
}

export class Watch {
  #tracks = new Map<string, Track>();
  /** When the record of a node was last seen to be another one: clocks of nodes may differ. */
  readonly #heard = new Map<string, { readonly updatedMs: number; readonly atMs: number }>();
  /** Who owns a database, or nobody, and since when that is so. */
  #owners = new Map<string, { readonly node: string | null; readonly sinceMs: number }>();

  /** @param records under the names that people know */
  look(records: TopologyRecords, nowMs: number): Sight {
    const report = statusReport(records, nowMs);
    for (const [name, { updatedMs }] of Object.entries(records.nodes))
      if (this.#heard.get(name)?.updatedMs !== updatedMs) this.#heard.set(name, { updatedMs, atMs: nowMs });
    const tracks = new Map<string, Track>();
    const channels = report.channels.map(
      ({ name, pipelines, verify }) =>
        [
          name,
          pipelines.map((one) => {
            const subject = this.#pipeline(one, records, nowMs, tracks);
            return { ...subject, facts: { ...subject.facts, ...verifyFacts(verify, one.target) } };
          }),
        ] as const,
    );
    // Those of before that are no more are forgotten.
    this.#tracks = tracks;
    const all = report.channels.flatMap(({ pipelines }) => pipelines);
    const subjects = new Map(channels.flatMap(([, each]) => each).map((one) => [one.name, one]));
    const names = Object.keys(records.specs.database);
    this.#owners = new Map(
      names.map((name) => {
        const node = ownerOf(name, records);
        const before = this.#owners.get(name);
        return [name, before?.node === node ? before : { node, sinceMs: nowMs }];
      }),
    );
    const databases = names.map((name) => {
      const into = all.filter(({ target }) => target === name).map((one) => subjects.get(one.name)!);
      return [name, databaseOf(name, this.#isDown(name, all, nowMs), into)] as const;
    });
    const nodes = report.nodes.map(({ name, alive, rss_bytes, databases: owned, error }) => {
      const subject: Subject = {
        name: `node ${name}`,
        facts: {
          down: !alive,
          memory: rss_bytes,
          databases: owned.length,
          error: error === null ? '' : `${error.code} ${error.message}`,
        },
        counts: {},
      };
      return [name, subject] as const;
    });
    const files = report.files.map(
      ({ name, flows }) => [name, flows.map((one) => this.#flow(one, records, nowMs))] as const,
    );
    return {
      channels: new Map(channels),
      databases: new Map(databases),
      nodes: new Map(nodes),
      files: new Map(files),
    };
  }

  #isFresh(node: string | null, nowMs: number): boolean {
    const heardMs = node === null ? undefined : this.#heard.get(node)?.atMs;
    return heardMs !== undefined && nowMs - heardMs < FRESH_MS;
  }

  #flow({ name, node, error, waiting }: FileFlowStatus, { nodes }: TopologyRecords, nowMs: number): Subject {
    const figures = node !== null && this.#isFresh(node, nowMs) ? nodes[node]?.files?.[name] : undefined;
    const facts = {
      backlog: figures?.backlogFiles ?? null,
      missing: figures === undefined ? null : (figures.missing ?? 0),
      error:
        error === null ? (figures === undefined && waiting !== null ? null : '') : `${error.code} ${error.message}`,
    };
    return { name, facts, counts: {} };
  }

  /** Null: nobody has had the time to see it. */
  #isDown(name: string, all: readonly PipelineStatus[], nowMs: number): boolean | null {
    if (all.some(({ error }) => error !== null && AWAY.has(error.code) && error.database === name)) return true;
    const { node, sinceMs } = this.#owners.get(name)!;
    return nowMs - sinceMs < HANDED_OVER_MS ? null : node === null;
  }

  #pipeline(status: PipelineStatus, records: TopologyRecords, nowMs: number, tracks: Map<string, Track>): Subject {
    const { name, phase, error, copy } = status;
    const reported = this.#isFresh(status.node, nowMs) ? reportedOf(status, records) : null;
    const resting = phase === 'paused' && !isRestarted(status);
    const track = this.#tracks.get(name) ?? beginning(nowMs);
    tracks.set(name, track);
    if (reported !== null) follow(track, reported, nowMs);
    if (resting) rest(track, nowMs);
    const text = error === null ? '' : `${error.code} ${error.message}`;
    const facts: Record<string, FactValue> = {
      lag: resting ? 0 : lagOf(track, reported?.figures ?? null, nowMs),
      idle: nowMs - track.movedMs,
      quiet: nowMs - track.wroteMs,
      phase,
      copy: copyOf(status, reported?.figures ?? null, copy !== null),
      error: text,
      open_conflicts: reported === null ? null : (reported.figures.open ?? 0),
      dead_letters: reported === null ? null : (reported.figures.deadLetters ?? 0),
    };
    return { name, facts, counts: reported === null ? { conflicts: null, drift: null, rows: null } : track.total };
  }
}

/** How the tables of the channel there were last compared; those of the side that decides are what others are compared with. */
function verifyFacts(verify: VerifyStatus | null, target: string): Record<'verify' | 'differing', FactValue> {
  const compared = verify?.databases.find(({ database }) => database === target);
  if (verify !== null && compared === undefined) return { verify: 'equal', differing: 0 };
  const last = compared?.last ?? null;
  if (last === null) return { verify: null, differing: null };
  const { error, differing, skipped } = last;
  const word = error !== null ? 'failed' : differing > 0 ? 'differs' : skipped > 0 ? 'incomplete' : 'equal';
  return { verify: word, differing: error === null ? differing : null };
}

/** By an alert, for a moment: that it is late is no less true. */
function isRestarted({ paused }: PipelineStatus): boolean {
  return paused != null && RESTART_REASON.test(paused.reason ?? '');
}

interface Reported {
  readonly figures: PipelineFigures;
  readonly node: NodeRecord;
}

/** By the node that owns the target; null: nobody tells. */
function reportedOf({ name, node: owner }: PipelineStatus, { nodes }: TopologyRecords): Reported | null {
  const node = owner === null ? undefined : nodes[owner];
  const figures = node?.pipelines[name];
  return node === undefined || figures === undefined ? null : { figures, node };
}

function beginning(nowMs: number): Track {
  const none = { conflicts: 0, drift: 0, rows: 0 };
  return {
    lag: { ms: 0, atMs: nowMs },
    position: null,
    movedMs: nowMs,
    rows: 0,
    wroteMs: nowMs,
    instance: null,
    last: none,
    total: none,
  };
}

function follow(track: Track, { figures, node: { instance } }: Reported, nowMs: number): void {
  if (figures.lagMs !== null) track.lag = { ms: figures.lagMs, atMs: nowMs };
  if (figures.position !== track.position) {
    track.position = figures.position;
    track.movedMs = nowMs;
  }
  const now: Counts = { conflicts: figures.conflicts, drift: figures.drift, rows: figures.rowsApplied };
  // What a process had counted before it was first seen is nobody's news; a new one counts from zero.
  const before =
    track.instance === null ? now : track.instance === instance ? track.last : { conflicts: 0, drift: 0, rows: 0 };
  const more = (of: (typeof COUNTED)[number]): number => (now[of] >= before[of] ? now[of] - before[of] : now[of]);
  if (more('rows') > 0) track.wroteMs = nowMs;
  track.total = {
    conflicts: track.total.conflicts + more('conflicts'),
    drift: track.total.drift + more('drift'),
    rows: track.total.rows + more('rows'),
  };
  track.instance = instance;
  track.last = now;
}

/** What is meant to rest is not late: it counts from when it goes on. */
function rest(track: Track, nowMs: number): void {
  track.lag = { ms: 0, atMs: nowMs };
  track.movedMs = nowMs;
  track.wroteMs = nowMs;
}

/** Before the first beat, as while existing rows are copied, nobody knows. */
function lagOf(track: Track, figures: PipelineFigures | null, nowMs: number): number | null {
  if (figures === null) return track.lag.ms + nowMs - track.lag.atMs;
  if (figures.lagMs !== null) return figures.lagMs;
  return figures.phase === 'copying' ? null : track.lag.ms + nowMs - track.lag.atMs;
}

function copyOf({ phase, error }: PipelineStatus, figures: PipelineFigures | null, copying: boolean): string {
  const underWay = copying || phase === 'copying' || (figures?.copy ?? null) !== null;
  return underWay ? (error === null ? 'running' : 'failed') : '';
}

function ownerOf(name: string, { owners, nodes }: TopologyRecords): string | null {
  const node = owners[name]?.node;
  return node !== undefined && nodes[node] !== undefined ? node : null;
}

function databaseOf(name: string, down: boolean | null, into: readonly Subject[]): Subject {
  const sum = (of: (one: Subject) => number | null): number | null =>
    into.reduce<number | null>((total, one) => {
      const more = of(one);
      return total === null || more === null ? null : total + more;
    }, 0);
  const lags = into.map(({ facts }) => facts['lag'] as number | null);
  return {
    name: `database ${name}`,
    facts: {
      down,
      lag: lags.includes(null) ? null : Math.max(0, ...(lags as number[])),
      error: into
        .map(({ facts }) => facts['error'] as string)
        .filter((text) => text !== '')
        .join('\n'),
      open_conflicts: sum(({ facts }) => facts['open_conflicts'] as number | null),
      dead_letters: sum(({ facts }) => facts['dead_letters'] as number | null),
    },
    counts: { conflicts: sum(({ counts }) => counts['conflicts'] ?? null) },
  };
}
