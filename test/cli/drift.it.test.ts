/** `otter drift` over real servers and a state file: quiet when all is well, and each kind of drift provoked once. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer as LabServer } from '../../src/lab/servers.ts';
import type { PipelineRecord } from '../../src/model/records.ts';
import type { Difference } from '../../src/planner/drift.ts';
import { statusKey } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { pair, rootOf } from '../site/harness.ts';
import { type Ended, person } from './person.ts';

let folder: string;
let servers: [LabServer, LabServer];
let roots: [Connection, Connection];
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-drift-'));
  servers = await pair();
  roots = (await Promise.all(servers.map(rootOf))) as [Connection, Connection];
  const [a, b] = servers;
  env = { A_PASSWORD: a.otter.password, B_PASSWORD: b.otter.password, OTTER_STATE: `file:${join(folder, 'state.db')}` };
  for (const root of roots)
    await root.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, n INT)');
  await writeFile(join(folder, 'main.yaml'), topology());
});
afterAll(async () => {
  for (const root of roots ?? []) await root.end();
  for (const server of servers ?? []) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function topology(): string {
  const databases = servers.map(
    ({ family, host, port, otter }, i) =>
      `  ${'ab'[i]}: { region: r, engine: ${family}, endpoints: ["${host}:${port}"], user: ${otter.user}, password: { env: ${'AB'[i]}_PASSWORD } }\n`,
  );
  return `version: 1
name: main
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${databases.join('')}channels:
  # The shop.
  shop: { between: [a, b], initial: none, tables: [shop.orders] }
`;
}

const drift = (...more: string[]): Promise<Ended> =>
  person(['drift', '-t', join(folder, 'main.yaml'), ...more], { env });
const found = async (...more: string[]): Promise<Difference[]> => {
  const { code, out } = await drift('--json', ...more);
  const { drift: list } = JSON.parse(out) as { drift: Difference[] };
  expect(code).toBe(list.length > 0 ? 2 : 0);
  return list;
};

test('from nothing applied to nothing different', async () => {
  expect(await drift()).toMatchObject({ code: 3 });
  expect(
    await person(['apply', '--auto-approve', '--no-wait', '-t', join(folder, 'main.yaml')], { env }),
  ).toMatchObject({ code: 0 });
  const quiet = await drift();
  expect(quiet, quiet.err).toMatchObject({ code: 0 });
  expect(quiet.out).toBe(
    'No drift. main (serial 1): files, nodes and databases are as it was applied; 2 databases were asked. No node owns a, b, so nothing is reported of what runs there.\n',
  );
});

test('what a database lacks', async () => {
  const record: PipelineRecord = {
    observedGeneration: 1,
    phase: 'streaming',
    position: null,
    error: null,
    node: 'n',
    updatedMs: 0,
  };
  await using store = openStore(env['OTTER_STATE']!);
  const put = async (value: PipelineRecord): Promise<void> => {
    const puts = [{ key: statusKey('main', 'pipeline', 'shop/a>b'), value: JSON.stringify(value) }];
    await store.commit({ conditions: [], puts, deletes: [] });
  };
  await put(record);
  const [, b] = roots;
  const { user } = servers[1].otter;
  expect(await found()).toMatchObject([{ address: 'database.b', class: 'database', kind: 'schema' }]);
  await b.query('CREATE DATABASE otter; CREATE TABLE otter.checkpoint (id INT PRIMARY KEY)');
  expect(await found()).toEqual([]);

  await b.query('ALTER TABLE shop.orders DROP COLUMN n');
  expect(await found()).toMatchObject([{ address: 'channel.shop', kind: 'tables' }]);
  await b.query('ALTER TABLE shop.orders ADD n INT');
  const [[grants]] = (await b.query(`SHOW GRANTS FOR '${user}'@'%'`)) as unknown as [Record<string, string>[]];
  await b.query(
    `REVOKE ALL PRIVILEGES, GRANT OPTION FROM '${user}'@'%'; GRANT SELECT, REPLICATION SLAVE ON *.* TO '${user}'@'%'`,
  );
  const kinds = (await found()).map(({ address, kind }) => `${address} ${kind}`);
  expect(kinds).toContain('database.b grants');
  await b.query(Object.values(grants!)[0]!);
  expect((await found()).map(({ message }) => message)).toEqual([]);

  await put({ ...record, phase: 'paused' });
  expect(await found()).toMatchObject([{ address: 'pipeline.shop/a>b', class: 'reported', kind: 'paused' }]);
  await put(record);
});

test('what was not asked is no drift, and no peace of mind', async () => {
  const { B_PASSWORD: _, ...less } = env;
  const ended = await person(['drift', '-t', join(folder, 'main.yaml')], { env: less });
  expect(ended).toMatchObject({ code: 1 });
  expect(ended.out).toContain('OT3020');
  expect(await drift('--no-databases')).toMatchObject({ code: 0 });
});

test('files that say otherwise, and what was applied written back into them', async () => {
  const path = join(folder, 'main.yaml');
  const yaml = await readFile(path, 'utf8');
  const changed = yaml.replace(
    'initial: none, tables: [shop.orders]',
    'initial: none, ddl: ignore, tables: [shop.orders, shop.more]',
  );
  await writeFile(path, changed);
  const [one] = await found('--no-databases');
  expect(one).toMatchObject({ address: 'channel.shop', class: 'declared', kind: 'changed', by: { serial: 1 } });
  const adopted = await drift('--no-databases', '--adopt');
  expect(adopted, adopted.err).toMatchObject({ code: 0 });
  const after = await readFile(path, 'utf8');
  expect(after).toBe(yaml.replace('initial: none, tables:', 'initial: none, ddl: stop, tables:'));
  expect(await person(['plan', '--detailed-exitcode', '-t', path], { env })).toMatchObject({ code: 0 });
  expect(await person(['drift', '--adopt', '-t', 'main'], { env })).toMatchObject({ code: 3 });
  expect(await person(['drift', '--no-databases', '-t', 'main'], { env })).toMatchObject({ code: 0 });
});
