/** Hand-made reports: every state that the dashboard has to draw. */
import type { ChannelStatus, NodeStatus, PipelineStatus, StatusReport } from '../../src/model/status.ts';

export const NOW_MS = Date.parse('2026-11-23T12:04:31Z');

export function pipeline(name: string, over: Partial<PipelineStatus> = {}): PipelineStatus {
  const [, ends] = name.split('/');
  const [source, target] = ends!.split('>');
  return {
    name,
    source: source!,
    target: target!,
    phase: 'streaming',
    lag_ms: 12,
    position: 'mariadb:0-1-4711',
    rows_applied: 1_234_567,
    rows_per_second: 1204,
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
    started: '2026-11-23T09:00:00Z',
    version: '0.1.0',
    error: null,
    ...over,
  };
}

export function channel(name: string, pipelines: readonly PipelineStatus[]): ChannelStatus {
  return { name, ready: pipelines.every((one) => one.phase === 'streaming'), generation: 3, pipelines };
}

export function report(over: Partial<StatusReport> = {}): StatusReport {
  return {
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

export const NODE_AWAY = report({
  nodes: [
    node('hz-1', 'hangzhou', ['hz']),
    node('ca-1', 'california', [], { alive: false, rss_bytes: null, started: null, version: null }),
  ],
  channels: [
    channel('shop', [
      pipeline('shop/hz>ca', {
        phase: 'pending',
        lag_ms: null,
        node: null,
        rows_per_second: 0,
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
