/** Conflicts that wait for a person, on real servers: nothing is overwritten unseen, and decisions travel. */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { Take } from '../../src/model/resolution.ts';
import { channel, dump, pair, rootOf, type Sites, streaming, until } from './harness.ts';
import { manualSites, type Name, Person, PIPELINES, SHOP, stateOf } from './manual.ts';
import { slowed } from './slowed.ts';

let servers: Record<Name, DatabaseServer>;
let a: Connection;
let b: Connection;
let at: Record<Name, Person>;
let sites: Sites;

beforeAll(async () => {
  const [first, second] = await pair();
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
  at = { a: new Person('a', first), b: new Person('b', second) };
});
afterAll(async () => {
  for (const person of Object.values(at ?? {})) await person[Symbol.asyncDispose]();
  for (const root of [a, b]) root?.destroy();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const root of [a, b]) {
    await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; CREATE DATABASE shop');
    await root.query(
      `CREATE TABLE shop.t (id VARCHAR(20) PRIMARY KEY, name VARCHAR(50), u INT UNIQUE, doubled INT AS (u * 2));
       INSERT INTO shop.t (id, name, u) VALUES ('1', 'one', 1), ('2', 'two', 2), ('3', 'three', NULL)`,
    );
  }
  sites = manualSites(servers);
  await both();
});
afterEach(async () => {
  await sites[Symbol.asyncDispose]();
});

async function both(): Promise<void> {
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, ...PIPELINES);
}

/** Each side writes without the other's having arrived. */
async function apart(atA: string, atB: string): Promise<void> {
  for (const name of ['a', 'b']) await sites.stop(name);
  await a.query(atA);
  await b.query(atB);
  await both();
  await arrived();
}

let marks = 0;

/** A write of each site has arrived at the other, and so all before it. */
async function arrived(): Promise<void> {
  marks += 1;
  await a.query(`INSERT INTO shop.t (id, name) VALUES ('mark a ${marks}', '')`);
  await b.query(`INSERT INTO shop.t (id, name) VALUES ('mark b ${marks}', '')`);
  for (const root of [a, b]) {
    await until('all has arrived', async () => {
      const [rows] = await root.query(`SELECT 1 FROM shop.t WHERE id IN ('mark a ${marks}', 'mark b ${marks}')`);
      return (rows as unknown[]).length === 2;
    });
  }
}

async function rows(root: Connection): Promise<string[]> {
  return (await dump(root, 'shop.t')).filter((row) => !row.includes('mark'));
}

async function equal(): Promise<string[]> {
  const [here, there] = await Promise.all([rows(a), rows(b)]);
  expect(there).toEqual(here);
  return here;
}

/** Decides the oldest that waits of a row. */
async function resolve(name: Name, id: string, take: Take): Promise<void> {
  const found = (await at[name].open()).find(({ key }) => Object.values(key)[0]!.includes(`${id}'`));
  await at[name].resolve(found!, take);
}

test('what nobody contests is applied, without a record', async () => {
  await a.query("UPDATE shop.t SET name='a' WHERE id='1'; INSERT INTO shop.t (id) VALUES ('9')");
  await arrived();
  await b.query("UPDATE shop.t SET name='b' WHERE id='1'; DELETE FROM shop.t WHERE id='9'");
  await arrived();
  expect((await equal())[0]).toContain('"b"');
  expect([await stateOf(a), await stateOf(b)]).toEqual([[], []]);
});

