/** What a scrape reads of a node, and when a node says that it is ready. */
import { expect, test } from 'vitest';
import { readinessOf } from '../../src/observe/health.ts';
import { METRICS } from '../../src/observe/metric-list.ts';
import { exposition } from '../../src/observe/registry.ts';
import { figures, flow, measured, NOW } from './a-node.ts';

const PIPELINE = 'channel="shop",pipeline="shop/hangzhou>ca",source="hangzhou",target="ca"';

/** Lines of one metric, the labels of every metric left out. */
async function lines(name: string, node = measured()): Promise<string[]> {
  const { text } = await exposition(node);
  const own = /,?topology="shop",node="ca-1"/;
  return text.split('\n').flatMap((line) => (line.startsWith(`${name}{`) ? [line.replace(own, '')] : []));
}

test('values in base units, under the names that people know, with the labels that the reference names', async () => {
  expect(await lines('otter_pipeline_lag_seconds')).toEqual([`otter_pipeline_lag_seconds{${PIPELINE}} 1.25`]);
  expect(await lines('otter_pipeline_rows_total')).toContain(
    `otter_pipeline_rows_total{${PIPELINE},operation="insert"} 5`,
  );
  expect(await lines('otter_pipeline_conflicts_total')).toEqual([
    `otter_pipeline_conflicts_total{${PIPELINE},kind="update/update",winner="local"} 2`,
  ]);
  expect(await lines('otter_pipeline_stage_seconds_total')).toEqual([
    ...['extract"} 1', 'transform"} 2', 'transfer"} 3'].map(
      (rest) =>
        `otter_pipeline_stage_seconds_total{channel="shop",pipeline="shop/ca>hangzhou",source="ca",target="hangzhou",stage="${rest}`,
    ),
    `otter_pipeline_stage_seconds_total{${PIPELINE},stage="prepare"} 0.5`,
    `otter_pipeline_stage_seconds_total{${PIPELINE},stage="load"} 4.5`,
  ]);
  expect(await lines('otter_reader_stall_seconds_total')).toEqual([
    'otter_reader_stall_seconds_total{database="ca"} 1.5',
  ]);
});

test('flows of files, by the node that has their target', async () => {
  const { record } = measured();
  const node = measured({ record: { ...record, files: { 'files.images/hangzhou>california': flow() } } });
  const of = 'set="images",flow="files.images/hangzhou>california",source="hangzhou",target="california"';
  expect(await lines('otter_files_backlog', node)).toEqual([`otter_files_backlog{${of}} 12`]);
  expect(await lines('otter_files_missing', node)).toEqual([`otter_files_missing{${of}} 3`]);
  expect(await lines('otter_files_received_bytes_total', node)).toEqual([
    `otter_files_received_bytes_total{${of}} 800`,
  ]);
  expect(await lines('otter_files_error', node)).toEqual([`otter_files_error{${of},code="OT8001"} 1`]);
  expect(await lines('otter_files_phase', node)).toContain(`otter_files_phase{${of},phase="copying"} 1`);
  expect(await lines('otter_files_backlog')).toEqual([]);
});

test('how channels are compared by themselves: what runs, and what came of the last', async () => {
  const last = { node: 'ca-1', startedMs: NOW, endedMs: NOW, tables: 2, skipped: 1, rows: 9, differing: 3, busy: 0 };
  const node = measured({
    verify: [
      { channel: 'shop', database: 'ca', last: { ...last, error: null }, rows: null },
      { channel: 'stock', database: 'hz', last: null, rows: 700 },
    ],
  });
  const [shop, stock] = ['channel="shop",database="ca"', 'channel="stock",database="hangzhou"'];
  const found = async (name: string): Promise<readonly string[]> => lines(`otter_verify_${name}`, node);
  expect(await found('running')).toEqual([`otter_verify_running{${shop}} 0`, `otter_verify_running{${stock}} 1`]);
  expect(await found('running_rows')).toEqual([`otter_verify_running_rows{${stock}} 700`]);
  expect(await found('differing_rows')).toEqual([`otter_verify_differing_rows{${shop}} 3`]);
  expect(await found('skipped_tables')).toEqual([`otter_verify_skipped_tables{${shop}} 1`]);
  expect(await found('failed')).toEqual([`otter_verify_failed{${shop}} 0`]);
  expect(await found('end_time_seconds')).toEqual([`otter_verify_end_time_seconds{${shop}} ${NOW / 1000}`]);
});

