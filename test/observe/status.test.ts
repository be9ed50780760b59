/** The status out of the state store's records, and as text for people. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { NodeRecord, PipelineFigures, PipelineRecord } from '../../src/model/records.ts';
import { statusReport, type TopologyRecords } from '../../src/observe/status.ts';
import { renderStatus } from '../../src/render/status.ts';
import { loaded, SHOP } from '../planner/world.ts';

const NOW = Date.UTC(2026, 0, 2);
const { topology } = loaded(SHOP);

function specs(generation = 3): TopologyRecords['specs'] {
  const of = <T>(objects: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(objects).map(([name, spec]) => [name, { generation, spec }]));
  const { region, node, database, channel } = topology;
  return { region: of(region), node: of(node), database: of(database), channel: of(channel), files: {} };
}

const figures: PipelineFigures = {
  phase: 'streaming',
  observedGeneration: 3,
  lagMs: 420,
  position: '0-1-7',
  rowsApplied: 12345,
  rowsPerSecond: 17,
  conflicts: 2,
  drift: 0,
  copy: null,
  error: null,
  waiting: null,
};

function node(name: string, database: string, pipelines: NodeRecord['pipelines'], updatedMs = NOW): NodeRecord {
  return {
    instance: `${name}-i`,
    region: name[0]!,
    advertise: '',
    version: '1',
    startedMs: 0,
    pid: 1,
    host: 'h',
    databases: [database],
    rssBytes: 1,
    error: null,
    pipelines,
    updatedMs,
  };
}

const last: PipelineRecord = {
  observedGeneration: 3,
  phase: 'streaming',
  position: '0-1-5',
  error: null,
  node: 'b1',
  updatedMs: 0,
};
const RUNNING: TopologyRecords = {
  name: 't',
  meta: { format: 1, lineage: 'l', serial: 9 },
  specs: specs(),
  nodes: {
    a1: node('a1', 'hz', { 'shop/ca>hz': figures }),
    b1: node('b1', 'ca', { 'shop/hz>ca': figures }),
  },
  owners: {
    hz: { node: 'a1', instance: 'a1-i', advertise: '' },
    ca: { node: 'b1', instance: 'b1-i', advertise: '' },
  },
  pipelines: { 'shop/hz>ca': last },
  lock: null,
};
const pipeline = (records: TopologyRecords, name = 'shop/hz>ca') =>
  statusReport(records, NOW)
    .channels.flatMap(({ pipelines }) => pipelines)
    .find((one) => one.name === name);

test('a channel is ready when every pipeline streams at the applied generation', () => {
  expect(statusReport(RUNNING, NOW).channels[0]).toMatchObject({ name: 'shop', ready: true, generation: 3 });
  expect(statusReport({ ...RUNNING, specs: specs(4) }, NOW).channels[0]!.ready).toBe(false);
  const copying = { 'shop/hz>ca': { ...figures, phase: 'copying' as const } };
  const nodes = { ...RUNNING.nodes, b1: node('b1', 'ca', copying) };
  expect(statusReport({ ...RUNNING, nodes }, NOW).channels[0]!.ready).toBe(false);
});

test('figures are those of the owner of the target', () => {
  expect(pipeline(RUNNING)).toMatchObject({ node: 'b1', phase: 'streaming', lag_ms: 420, rows_applied: 12345 });
});

test('of a node that is away the last record stays, never that it streams', () => {
  const { b1: _, ...nodes } = RUNNING.nodes;
  const { ca: __, ...owners } = RUNNING.owners;
  const away = { ...RUNNING, nodes, owners };
  expect(pipeline(away)).toMatchObject({
    node: null,
    phase: 'pending',
    lag_ms: null,
    position: '0-1-5',
    waiting: 'no node owns ca; it was b1',
  });
  const report = statusReport(away, NOW);
  expect(report.nodes.map(({ name, alive }) => [name, alive])).toEqual([
    ['a1', true],
    ['b1', false],
  ]);
  expect(report.channels[0]!.ready).toBe(false);
  const error = { code: 'OT4003', message: 'the login was refused', hint: 'Look at the password.' };
  const failed = { ...away, pipelines: { 'shop/hz>ca': { ...last, phase: 'failed' as const, error } } };
  expect(pipeline(failed)).toMatchObject({ phase: 'failed', error });
});

test('a node that has just taken a database over does not answer for what the one before it said', () => {
  const error = { code: 'OT6004', message: 'no node owns database hz now', hint: null };
  const nodes = { ...RUNNING.nodes, b2: node('b2', 'ca', {}) };
  const owners = { ...RUNNING.owners, ca: { node: 'b2', instance: 'b2-i', advertise: '' } };
  const records = {
    ...RUNNING,
    nodes,
    owners,
    pipelines: { 'shop/hz>ca': { ...last, phase: 'failed' as const, error } },
  };
  expect(pipeline(records)).toMatchObject({
    node: 'b2',
    phase: 'pending',
    position: '0-1-5',
    error: null,
    waiting: 'node b2 has not reported yet; before it was b1',
  });
  const away = pipeline({ ...records, nodes: { ...nodes, b2: node('b2', 'ca', {}, NOW - 60_000) } });
  expect(away).toMatchObject({ phase: 'failed', error, waiting: 'node b2 is away' });
});

test('figures that are not renewed are not believed, whatever the lease says', () => {
  const nodes = { ...RUNNING.nodes, b1: node('b1', 'ca', { 'shop/hz>ca': figures }, NOW - 60_000) };
  expect(pipeline({ ...RUNNING, nodes })).toMatchObject({ phase: 'pending', waiting: 'node b1 is away' });
});

test('of a node that is silent no lag is shown, but since when', () => {
  const copy = { tablesDone: 0, tablesTotal: 1, rowsDone: 300, rowsTotal: 1000, etaMs: 4200 };
  const at = (ageMs: number) => {
    const copying = { 'shop/hz>ca': { ...figures, phase: 'copying' as const, copy } };
    return pipeline({ ...RUNNING, nodes: { ...RUNNING.nodes, b1: node('b1', 'ca', copying, NOW - ageMs) } });
  };
  expect(at(2_000)).toMatchObject({ lag_ms: 420, rows_per_second: 17, copy: { eta_ms: 4200 }, waiting: null });
  expect(at(6_000)).toMatchObject({
    phase: 'copying',
    lag_ms: null,
    rows_per_second: 0,
    rows_applied: 12345,
    copy: { rows_done: 300, eta_ms: null },
    waiting: 'node b1, silent since 23:59:54 UTC',
  });
});

test('a disabled channel is paused, whatever its node still reports', () => {
  const disabled = specs(4);
  const { shop } = disabled.channel;
  const spec = { ...disabled, channel: { shop: { generation: 4, spec: { ...shop!.spec, enabled: false } } } };
  const error = { code: 'OT4032', message: 'a statement', hint: null };
  const stuck = { 'shop/hz>ca': { ...figures, phase: 'failed' as const, error } };
  const nodes = { ...RUNNING.nodes, b1: node('b1', 'ca', stuck) };
  expect(pipeline({ ...RUNNING, specs: spec, nodes })).toMatchObject({
    phase: 'paused',
    lag_ms: null,
    error: null,
    waiting: 'node b1 has not stopped it yet',
  });
  const stopped = { 'shop/hz>ca': { ...figures, phase: 'paused' as const, observedGeneration: 4 } };
  expect(pipeline({ ...RUNNING, specs: spec, nodes: { b1: node('b1', 'ca', stopped) } })).toMatchObject({
    phase: 'paused',
    waiting: null,
  });
});

test('the reference names every key of the report', () => {
  const reference = readFileSync(new URL('../../docs/reference/status-json.md', import.meta.url), 'utf8');
  const copy = { tablesDone: 0, tablesTotal: 0, rowsDone: 0, rowsTotal: 0, etaMs: null };
  const error = { code: 'OT5016', message: 'm', hint: null };
  const nodes = { ...RUNNING.nodes, b1: node('b1', 'ca', { 'shop/hz>ca': { ...figures, copy, error } }) };
  const names = new Set<string>();
  JSON.stringify(statusReport({ ...RUNNING, nodes }, NOW), (key, value: unknown) => {
    if (key !== '' && !/^\d+$/.test(key)) names.add(key);
    return value;
  });
  expect(names.size).toBeGreaterThan(30);
  for (const name of names) expect(reference).toMatch(new RegExp(`\`${name}(\\[\\])?\``));
});

test('a copy of which no rows are known yet counts tables only', () => {
  const copy = { tablesDone: 0, tablesTotal: 2, rowsDone: 0, rowsTotal: 0, etaMs: null };
  const copying = { 'shop/hz>ca': { ...figures, phase: 'copying' as const, copy } };
  const nodes = { ...RUNNING.nodes, b1: node('b1', 'ca', copying) };
  const text = renderStatus(statusReport({ ...RUNNING, nodes }, NOW), { colour: false });
  expect(text).toContain('    copying: 0 of 2 tables\n');
});

test('conflicts are told by table, those with most first; nodes of earlier versions tell only how many', () => {
  const report = (conflictTables: PipelineFigures['conflictTables'], conflicts: number): TopologyRecords => {
    const counted = { ...figures, conflicts, conflictTables };
    return { ...RUNNING, nodes: { ...RUNNING.nodes, b1: node('b1', 'ca', { 'shop/hz>ca': counted }) } };
  };
  const tables = { 'shop.a': 9, 'shop.b': 5, 'shop.c': 4, 'shop.d': 3, 'shop.e': 2, 'shop.f': 1 };
  expect(pipeline(report(tables, 30))).toMatchObject({ conflicts: 30, conflict_tables: tables });
  const text = (records: TopologyRecords): string => renderStatus(statusReport(records, NOW), { colour: false });
  expect(text(report(tables, 30))).toContain(
    '    conflicts: shop.a 9, shop.b 5, shop.c 4, shop.d 3, shop.e 2, others 7\n',
  );
  expect(text(report({ 'shop.a': 2 }, 2))).toContain('    conflicts: shop.a 2\n');
  expect(pipeline(report(undefined, 2))).toMatchObject({ conflicts: 2, conflict_tables: {} });
  expect(text(report(undefined, 2))).not.toContain('conflicts:');
});

test('the index of recent writes is told as numbers, and in words when it is large', () => {
  const mebibyte = 2 ** 20;
  const index = {
    entries: 7,
    bytes: 5,
    limitBytes: 10 * mebibyte,
    fileBytes: 0,
    waitsFor: 'shop/hz>ca',
    since: 'mariadb:0-1-9',
  };
  const report = (changed: Partial<typeof index> | null | undefined): TopologyRecords => {
    const counted = {
      ...figures,
      index: changed === null || changed === undefined ? changed : { ...index, ...changed },
    };
    return { ...RUNNING, nodes: { ...RUNNING.nodes, b1: node('b1', 'ca', { 'shop/hz>ca': counted }) } };
  };
  const told = {
    entries: 7,
    bytes: 5,
    limit_bytes: 10 * mebibyte,
    file_bytes: 0,
    waits_for: 'shop/hz>ca',
    since: 'mariadb:0-1-9',
  };
  expect(pipeline(report({}))!.index).toEqual(told);
  expect(pipeline(report(null))!.index).toBeNull();
  expect(pipeline(report(undefined))!.index).toBeNull();
  const text = (records: TopologyRecords): string => renderStatus(statusReport(records, NOW), { colour: false });
  for (const small of [{}, { bytes: 5 * mebibyte }, null, undefined])
    expect(text(report(small))).not.toContain('recent writes');
  const until = 'kept until it is known that shop/hz>ca has passed mariadb:0-1-9';
  expect(text(report({ bytes: 5 * mebibyte + 1 }))).toContain(`    recent writes: 7 in 6 MiB of memory, ${until}\n`);
  expect(text(report({ fileBytes: 9 * mebibyte }))).toContain(
    `    recent writes: 7 in 1 MiB of memory and 9 MiB of disk, ${until}\n`,
  );
});

test('what waits for a person is told, with what shows it', () => {
  const report = (open?: number): TopologyRecords => ({
    ...RUNNING,
    nodes: { ...RUNNING.nodes, b1: node('b1', 'ca', { 'shop/hz>ca': { ...figures, open } }) },
  });
  expect([pipeline(report(4)), pipeline(report())]).toMatchObject([{ open_conflicts: 4 }, { open_conflicts: 0 }]);
  const text = (records: TopologyRecords): string => renderStatus(statusReport(records, NOW), { colour: false });
  expect(text(report(4))).toContain('    shop/hz>ca is up to date; 4 conflicts wait for a decision\n');
  expect(text(report(4))).toContain('    to decide them: otter conflicts shop/hz:ca --open\n');
  expect(text(report())).not.toContain('decision');
});

test('as text: a line per pipeline, what is wrong and what to type', () => {
  const copy = { tablesDone: 1, tablesTotal: 2, rowsDone: 300, rowsTotal: 1000, etaMs: 4200 };
  const error = { code: 'OT5016', message: 'a row of shop.orders\u001b[2J', hint: 'Mend the cause.' };
  const nodes = {
    a1: {
      ...node('a1', 'hz', { 'shop/ca>hz': { ...figures, phase: 'failed' as const, lagMs: 75_000, error } }),
      endpoints: { hz: '10.0.0.2:3306' },
    },
    b1: node('b1', 'ca', { 'shop/hz>ca': { ...figures, phase: 'copying' as const, copy, drift: 3 } }),
  };
  const lock = { holder: 'ann', host: 'h', pid: 1, since: '2026-01-01T23:59:00Z', operation: 'apply, serial 10' };
  expect(renderStatus(statusReport({ ...RUNNING, nodes, lock }, NOW), { colour: false })).toMatchInlineSnapshot(`
    "t  serial 9  2026-01-02T00:00:00.000Z  applying: ann (apply, serial 10 since 2026-01-01T23:59:00Z)
    1 of 2 pipelines fails; 1 is being filled.

    PIPELINE    PHASE    LAG     ROWS  APPLIED  CONFLICTS  NODE
    shop/hz>ca  copying  420 ms  17/s  12345    2          b1
        shop/hz>ca is being filled: 1 table is being copied (30%, about 4.2 s to go); 3 rows were other than the log said and put right
        copying: 300 of about 1000 rows, 1 of 2 tables, about 5 s to go
    shop/ca>hz  failed   75 s    17/s  12345    2          a1
        OT5016: a row of shop.orders�[2J
        Mend the cause.

    node a1 (a): owns hz (at 10.0.0.2:3306)
    node b1 (b): owns ca
    "
  `);
  const empty = { ...RUNNING, nodes: {}, owners: {}, pipelines: {}, specs: { ...specs(), channel: {} } };
  expect(renderStatus(statusReport(empty, NOW), { colour: false })).toMatchInlineSnapshot(`
    "t  serial 9  2026-01-02T00:00:00.000Z
    No channel is applied, so nothing is replicated.

    PIPELINE  PHASE  LAG  ROWS  APPLIED  CONFLICTS  NODE
        nothing: no channel is applied

    node a1 (a): away; to start it: otter node a1
    node b1 (b): away; to start it: otter node b1
    "
  `);
});
