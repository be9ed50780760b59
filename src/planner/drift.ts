/** What in the live state is not as it was applied. Drift changes nothing in a plan; it tells a person what to look at. */
import { compileChannel } from '../model/pipeline.ts';
import type { HistoryRecord } from '../model/records.ts';
import type { ChannelSpec, Topology } from '../model/topology.ts';
import type { AppliedState, AttributeChange, LiveState } from './change.ts';
import { diff } from './diff.ts';
import { movesOf, withMoves } from './moves.ts';

export interface Drift {
  readonly address: string;
  readonly kind: 'failed' | 'behind' | 'paused' | 'undeclared';
  /** A sentence without a full stop. */
  readonly message: string;
}

export function driftOf(applied: AppliedState, live: LiveState): Drift[] {
  const pipelines = new Map(
    applied.specs.flatMap(({ kind, name, generation, spec }) =>
      kind === 'channel'
        ? compileChannel(name, spec as unknown as ChannelSpec).map(
            (one) => [one.name, { generation, enabled: one.enabled }] as const,
          )
        : [],
    ),
  );
  const nodes = new Set(applied.specs.flatMap(({ kind, name }) => (kind === 'node' ? [name] : [])));
  const found: Drift[] = [];
  const pauses = live.pauses ?? {};
  for (const [address, { by, host, at, reason }] of sorted(pauses)) {
    const why = reason === null ? '' : ` because ${reason}`;
    found.push({ address, kind: 'paused', message: `paused by ${by}@${host} since ${at}${why}` });
  }
  for (const [name, record] of sorted(live.pipelines)) {
    const address = `pipeline.${name}`;
    const wanted = pipelines.get(name);
    if (wanted === undefined) {
      found.push({ address, kind: 'undeclared', message: `reported by ${record.node}, but no applied channel has it` });
    } else if (record.phase === 'failed') {
      const why = record.error === null ? '' : `: ${record.error.code} ${record.error.message}`;
      found.push({ address, kind: 'failed', message: `failed on ${record.node}${why}` });
    } else if (record.observedGeneration < wanted.generation) {
      const text = `${record.node} runs generation ${record.observedGeneration}, applied is ${wanted.generation}`;
      found.push({ address, kind: 'behind', message: text });
    } else if (record.phase === 'paused' && wanted.enabled && !isPaused(name, pauses)) {
      found.push({ address, kind: 'paused', message: `paused on ${record.node}` });
    }
  }
  for (const [name, record] of sorted(live.nodes)) {
    if (!nodes.has(name)) {
      const message = `runs on ${record.host} (pid ${record.pid}), but no applied node has this name`;
      found.push({ address: `node.${name}`, kind: 'undeclared', message });
    }
  }
  return found;
}

/** By itself or with its channel. */
function isPaused(pipeline: string, pauses: NonNullable<LiveState['pauses']>): boolean {
  const channel = pipeline.slice(0, pipeline.indexOf('/'));
  return pauses[`pipeline.${pipeline}`] !== undefined || pauses[`channel.${channel}`] !== undefined;
}

function sorted<T>(records: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Who applied something last. */
export interface Attribution {
  readonly serial: number;
  readonly by: string;
  readonly at: string;
  readonly commit: string | null;
}

/**
 * One thing that is not as something else has it: `declared`, the files say otherwise than what was applied; `reported`, a node
 * says otherwise; `database`, a database is otherwise than what runs on it needs.
 */
export interface Difference {
  readonly address: string;
  readonly class: 'declared' | 'reported' | 'database';
  readonly kind:
    | Drift['kind']
    | 'not-applied'
    | 'changed'
    | 'not-declared'
    | 'schema'
    | 'grants'
    | 'settings'
    | 'tables'
    | 'unknown';
  /** A sentence without a full stop. */
  readonly message: string;
  /** Of what is declared: from what was applied to what the files say. */
  readonly attributes: readonly AttributeChange[];
  readonly by: Attribution | null;
}

export interface Compared {
  /** Null: there are no files to compare with. */
  readonly declared: Topology | null;
  readonly applied: AppliedState;
  readonly live: LiveState;
  /** Oldest first. */
  readonly history: readonly HistoryRecord[];
}

/** What files and nodes have to say; both sides are in one spelling, so that only what means something else is told. */
export function differencesOf({ declared, applied, live, history }: Compared): Difference[] {
  const last = new Map<string, Attribution>();
  for (const { serial, by, at, commit, addresses } of history)
    for (const address of addresses) last.set(address, { serial, by, at, commit });
  // What is to get another name is the same object.
  const moves = declared === null ? [] : movesOf(declared, applied).moves;
  const written = declared === null ? [] : diff(declared, withMoves(applied, moves), moves);
  const renamed = new Set(moves.map(({ from }) => from));
  return [
    ...written.map((change): Difference => {
      const { address, before, after, attributes, movedFrom } = change;
      const kind = before === null ? 'not-applied' : after === null ? 'not-declared' : 'changed';
      // Who applied it did so under the name of then, which may be about to be another object's.
      const name = movedFrom ?? (kind === 'not-applied' && renamed.has(address) ? null : address);
      const by = name === null ? null : (last.get(name) ?? null);
      return { address, class: 'declared', kind, message: WRITTEN[kind], attributes, by };
    }),
    ...driftOf(applied, live).map(
      ({ address, kind, message }): Difference => ({
        address,
        class: 'reported',
        kind,
        message,
        attributes: [],
        by: null,
      }),
    ),
  ];
}

const WRITTEN = {
  'not-applied': 'declared, and not applied',
  changed: 'the files say otherwise than what was applied',
  'not-declared': 'applied, and no longer in the files',
} as const;

/** What is looked at in the databases: channels that are on, since nothing was asked of a database for others. */
export function runningTopology(applied: Topology): Topology {
  const channel = Object.fromEntries(Object.entries(applied.channel).filter(([, { enabled }]) => enabled));
  return { ...applied, channel };
}

/** Databases of channels that are on which no node owns. */
export function unowned(applied: Topology, { owners }: LiveState): string[] {
  const wanted = Object.values(runningTopology(applied).channel).flatMap(({ direction }) =>
    direction.kind === 'two-way' ? direction.between : [...direction.from, ...direction.to],
  );
  return [...new Set(wanted)].filter((name) => !Object.hasOwn(owners, name)).sort();
}

/** Databases in which otter's own tables must be: somebody owns them, or has reported of a pipeline into them. */
export function inUse({ owners, pipelines }: LiveState): ReadonlySet<string> {
  const targets = Object.entries(pipelines).flatMap(([name, { phase }]) =>
    phase === 'pending' ? [] : [name.slice(name.indexOf('>') + 1)],
  );
  return new Set([...Object.keys(owners), ...targets]);
}
