/** Rows that a target refuses, on real servers: copies, large transactions, changes of tables, and what people decide. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, deskAt, dump, endOf, equal, Sites, streaming, until } from './harness.ts';
import { oneWay, type RefusalRig, refusalRig } from './refusal-rig.ts';

let rig: RefusalRig;
let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;
const begun: RefusalRig['begun'] = (...asked) => rig.begun(...asked);
const letters: RefusalRig['letters'] = (name) => rig.letters(name);
const carried: RefusalRig['carried'] = (name) => rig.carried(name);

beforeAll(async () => {
  rig = await refusalRig();
  ({ a, b, ra, rb } = rig);
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

test('a row that is refused still stays with what waits behind it; what is dropped is lost, and no more than that', async () => {
  await using sites = new Sites({ a, b });
  await begun(sites, 'dropped', 'CREATE TABLE t (id INT PRIMARY KEY, v INT)');
  await rb.query('ALTER TABLE dropped.t ADD CONSTRAINT c CHECK (v < 100)');
  await ra.query(
    'INSERT INTO dropped.t VALUES (1, 500); INSERT INTO dropped.t VALUES (2, 600); UPDATE dropped.t SET v = 501 WHERE id = 1',
  );
  await carried('dropped');
  await using desk = deskAt(b);
  const [one, two, behind] = (await letters('dropped')).map(({ id }) => id);
  const refused = await desk.retry('dropped/a>b', [one!, two!, behind!]);
  expect(refused).toMatchObject({
    done: [],
    refused: [{ id: one, error: expect.stringMatching(/row id=1 of dropped\.t/) }, { id: two }],
  });
  expect(JSON.stringify(refused)).not.toMatch(/50[01]/);
  // What was looked at is not all that would be lost.
  await expect(desk.drop('dropped/a>b', [one!])).rejects.toMatchObject({ code: 'OT7030' });
  expect((await letters('dropped')).length).toBe(3);
  await desk.drop('dropped/a>b', [one!, behind!]);
  await ra.query('UPDATE dropped.t SET v = 3 WHERE id = 1');
  await until('its next change puts it there', async () => (await dump(rb, 'dropped.t')).includes('[1,3]'));
  expect((await letters('dropped')).map(({ id }) => id)).toEqual([two]);
}, 60_000);

test('rows of an initial copy, and of a transaction that comes in pieces, are set aside too', async () => {
  await using sites = new Sites({ a, b });
  await Promise.all(
    [ra, rb].map((root) =>
      root.query('CREATE DATABASE bulk; CREATE TABLE bulk.t (id INT PRIMARY KEY, v INT, w LONGTEXT)'),
    ),
  );
  await rb.query('ALTER TABLE bulk.t ADD CONSTRAINT c CHECK (v < 100)');
  await ra.query('INSERT INTO bulk.t (id, v) VALUES (1, 1), (2, 200), (3, 3)');
  sites.set({ bulk: channel(oneWay, ['bulk.*'], { onError: 'park' }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'bulk/a>b');
  expect((await letters('bulk')).map(({ row_key }) => row_key)).toEqual(['{"id":"2"}']);
  const rows = Array.from({ length: 9 }, (_, at) => `(${10 + at}, ${at % 4 === 1 ? 500 : 5}, REPEAT('x', 1000000))`);
  await ra.query(
    `UPDATE bulk.t SET v = 7 WHERE id = 2; START TRANSACTION; ${rows.map((row) => `INSERT INTO bulk.t VALUES ${row}`).join(';')}; UPDATE bulk.t SET v = 6 WHERE id IN (10, 11); COMMIT`,
  );
  await carried('bulk');
  expect((await letters('bulk')).map(({ row_key, kind, error }) => [row_key, kind, error === null])).toEqual([
    ['{"id":"2"}', 'insert', false],
    ['{"id":"2"}', 'update', true],
    ['{"id":"11"}', 'insert', false],
    ['{"id":"15"}', 'insert', false],
    ['{"id":"11"}', 'update', true],
  ]);
  await rb.query('ALTER TABLE bulk.t DROP CONSTRAINT c');
  await using desk = deskAt(b);
  await desk.retry(
    'bulk/a>b',
    (await letters('bulk')).map(({ id }) => id),
  );
  await equal(ra, rb, 'bulk.t');
}, 60_000);

test('a change of a table waits until its letters are settled, and what concerns every row is not set aside', async () => {
  await using sites = new Sites({ a, b });
  await begun(sites, 'ddl', 'CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE o (id INT PRIMARY KEY)', {
    ddl: 'replicate',
  });
  await rb.query('ALTER TABLE ddl.t ADD CONSTRAINT c CHECK (v < 100)');
  await ra.query(
    'INSERT INTO ddl.t VALUES (1, 100); ALTER TABLE ddl.o ADD COLUMN n INT; INSERT INTO ddl.o VALUES (1, 1)',
  );
  await equal(ra, rb, 'ddl.o');
  await ra.query('ALTER TABLE ddl.t ADD COLUMN w INT; INSERT INTO ddl.t VALUES (2, 2, 2)');
  await until('it stops', () => sites.figures()['ddl/a>b']?.error?.code === 'OT5080');
  expect(sites.figures()['ddl/a>b']!.error!.hint).toMatch(/otter deadletter retry ddl\/a:b/);
  await rb.query('ALTER TABLE ddl.t DROP CONSTRAINT c');
  await using desk = deskAt(b);
  await desk.retry(
    'ddl/a>b',
    (await letters('ddl')).map(({ id }) => id),
  );
  await equal(ra, rb, 'ddl.t');
  await streaming(sites, 'ddl/a>b');
  await rb.query(
    'CREATE TRIGGER ddl.tr BEFORE INSERT ON ddl.t FOR EACH ROW SET NEW.v = (SELECT nothing FROM ddl.o LIMIT 1)',
  );
  await ra.query('INSERT INTO ddl.t VALUES (3, 3, 3)');
  await until('it stops', () => sites.figures()['ddl/a>b']?.error?.code === 'OT5016');
  expect(await letters('ddl')).toEqual([]);
  await rb.query('DROP TRIGGER ddl.tr');
  await equal(ra, rb, 'ddl.t');
}, 60_000);

test('a pipeline that never began begins where it is told; one with dead letters is not moved', async () => {
  await using sites = new Sites({ a, b });
  await Promise.all(
    [ra, rb].map((root) => root.query('CREATE DATABASE never; CREATE TABLE never.t (id INT PRIMARY KEY, v INT)')),
  );
  await rb.query('ALTER TABLE never.t ADD CONSTRAINT c CHECK (v < 100)');
  const from = await endOf(a);
  await ra.query('INSERT INTO never.t VALUES (1, 1), (2, 200)');
  const spec = channel(oneWay, ['never.*'], { initial: 'none', onError: 'park', enabled: false });
  sites.set({ never: spec });
  sites.start('a');
  sites.start('b');
  sites.move('never/a>b', { from: null, to: from });
  await until('it stands there', () => sites.figures()['never/a>b']!.position === from);
  sites.set({ never: { ...spec, enabled: true } });
  await until(
    'it goes on there',
    async () => (await dump(rb, 'never.t')).length === 1 && (await letters('never')).length === 1,
  );
  const [rows] = await rb.query("SELECT position FROM otter.checkpoint WHERE pipeline = 'never/a>b'");
  sites.rest('never/a>b');
  await until('it rests', () => sites.figures()['never/a>b']!.phase === 'paused');
  const [now] = await rb.query("SELECT position FROM otter.checkpoint WHERE pipeline = 'never/a>b'");
  expect((rows as unknown[]).length).toBe(1);
  sites.move('never/a>b', { from: (now as { position: string }[])[0]!.position, to: from });
  await until('it is refused', () => sites.figures()['never/a>b']!.error?.code === 'OT5080');
}, 60_000);

test.each([['one that comes in pieces', `, (12, 5, REPEAT('x', 3000000)), (13, 5, REPEAT('x', 3000000))`]])(
  '%s transaction is passed over when it is named, and no other',
  async (_, more) => {
    await using sites = new Sites({ a, b });
    const name = more === '' ? 'pass' : 'pass_long';
    await begun(sites, name, 'CREATE TABLE t (id INT PRIMARY KEY, v INT, w LONGTEXT)', { onError: 'stop' });
    await rb.query(`ALTER TABLE ${name}.t ADD CONSTRAINT c CHECK (v < 100)`);
    const rows = ['(10, 5, NULL)', '(11, 500, NULL)'].join();
    await ra.query(
      `INSERT INTO ${name}.t VALUES (1, 1, NULL); INSERT INTO ${name}.t VALUES ${rows}${more}; INSERT INTO ${name}.t VALUES (2, 2, NULL); INSERT INTO ${name}.t VALUES (20, 200, NULL)`,
    );
    const error = () => sites.figures()[`${name}/a>b`]!.error;
    await until('it stops', () => /id=11/.test(error()?.message ?? ''));
    const { transaction, hint } = error()!;
    expect(hint).toContain(`otter skip ${name}/a:b`);
    // Another one is not before which it stands.
    sites.skip(`${name}/a>b`, 'nothing');
    sites.skip(`${name}/a>b`, transaction!);
    await until('it stops at the next', () => /id=20/.test(error()?.message ?? ''));
    expect(await dump(rb, `${name}.t`)).toEqual(['[1,1,null]', '[2,2,null]']);
    await rb.query(`ALTER TABLE ${name}.t DROP CONSTRAINT c`);
    await until('that is mended', async () => (await dump(rb, `${name}.t`)).includes('[20,200,null]'));
  },
  60_000,
);
