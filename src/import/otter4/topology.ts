/** An Otter 4 manager as a draft of a topology. */
import type { Draft } from '../draft.ts';
import { slug } from '../names.ts';
import { NOTHING_LEFT } from '../settle.ts';
import { alarmsOf } from './alarms.ts';
import { channelsOf } from './channels.ts';
import type { Manager } from './manager.ts';
import type { PositionFacts } from './positions.ts';
import { databaseItem, nodeItems, regionsOf, type Servers } from './servers.ts';

export interface Asked {
  /** Name of the topology. */
  readonly name: string;
  /** Kinds of servers, of the databases that were asked. */
  readonly families: ReadonlyMap<string, 'mysql' | 'mariadb'>;
  /** By pipeline. */
  readonly positions: ReadonlyMap<number, PositionFacts>;
}

export function draftOf(manager: Manager, servers: Servers, { name, families, positions }: Asked): Draft {
  const oracles = new Set(servers.databases.filter(({ type }) => type === 'ORACLE').map((one) => one.name));
  const made = channelsOf(manager, servers, { positions, oracles });
  const regions = regionsOf(manager, servers, made.ends);
  const alarms = alarmsOf(manager, made.byPipeline);
  return {
    name: slug(name) || 'otter4',
    notes: [
      'Imported from an Otter 4 manager by `otter import --otter4`. Comments that begin with `otter:` are for you to read and remove. Channels are off: docs/from-otter4.md says how to take them over from Otter 4, one by one.',
      'Passwords are taken from the environment of the nodes; docs/databases.md says what the accounts must be allowed. Names of tables tell capitals apart here.',
      ...manager.problems,
      ...servers.notes,
      ...made.notes,
      ...alarms.notes,
    ],
    regions: regions.regions,
    nodes: nodeItems(manager, regions),
    databases: servers.databases.map((one) =>
      databaseItem(one, regions.ofDatabase.get(one.name)!, families.get(one.name) ?? null),
    ),
    channels: made.channels.filter(({ tables }) => tables.length > 0),
    leftOut: made.channels
      .filter(({ tables }) => tables.length === 0)
      .map((channel) => ({ channel, why: [NOTHING_LEFT] })),
    notify: alarms.notify,
    alerts: alarms.alerts,
  };
}