test('both keep theirs, what is written further waits too, and a decision at one side closes the twin', async () => {
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  expect([(await rows(a))[0], (await rows(b))[0]]).toEqual([
    expect.stringContaining('at a') as string,
    expect.stringContaining('at b') as string,
  ]);
  const first = "open update/update local '1' manual: recent write";
  expect([await stateOf(a), await stateOf(b)]).toEqual([[first], [first]]);

  // Whoever owns them next knows what is open.
  for (const name of ['a', 'b']) await sites.stop(name);
  await both();
  await a.query("UPDATE shop.t SET name='at a again' WHERE id='1'");
  await arrived();
  await b.query("DELETE FROM shop.t WHERE id='1'");
  await arrived();
  expect([await stateOf(a), await stateOf(b)]).toEqual([
    [first, "open delete/update local '1' manual: waits behind another"],
    [first, "open update/update local '1' manual: waits behind another"],
  ]);
  expect(PIPELINES.map((name) => sites.figures()[name]!.open)).toEqual([2, 2]);

  await resolve('b', '1', 'incoming');
  await arrived();
  expect((await equal())[0]).toContain('at a"');
  expect((await stateOf(a)).map((row) => row.split(' ')[0])).toEqual(['resolved', 'resolved']);
  expect((await stateOf(b)).map((row) => row.split(' ')[0])).toEqual(['resolved', 'resolved']);
  await until('nothing is open', () => PIPELINES.every((name) => sites.figures()[name]!.open === 0));

  // The row is as any other from here on.
  await a.query("UPDATE shop.t SET name='later' WHERE id='1'");
  await arrived();
  expect((await equal())[0]).toContain('later');
});

test.each([
  ['local', 'at a'],
  ['incoming', 'at b'],
  ['base', 'one'],
  [{ row: { name: "it's\\ a", u: 77 } }, "it's\\\\ a"],
] as const)('%j', async (take, expected) => {
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  await resolve('a', '1', take);
  await arrived();
  expect((await equal())[0]).toContain(expected);
  expect(await at.b.open()).toEqual([]);
});

test('a deleted row, and one that two sites made', async () => {
  await apart(
    "DELETE FROM shop.t WHERE id='1'; INSERT INTO shop.t (id, name) VALUES ('5', 'a')",
    "UPDATE shop.t SET name='at b' WHERE id='1'; INSERT INTO shop.t (id, name) VALUES ('5', 'b')",
  );
  expect(await stateOf(a)).toEqual([
    "open update/delete local '1' manual: recent write",
    "open insert/insert local '5' manual: recent write",
  ]);
  await resolve('b', '1', 'incoming');
  await resolve('a', '5', 'incoming');
  await arrived();
  const all = await equal();
  expect(all[0]).toContain('two');
  expect(all.find((row) => row.startsWith('["5"'))).toContain('"b"');
  expect([await at.a.open(), await at.b.open()]).toEqual([[], []]);
});

test.each(['local', 'incoming'] as const)('two rows with one unique value, %s', async (take) => {
  await apart(
    "INSERT INTO shop.t (id, name, u) VALUES ('7', 'a', 99)",
    "INSERT INTO shop.t (id, name, u) VALUES ('8', 'b', 99)",
  );
  expect([await stateOf(a), await stateOf(b)]).toEqual([
    ["open unique local '8' manual: duplicate"],
    ["open unique local '7' manual: duplicate"],
  ]);
  await resolve('a', '8', take);
  await arrived();
  expect((await equal()).filter((row) => row.includes(',99,'))).toEqual([
    take === 'local' ? '["7","a",99,198]' : '["8","b",99,198]',
  ]);
  expect([await at.a.open(), await at.b.open()]).toEqual([[], []]);
});

test('a decision does not take from a row what it refers to, nor writes one that refers to nothing', async () => {
  await sites[Symbol.asyncDispose]();
  for (const root of [a, b])
    await root.query(
      `DROP DATABASE otter; ALTER TABLE shop.t ADD parent VARCHAR(20), ADD FOREIGN KEY (parent) REFERENCES shop.t (id);
       CREATE TABLE shop.child (id INT PRIMARY KEY, t VARCHAR(20), FOREIGN KEY (t) REFERENCES shop.t (id))`,
    );
  sites = manualSites(servers);
  await both();
  await apart(
    "INSERT INTO shop.t (id, name, u) VALUES ('7', 'a', 99); INSERT INTO shop.child VALUES (1, '7')",
    "INSERT INTO shop.t (id, name) VALUES ('6', 'p'); INSERT INTO shop.t (id, name, u, parent) VALUES ('8', 'b', 99, '6')",
  );
  await expect(resolve('a', '8', 'incoming')).rejects.toThrow('rows of shop.child refer to a row of shop.t');
  await a.query("UPDATE shop.child SET t = NULL; DELETE FROM shop.t WHERE id = '6'");
  await expect(resolve('a', '8', 'incoming')).rejects.toThrow('the row refers to a row of shop.t that is not there');
  // Row 7 gives way to the row that would refer to it.
  await expect(resolve('a', '8', { row: { parent: '7' } })).rejects.toThrow(
    'refer to a row of shop.t that would be deleted',
  );
  await a.query("INSERT INTO shop.t (id, name) VALUES ('6', 'p')");
  await resolve('a', '8', 'incoming');
  await arrived();
  expect((await equal()).map((row) => row.slice(0, 4))).toEqual(expect.arrayContaining(['["6"', '["8"']));
});

