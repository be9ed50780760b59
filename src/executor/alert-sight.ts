/** What a node has seen of the topology, as `otter status` would read it, and its alerts as rules; under the names that people know. */
import { parseCondition } from '../model/alerts/condition.ts';
import { WATCHED } from '../model/alerts/facts.ts';
import { ConditionProblem } from '../model/alerts/words.ts';
import { Names, nodeNamed, RENAMABLE } from '../model/kept-names.ts';
import type { NodeRecord, OwnerRecord, PauseRecord, SpecRecord, VerifiedRecord } from '../model/records.ts';
import type { AlertSpec, Kind } from '../model/topology.ts';
import type { Rule } from '../observe/alerts/step.ts';
import type { TopologyRecords } from '../observe/status.ts';
import type { World } from './world.ts';

export function namesIn(world: World): Names {
  return new Names(
    RENAMABLE.flatMap((kind) =>
      world.names(kind).map((kept) => ({ kind, kept, shown: world.spec(kind, kept)!.record.name ?? kept })),
    ),
  );
}

/** What nodes wrote down when something changed is left out: they report what is now. */
export function recordsIn(world: World, topology: string, names: Names): TopologyRecords {
  const specs = <K extends Kind>(kind: K): Record<string, SpecRecord<K>> => {
    const all = named<SpecRecord<K>>();
    for (const kept of world.names(kind)) {
      const record = world.spec(kind, kept)!.record;
      all[names.shown(kind, kept)] = { ...record, spec: names.shownSpec(kind, record.spec) };
    }
    return all;
  };
  const nodes = named<NodeRecord>();
  for (const node of world.livingNodes())
    nodes[node] = nodeNamed(world.node(node)!.record, (kind, kept) => names.shown(kind, kept));
  const owners = named<OwnerRecord>();
  for (const kept of world.ownedDatabases()) owners[names.shown('database', kept)] = world.owner(kept)!.record;
  const pauses = named<PauseRecord>();
  for (const { key, record } of world.all<PauseRecord, 'pause'>('pause')) {
    const shown = key.kind === 'channel' ? names.shown('channel', key.name) : names.shownPipeline(key.name);
    pauses[`${key.kind}.${shown}`] = record;
  }
  const verified = named<VerifiedRecord>();
  for (const { key, record } of world.all<VerifiedRecord, 'verified'>('verified'))
    verified[`${names.shown('channel', key.channel)}/${names.shown('database', key.database)}`] = record;
  return {
    name: topology,
    meta: world.meta,
    specs: {
      region: specs('region'),
      node: specs('node'),
      database: specs('database'),
      channel: specs('channel'),
      files: specs('files'),
    },
    nodes,
    owners,
    pipelines: {},
    lock: null,
    pauses,
    verified,
  };
}

/** Null: this version does not understand its condition. */
export function ruleOf(name: string, spec: AlertSpec): Rule | null {
  const watched = WATCHED.find((kind) => spec[kind] !== undefined);
  if (watched === undefined) return null;
  try {
    return { name, spec, watched, target: spec[watched]!, condition: parseCondition(spec.when, watched) };
  } catch (error) {
    if (error instanceof ConditionProblem) return null;
    throw error;
  }
}

/** An object may be called `constructor`. */
function named<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