test('a histogram counts upwards, ends in +Inf, and its count is all of it', async () => {
  expect(await lines('otter_pipeline_window_seconds_bucket')).toEqual([
    `otter_pipeline_window_seconds_bucket{${PIPELINE},le="0.01"} 2`,
    `otter_pipeline_window_seconds_bucket{${PIPELINE},le="1"} 2`,
    `otter_pipeline_window_seconds_bucket{${PIPELINE},le="+Inf"} 3`,
  ]);
  expect(await lines('otter_pipeline_window_seconds_sum')).toEqual([
    `otter_pipeline_window_seconds_sum{${PIPELINE}} 4.5`,
  ]);
  expect(await lines('otter_pipeline_window_seconds_count')).toEqual([
    `otter_pipeline_window_seconds_count{${PIPELINE}} 3`,
  ]);
});

test('what is not known is absent and never 0, and what has gone leaves nothing behind', async () => {
  const before = measured();
  expect(await lines('otter_pipeline_lag_seconds', before)).toHaveLength(1);
  const { record } = before;
  const waiting = { ...record, pipelines: { 'shop/hz>ca': figures({ lagMs: null, open: undefined }) } };
  expect(await lines('otter_pipeline_lag_seconds', measured({ record: waiting }))).toEqual([]);
  expect(await lines('otter_pipeline_conflicts_open', measured({ record: waiting }))).toEqual([]);
  expect(await lines('otter_pipeline_copy_rows', measured({ record: waiting }))).toEqual([]);
  expect(await lines('otter_pipeline_lag_seconds', measured({ record: { ...record, pipelines: {} } }))).toEqual([]);
});

test('an error bears its code, and one phase is 1', async () => {
  const { record } = measured();
  const failed = figures({ phase: 'failed', error: { code: 'OT5016', message: "refuses 'x'", hint: null } });
  const node = measured({ record: { ...record, pipelines: { 'shop/hz>ca': failed } } });
  expect(await lines('otter_pipeline_error', node)).toEqual([`otter_pipeline_error{${PIPELINE},code="OT5016"} 1`]);
  const ones = (await lines('otter_pipeline_phase', node)).filter((line) => line.endsWith(' 1'));
  expect(ones).toEqual([`otter_pipeline_phase{${PIPELINE},phase="failed"} 1`]);
  expect((await exposition(node)).text).not.toContain('refuses');
});

test('names and labels are those that Prometheus wants, each once', async () => {
  const names = METRICS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, type, help, labels, read } of METRICS) {
    expect(name).toMatch(/^otter_[a-z_]+[a-z]$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(help, name).toMatch(/\.$/);
    for (const sample of read(measured())) expect([...labels].sort(), name).toEqual(Object.keys(sample.labels).sort());
  }
});

test('ready while peers reach it and it may own databases; a store that is away makes it neither', () => {
  const { record } = measured();
  expect(readinessOf(measured())).toMatchObject({ ready: true, why: null, state_store: 'up', databases: ['ca'] });
  const away = { storeAwaySinceMs: NOW, registered: false };
  expect(readinessOf(measured(away))).toMatchObject({ ready: true, state_store: 'away' });
  expect(readinessOf(measured({ ...away, linked: false })).ready).toBe(false);
  expect(readinessOf(measured({ linked: false })).why).toContain('not in the applied topology');
  expect(readinessOf(measured({ registered: false })).ready).toBe(false);
  expect(readinessOf(measured({ ending: true })).why).toBe('the node stops');
  const error = { code: 'OT6010', message: 'taken', hint: null };
  expect(readinessOf(measured({ record: { ...record, error } })).why).toBe('OT6010: taken');
});