test('of two decisions that had not seen each other the first-listed site has its way', async () => {
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  for (const name of ['a', 'b']) await sites.stop(name);
  await resolve('a', '1', 'incoming');
  await resolve('b', '1', { row: { name: 'neither' } });
  await both();
  await arrived();
  expect((await equal())[0]).toContain('at b');
  expect([await at.a.open(), await at.b.open()]).toEqual([[], []]);
  expect((await stateOf(a)).at(-1)).toBe("decided update/update local '1' manual: resolved here too");
});

test('a write that a decision had not seen is not overwritten: both wait again', async () => {
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  for (const name of ['a', 'b']) await sites.stop(name);
  await resolve('a', '1', 'local');
  await b.query("UPDATE shop.t SET name='unseen' WHERE id='1'");
  await both();
  await arrived();
  expect([(await rows(a))[0], (await rows(b))[0]]).toEqual([
    expect.stringContaining('at a') as string,
    expect.stringContaining('unseen') as string,
  ]);
  expect((await at.a.open()).map(({ incoming }) => incoming?.['name'])).toEqual(["'unseen'"]);
  await resolve('a', '1', 'incoming');
  await arrived();
  expect((await equal())[0]).toContain('unseen');
  expect([await at.a.open(), await at.b.open()]).toEqual([[], []]);
});

test('a plan that is not what would be done any more is refused', async () => {
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  const [conflict] = await at.a.open();
  const plan = await at.a.plan(conflict!, 'incoming');
  await a.query("UPDATE shop.t SET name='meanwhile' WHERE id='1'");
  await expect(at.a.write(plan, 'incoming')).rejects.toMatchObject({ code: 'OT7012' });
  expect((await rows(a))[0]).toContain('meanwhile');
  expect(await at.a.open()).toHaveLength(1);
  await at.a.resolve(conflict!, 'incoming');
  await expect(at.a.resolve(conflict!, 'incoming')).rejects.toMatchObject({ code: 'OT7010' });
});

test('a decision about rows that come in parts', async () => {
  for (const root of [a, b]) await root.query('CREATE TABLE shop.long (id INT PRIMARY KEY, text LONGTEXT)');
  sites.set({ shop: { ...SHOP, tables: ['shop.t', 'shop.long'].map((from) => ({ ...SHOP.tables[0]!, from })) } });
  await sites.settled();
  const long = (of: string): string => `REPLACE INTO shop.long VALUES (1, REPEAT('${of}', 3000000))`;
  await apart(long('a'), long('b'));
  await at.a.resolve((await at.a.open())[0]!, 'incoming');
  await arrived();
  for (const root of [a, b])
    expect(await dump(root, '(SELECT CONCAT(LEFT(text, 1), LENGTH(text)) FROM shop.long) AS l')).toEqual([
      '["b3000000"]',
    ]);
  expect([await at.a.open(), await at.b.open()]).toEqual([[], []]);
}, 60_000);

test('other channels get a decision like any write', async () => {
  await b.query('DROP DATABASE IF EXISTS copy; CREATE DATABASE copy');
  const out = channel({ kind: 'one-way', from: ['a'], to: ['b'] }, [{ from: 'shop.t', to: 'copy.t' }]);
  sites.set({ shop: SHOP, out });
  await streaming(sites, 'out/a>b');
  await apart("UPDATE shop.t SET name='at a' WHERE id='1'", "UPDATE shop.t SET name='at b' WHERE id='1'");
  const copied = async (name: string): Promise<void> =>
    until(`${name} is there`, async () => (await dump(b, 'copy.t'))[0]!.includes(name));
  await copied('at a');
  await resolve('a', '1', 'incoming');
  await copied('at b');
});

