/** What the planner reads of the state store: applied objects with the revision of each key, and what nodes report. */

import { OtterError } from '../model/error.ts';
import { Names } from '../model/kept-names.ts';
import type { Entry, StateStore } from '../model/ports.ts';
import type {
  DepartureRecord,
  KeptName,
  MetaRecord,
  NodeRecord,
  OwnerRecord,
  PauseRecord,
  PipelineRecord,
  SpecRecord,
  VerifiedRecord,
} from '../model/records.ts';
import { STATE_FORMAT } from '../model/records.ts';
import type { AppliedSpec, AppliedState, Json, LiveState } from '../planner/change.ts';
import { shownLive } from '../planner/moves.ts';
import {
  metaKey,
  nodesPrefix,
  ownersPrefix,
  parseKey,
  pausesPrefix,
  specKey,
  specPrefix,
  statusPrefix,
  verifiedPrefix,
} from '../state/keys.ts';

export interface ReadState {
  readonly applied: AppliedState;
  readonly live: LiveState;
  readonly revision: number;
}

/**
 * Journal and history are left out: they grow with every apply. So these are several lists, each at a revision of its
 * own; that is no harm, since apply compares every key that was read.
 * @throws OtterError OT3007 when a record has a form that this version does not know
 */
export async function readApplied(store: StateStore, topology: string, signal?: AbortSignal): Promise<ReadState> {
  const list = async (prefix: string): Promise<readonly Entry[]> => (await store.list(prefix, { signal })).entries;
  // Objects before `meta`: an apply that ends in between leaves objects that are older than apply will find.
  const specs = await store.list(specPrefix(topology), { signal });
  const meta = (await list(metaKey(topology))).find(({ key }) => key === metaKey(topology)) ?? null;
  const kept = specs.entries.flatMap(specOf);
  const names = new Names(kept.map(({ as: name }) => name));
  const live = await readLive(store, topology, names, signal);
  return {
    applied: {
      topology,
      meta: {
        key: metaKey(topology),
        revision: meta?.revision ?? null,
        record: meta === null ? null : metaOf(meta),
      },
      specs: kept.map(({ as: _, ...one }) => ({
        ...one,
        name: names.shown(one.kind, one.name),
        spec: names.shownSpec(one.kind, one.spec),
      })),
      names,
      keyOf: (kind, name) => specKey(topology, kind, names.kept(kind, name)),
      keyFor: (kind, kept) => specKey(topology, kind, kept),
    },
    live,
    revision: specs.revision,
  };
}

/** The names of objects, and those under which they are kept. */
export async function readNames(store: StateStore, topology: string, signal?: AbortSignal): Promise<Names> {
  const { entries } = await store.list(specPrefix(topology), { signal });
  return new Names(entries.flatMap(specOf).map(({ as: name }) => name));
}

/** `names`: those under which nodes tell of what they do, and those by which people know it. */
export async function readLive(
  store: StateStore,
  topology: string,
  names: Names,
  signal?: AbortSignal,
): Promise<LiveState> {
  // A node may be called `constructor`.
  const nodes = Object.create(null) as Record<string, NodeRecord>;
  const owners = Object.create(null) as Record<string, OwnerRecord>;
  const pipelines = Object.create(null) as Record<string, PipelineRecord>;
  const pauses = Object.create(null) as Record<string, PauseRecord>;
  const verified = Object.create(null) as Record<string, VerifiedRecord>;
  const prefixes = [nodesPrefix(topology), ownersPrefix(topology), statusPrefix(topology, 'pipeline')];
  for (const prefix of [...prefixes, pausesPrefix(topology), verifiedPrefix(topology)]) {
    for (const entry of (await store.list(prefix, { signal })).entries) {
      const parsed = parseKey(entry.key);
      if (parsed?.at === 'node') nodes[parsed.name] = parse<NodeRecord>(entry);
      else if (parsed?.at === 'owner') owners[parsed.database] = parse<OwnerRecord>(entry);
      else if (parsed?.at === 'status' && parsed.kind === 'pipeline')
        pipelines[parsed.name] = parse<PipelineRecord>(entry);
      else if (parsed?.at === 'verified')
        verified[`${parsed.channel}/${parsed.database}`] = parse<VerifiedRecord>(entry);
      else if (parsed?.at === 'pause') pauses[`${parsed.kind}.${parsed.name}`] = parse<PauseRecord>(entry);
    }
  }
  return shownLive({ nodes, owners, pipelines, pauses, verified }, names);
}

/** How databases that left the topology were given up. */
export async function readDepartures(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, DepartureRecord>>> {
  const departures = Object.create(null) as Record<string, DepartureRecord>;
  for (const entry of (await store.list(statusPrefix(topology, 'database'), { signal })).entries) {
    const parsed = parseKey(entry.key);
    if (parsed?.at === 'status' && parsed.kind === 'database') departures[parsed.name] = parse<DepartureRecord>(entry);
  }
  return departures;
}

/** As it is kept, and with the name that it has now. */
function specOf(entry: Entry): (AppliedSpec & { readonly as: KeptName })[] {
  const parsed = parseKey(entry.key);
  if (parsed?.at !== 'spec') return [];
  const { generation, spec, stays, since, created, name: shown } = parse<SpecRecord>(entry);
  if (!Number.isSafeInteger(generation) || typeof spec !== 'object' || spec === null) throw notUnderstood(entry);
  const { kind, name } = parsed;
  const as: KeptName = { kind, kept: name, shown: shown ?? name };
  const known = {
    ...(stays === undefined ? {} : { stays }),
    ...(since === undefined ? {} : { since }),
    ...(created === undefined ? {} : { created }),
  };
  return [
    { key: entry.key, kind, name, generation, spec: spec as unknown as Json, revision: entry.revision, as, ...known },
  ];
}

function metaOf(entry: Entry): MetaRecord {
  const meta = parse<MetaRecord>(entry);
  if (meta.format < STATE_FORMAT) {
    throw new OtterError(
      'OT3007',
      `the state has format ${meta.format}, and this version of otter has ${STATE_FORMAT}`,
      {
        hint: 'Bring it up to date: otter migrate',
        where: { key: entry.key },
      },
    );
  }
  if (meta.format !== STATE_FORMAT) throw notUnderstood(entry);
  return meta;
}

function parse<T>(entry: Entry): T {
  let value: unknown;
  try {
    value = JSON.parse(entry.value);
  } catch (error) {
    throw notUnderstood(entry, error);
  }
  if (typeof value !== 'object' || value === null) throw notUnderstood(entry);
  return value as T;
}

function notUnderstood({ key }: Entry, cause?: unknown): OtterError {
  return new OtterError('OT3007', 'a record in the state store is not understood', { where: { key }, cause });
}
