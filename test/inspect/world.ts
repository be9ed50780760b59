/** Two databases that fit, to be made unfit one thing at a time. */
import type { LiveFinding } from '../../src/inspect/finding.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import type { Answered } from '../../src/inspect/live.ts';
import type { LiveTable, ServerReport } from '../../src/model/inspection.ts';
import type { Grant } from '../../src/model/privileges.ts';
import { type TableShape, tableName } from '../../src/model/row.ts';
import type { ChannelSpec, DatabaseSpec, Topology } from '../../src/model/topology.ts';
import { NOTHING_DECLARED } from '../../src/model/topology.ts';
import { shape } from '../replication/model.ts';
import { channel as channelOf } from '../site/harness.ts';

export function table(more: Partial<TableShape> = {}, facts: Partial<LiveTable> = {}): LiveTable {
  return {
    shape: shape({ schema: 'shop', name: 'orders', ...more }),
    inexact: null,
    autoIncrement: false,
    unguardedTriggers: [],
    hasRows: false,
    ...facts,
  };
}

export function grant(privileges: string, schema: string | null = null, of: string | null = null): Grant {
  return { privileges: privileges.split(', '), schema, table: of };
}

export function report(identity: string, more: Partial<ServerReport> = {}): ServerReport {
  return {
    endpoint: `${identity}:3306`,
    facts: { family: 'mariadb', version: '10.11.6-MariaDB', identity, logsCascades: false },
    unfit: [],
    account: { name: "'otter'@'%'", grants: [grant('ALL PRIVILEGES')], roles: false },
    tables: [],
    logSeconds: null,
    rowMetadata: 'FULL',
    packetBytes: 64 << 20,
    autoIncrement: { increment: 1, offset: 1 },
    readOnly: false,
    clock: { aheadMs: 0, offMs: 1 },
    begun: [],
    ...more,
  };
}

export interface Side {
  readonly engine?: DatabaseSpec['engine'];
  readonly report?: Partial<ServerReport>;
  readonly tables?: readonly LiveTable[];
}

export const TWO_WAY = { kind: 'two-way', between: ['a', 'b'] } as const;
export const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

/** A null side did not answer. */
export function findings(
  a: Side | null,
  b: Side | null,
  channel: Partial<ChannelSpec> = {},
  direction: ChannelSpec['direction'] = TWO_WAY,
): LiveFinding[] {
  return findingsOf({ a, b }, { ...channelOf(direction, ['shop.orders']), ...channel });
}

export function findingsOf(sides: Readonly<Record<string, Side | null>>, shop: ChannelSpec): LiveFinding[] {
  const spec: DatabaseSpec = {
    region: 'r',
    engine: 'mariadb',
    endpoints: ['h:3306'],
    user: 'otter',
    password: { env: 'X' },
    tls: null,
    schema: 'otter',
    protect: false,
  };
  const database = Object.fromEntries(
    Object.entries(sides).map(([name, side]) => [name, { ...spec, engine: side?.engine ?? spec.engine }]),
  );
  const topology: Topology = { ...NOTHING_DECLARED, name: 'main', database, channel: { shop } };
  const databases = new Map<string, Answered>();
  for (const [name, side] of Object.entries(sides)) {
    if (side === null) continue;
    const tables = side.tables ?? [table()];
    const names = tables.map((one) => ({ schema: one.shape.schema, name: one.shape.name }));
    databases.set(name, {
      report: report(name, { tables: names, ...side.report }),
      tables: new Map(tables.map((one) => [tableName(one.shape), one])),
    });
  }
  return inspect({ topology, databases });
}

/** `severity code` of each. */
export function brief(found: readonly LiveFinding[]): string[] {
  return found.map(({ severity, code }) => `${severity} ${code}`).sort();
}
