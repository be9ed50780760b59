/** What the nodes say of themselves, put together as if the state store had said it; pure. */
import { Names, nodeNamed } from '../model/kept-names.ts';
import type { NodeAnswer, NodeRecord, OwnerRecord, SpecRecord } from '../model/records.ts';
import type { Topology } from '../model/topology.ts';
import type { TopologyRecords } from './status.ts';

/**
 * What should be comes from the files, at the generation that the nodes know; who owns what and how it fares from the nodes.
 * Answers of nodes of another topology, or under a name that the files do not know, are left out.
 */
export function recordsFromNodes(topology: Topology, answers: readonly NodeAnswer[]): TopologyRecords {
  const nodes = named<NodeRecord>();
  const owners = named<OwnerRecord>();
  const generations = named<number>();
  let serial = 0;
  for (const { topology: of, node, record, serial: known, generations: theirs, names = [] } of answers) {
    if (of !== topology.name || !Object.hasOwn(topology.node, node)) continue;
    const called = new Names(names);
    const shown = nodeNamed(record, (kind, name) => called.shown(kind, name));
    nodes[node] = shown;
    serial = Math.max(serial, known);
    for (const database of shown.databases) {
      owners[database] = { node, instance: record.instance, advertise: record.advertise };
    }
    for (const side of record.sides ?? [])
      owners[side] = { node, instance: record.instance, advertise: record.advertise };
    for (const [kept, generation] of Object.entries(theirs)) {
      const channel = called.shown('channel', kept);
      generations[channel] = Math.max(generations[channel] ?? 0, generation);
    }
  }
  const specs = <S>(of: Readonly<Record<string, S>>): Record<string, { generation: number; spec: S }> => {
    const records = named<{ generation: number; spec: S }>();
    for (const [name, spec] of Object.entries(of)) records[name] = { generation: generations[name] ?? 0, spec };
    return records;
  };
  return {
    name: topology.name,
    meta: { format: 0, lineage: '', serial },
    specs: {
      region: specs(topology.region) as Record<string, SpecRecord<'region'>>,
      node: specs(topology.node) as Record<string, SpecRecord<'node'>>,
      database: specs(topology.database) as Record<string, SpecRecord<'database'>>,
      // A channel that no node knows is not applied as far as anybody can tell.
      channel: Object.fromEntries(
        Object.entries(specs(topology.channel)).filter(([name]) => generations[name] !== undefined),
      ) as Record<string, SpecRecord<'channel'>>,
      files: specs(topology.files) as Record<string, SpecRecord<'files'>>,
    },
    nodes,
    owners,
    pipelines: {},
    lock: null,
  };
}

/** An object may be called `constructor`. */
function named<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
