/** Hand-made reports: every state that the dashboard has to draw. */
import type { ChannelStatus, NodeStatus, PipelineStatus, StatusReport } from '../../src/model/status.ts';
import { pipelineWords, topologyWords } from '../../src/observe/words.ts';

export const NOW_MS = Date.parse('2026-11-23T12:04:31Z');

export function pipeline(name: string, over: Partial<PipelineStatus> = {}): PipelineStatus {
  const [, ends] = name.split('/');
  const [source, target] = ends!.split('>');
  const status = {
    name,
    source: source!,
    target: target!,
    phase: 'streaming' as const,
    lag_ms: 12,
    position: 'mariadb:0-1-4711',
    rows_applied: 1_234_567,
    rows_per_second: 1204,
    per_second: { insert: 800, update: 404 },
    window: { rows: 120, ms: 9 },
    conflicts: 0,
    conflict_tables: {},
    open_conflicts: 0,
    dead_letters: 0,
    drift: 0,
    dry_run: null,
    observed_generation: 3,
    node: `${target!}-1`,
    copy: null,
    error: null,
    waiting: null,
    index: null,
    ...over,
  };
  return { ...status, summary: pipelineWords(status) };
}

export function node(
  name: string,
  region: string,
  databases: readonly string[],
  over: Partial<NodeStatus> = {},
): NodeStatus {
  return {
    name,
    region,
    alive: true,
    databases,
    sides: [],
    rss_bytes: 142_000_000,
    endpoints: {},
    cpu_percent: 3,
    reported: '2026-11-23T12:04:30Z',
    host: 'db1.example.org',
    address: '10.0.0.5:7401',
    started: '2026-11-23T09:00:00Z',
    version: '0.1.0',
    error: null,
    warning: null,
    ...over,
  };
}

export function channel(name: string, pipelines: readonly PipelineStatus[]): ChannelStatus {
  return { name, ready: pipelines.every((one) => one.phase === 'streaming'), generation: 3, pipelines, verify: null };
}

export function report(over: Partial<StatusReport> = {}): StatusReport {
  const status = {
    topology: 'shop',
    serial: 7,
    at: new Date(NOW_MS).toISOString(),
    regions: [
      { name: 'hangzhou', databases: ['hz'] },
      { name: 'california', databases: ['ca'] },
    ],
    nodes: [node('hz-1', 'hangzhou', ['hz']), node('ca-1', 'california', ['ca'])],
    channels: [
      channel('shop', [
        pipeline('shop/hz>ca'),
        pipeline('shop/ca>hz', { lag_ms: 14, rows_per_second: 311, conflicts: 3, rows_applied: 45_678 }),
      ]),
    ],
    files: [],
    applying: null,
    store_away: null,
    ...over,
  };
  return { ...status, summary: topologyWords(status) };
}

export const HEALTHY = report();

export const COPYING = report({
  channels: [
    channel('shop', [
      pipeline('shop/hz>ca', {
        phase: 'copying',
        lag_ms: null,
        copy: { tables_done: 2, tables_total: 5, rows_done: 86_000, rows_total: 200_000, eta_ms: 12_300 },
      }),
      pipeline('shop/ca>hz', { lag_ms: 14 }),
    ]),
  ],
});

export const FAILED = report({
  channels: [
    channel('shop', [
      pipeline('shop/hz>ca'),
      pipeline('shop/ca>hz', {
        phase: 'failed',
        rows_per_second: 0,
        per_second: {},
        lag_ms: 93_000,
        error: {
          code: 'OT5016',
          message:
            'shop.orders key 4711: the target answered "Column \'total\' cannot be null" and the row stays where it is',
          hint: 'Make the column shop.orders.total of database hz nullable, as it is in ca',
        },
      }),
    ]),
  ],
});

/** Of a node that is not there nothing is known. */
export const AWAY = {
  alive: false,
  rss_bytes: null,
  endpoints: {},
  cpu_percent: null,
  reported: null,
  host: null,
  address: null,
  started: null,
  version: null,
} as const;

export const NODE_AWAY = report({
  nodes: [node('hz-1', 'hangzhou', ['hz']), node('ca-1', 'california', [], AWAY)],
  channels: [
    channel('shop', [
      pipeline('shop/hz>ca', {
        phase: 'pending',
        lag_ms: null,
        node: null,
        rows_per_second: 0,
        per_second: {},
        waiting: 'node ca-1 to come back',
      }),
      pipeline('shop/ca>hz', { lag_ms: 4_200, waiting: 'the owner of database ca' }),
    ]),
  ],
});

export const EMPTY = report({ serial: 0, regions: [], nodes: [], channels: [] });

/** Five hubs with ten one-way pipelines each. */
export const FIFTY = report({
  regions: [
    { name: 'hangzhou', databases: ['hz', 'hz2', 'hz3', 'hz4', 'hz5'] },
    { name: 'world', databases: Array.from({ length: 10 }, (_, index) => `w${index}`) },
  ],
  nodes: Array.from({ length: 12 }, (_, index) =>
    node(`node-${index}`, index < 4 ? 'hangzhou' : 'world', [`w${index}`]),
  ),
  channels: Array.from({ length: 5 }, (_, hub) =>
    channel(
      `ch${hub}`,
      Array.from({ length: 10 }, (__, spoke) =>
        pipeline(`ch${hub}/hz${hub === 0 ? '' : hub + 1}>w${spoke}`, {
          lag_ms: (hub * 10 + spoke) * 17,
          rows_per_second: spoke * 111,
          node: `node-${spoke}`,
        }),
      ),
    ),
  ),
});

/** Five hundred pipelines between a hundred databases, every figure different with every tick. */
export function MANY(tick: number): StatusReport {
  const databases = Array.from({ length: 100 }, (_, index) => `db${index}`);
  return report({
    regions: Array.from({ length: 5 }, (_, region) => ({
      name: `region-${region}`,
      databases: databases.filter((_, index) => index % 5 === region),
    })),
    nodes: Array.from({ length: 20 }, (_, index) =>
      node(
        `node-${index}`,
        `region-${index % 5}`,
        databases.filter((_, at) => at % 20 === index),
      ),
    ),
    channels: Array.from({ length: 50 }, (_, hub) =>
      channel(
        `ch${hub}`,
        Array.from({ length: 10 }, (__, spoke) =>
          pipeline(`ch${hub}/db${hub}>db${(hub + spoke * 7 + 1) % 100}`, {
            lag_ms: (hub * 31 + spoke * 17 + tick * 13) % 2_000,
            rows_per_second: (spoke * 111 + tick * 7) % 3_000,
            rows_applied: tick * 1_000 + spoke,
            node: `node-${(hub + spoke * 7 + 1) % 20}`,
          }),
        ),
      ),
    ),
  });
}