test('the place where a log begins is one, however many ask for it at once', async () => {
  await sites[Symbol.asyncDispose]();
  await a.query('DROP DATABASE otter');
  const { target } = at.a;
  await target.prepare();
  const origins = await Promise.all(['a', 'a', 'a', 'a'].map((name) => target.origin(name)));
  expect(new Set(origins.map((origin) => JSON.stringify(origin))).size).toBe(1);
});

test('random writes on few keys over slow links, sites stopping and starting; what is open is decided, and all is equal', async () => {
  const random = seededRandom(11);
  sites.link.open = slowed(sites.link.open, random);
  for (let round = 0; round < 3; round += 1) {
    const writing = Promise.all([write(a, round * 2 + 1), write(b, round * 2 + 2)]);
    const restarted = round % 2 === 0 ? 'a' : 'b';
    await sites.stop(restarted);
    sites.start(restarted);
    await Promise.all([writing, decide(round + 1, 5)]);
    await streaming(sites, ...PIPELINES);
    await arrived();
    await onlyOpenDiffer();
    await decide(round + 100, 3);
  }
  expect((await stateOf(a)).length).toBeGreaterThan(20);
  expect((await stateOf(b)).length).toBeGreaterThan(20);
  for (let left = await waiting(); left > 0; left = await waiting()) {
    await decide(left, 1_000);
    await arrived();
  }
  await equal();
}, 180_000);

async function waiting(): Promise<number> {
  return (await at.a.open()).length + (await at.b.open()).length;
}

/** A row that is not the same everywhere has something open. */
async function onlyOpenDiffer(): Promise<void> {
  const [here, there] = await Promise.all([rows(a), rows(b)]);
  const keyOf = (row: string): string => (JSON.parse(row) as string[])[0]!;
  const differ = new Set([...here, ...there].filter((row) => !(here.includes(row) && there.includes(row))).map(keyOf));
  const open = [...(await at.a.open()), ...(await at.b.open())].map(({ key }) => Object.values(key)[0]!.slice(1, -1));
  expect([...differ].filter((key) => !open.includes(key))).toEqual([]);
}

/** At either side, whatever is open. */
async function decide(seed: number, most: number): Promise<void> {
  const random = seededRandom(seed);
  const takes: Take[] = ['incoming', 'local', 'base', { row: { name: 'decided', u: null } }];
  for (let i = 0; i < most; i += 1) {
    const name = random.between(0, 1) === 0 ? 'a' : 'b';
    const open = (await waitingAt(name)) ?? (await waitingAt(name === 'a' ? 'b' : 'a'));
    if (open === null) return;
    const conflict = open.list[random.between(0, open.list.length - 1)]!;
    await at[open.name].resolve(conflict, takes[random.between(0, 3)]!).catch((error: unknown) => {
      // Somebody writes, or it was closed from the other side.
      if (!['OT7010', 'OT7012', 'OT4005', 'OT7011'].includes((error as { code: string }).code)) throw error;
    });
  }
}

async function waitingAt(name: Name) {
  const list = await at[name].open();
  return list.length === 0 ? null : { name, list };
}

async function write(db: Connection, seed: number, times = 60): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number): number => random.between(0, n - 1);
  for (let i = 0; i < times; i += 1) {
    const [id, other] = [below(8), below(8)];
    const u = below(4) === 0 ? 'NULL' : String(below(8));
    const sql = [
      `INSERT INTO shop.t (id, name, u) VALUES ('${id}', 's${seed} ${i}', ${u})`,
      `UPDATE shop.t SET name='s${seed} ${i}' WHERE id='${id}'`,
      `UPDATE shop.t SET u=${u} WHERE id='${id}'`,
      `DELETE FROM shop.t WHERE id='${id}'`,
      `UPDATE shop.t SET id='${other}' WHERE id='${id}'`,
      `BEGIN; UPDATE shop.t SET u=NULL WHERE id='${id}'; UPDATE shop.t SET u=${below(8)} WHERE id='${other}'; COMMIT`,
    ][below(6)]!;
    try {
      await db.query(sql);
    } catch (error) {
      await db.query('ROLLBACK');
      if (![1062, 1213, 1205].includes((error as { errno: number }).errno)) throw error;
    }
  }
}
