/** A server that falls silent while it is looked at, and one that is left. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../../src/lab/proxy.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { inspectServer } from '../../src/mysql/inspect.ts';
import { type Context, open } from './context.ts';

let context: Context;
beforeAll(async () => {
  context = await open('mariadb');
});
afterAll(async () => {
  await context?.[Symbol.asyncDispose]();
});

async function throughProxy(): Promise<{ proxy: TcpProxy; server: DatabaseServer }> {
  const { lab } = context;
  const proxy = await startProxy({ target: lab });
  const spec = { endpoints: [`127.0.0.1:${proxy.port}`], user: lab.otter.user, tls: null };
  return {
    proxy,
    server: new DatabaseServer({ name: 'a', spec, password: lab.otter.password, connectTimeoutMs: 300 }),
  };
}

test('a server that falls silent is given up', async () => {
  const { proxy, server } = await throughProxy();
  await using _ = proxy;
  const signal = new AbortController().signal;
  await using live = await inspectServer(server, { schema: 'otter', signal, timeoutMs: 500 });
  expect((await live.report()).facts.family).toBe('mariadb');
  proxy.freeze();
  await expect(live.tables([{ schema: 'd', name: 't' }])).rejects.toMatchObject({
    code: 'OT4004',
    message: 'the server did not answer within 0.5 s',
    where: { database: 'a', endpoint: server.endpoint },
  });
  await expect(inspectServer(server, { schema: 'otter', signal, timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'OT4001',
  });
});

test('who leaves does not wait for it', async () => {
  const { proxy, server } = await throughProxy();
  await using _ = proxy;
  const leave = new AbortController();
  await using live = await inspectServer(server, { schema: 'otter', signal: leave.signal });
  proxy.freeze();
  const report = live.report();
  leave.abort(new Error('left'));
  await expect(report).rejects.toThrow('left');
});

test('what is there is read without a trace', async () => {
  const { root, server } = context;
  await root.query(
    "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT) WITH SYSTEM VERSIONING; INSERT INTO d.t (id) VALUES (1); CREATE TRIGGER d.g BEFORE INSERT ON d.t FOR EACH ROW SET NEW.id = NEW.id; CREATE TABLE d.`o'd``d` (id INT)",
  );
  const [before] = await root.rows('SELECT @@GLOBAL.gtid_binlog_pos AS at');
  await using live = await inspectServer(server, { schema: 'otter', signal: new AbortController().signal });
  const report = await live.report();
  expect(report).toMatchObject({ unfit: [], logSeconds: null, begun: [], readOnly: false });
  expect(report.account).toMatchObject({ name: "'otter'@'%'", roles: false });
  expect(Math.abs(report.clock.aheadMs)).toBeLessThan(200);
  const tables = await live.tables([...report.tables, { schema: 'd', name: 'gone' }]);
  expect([...tables.keys()].sort()).toEqual(["d.o'd`d", 'd.t']);
  expect(tables.get('d.t')).toMatchObject({
    autoIncrement: true,
    hasRows: true,
    unguardedTriggers: ['g'],
    inexact: { code: 'OT4040' },
  });
  expect(tables.get("d.o'd`d")).toMatchObject({ autoIncrement: false, hasRows: false, inexact: null });
  const sizes = await live.sizes();
  expect(sizes.find(({ schema, name }) => schema === 'd' && name === 't')).toMatchObject({ rows: 1, bytes: 16_384 });
  expect(sizes.some(({ schema }) => schema === 'mysql')).toBe(false);
  expect(await root.rows('SELECT @@GLOBAL.gtid_binlog_pos AS at')).toEqual([before]);
});
