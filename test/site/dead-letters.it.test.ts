/** Rows that a target refuses, on real servers: what is set aside, what waits behind it, and that each is applied exactly once. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { LoadSession } from '../../src/model/load.ts';
import type { SiteOptions } from '../../src/site/site.ts';
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

const dead = (sites: Sites, name: string): number => sites.figures()[`${name}/a>b`]!.deadLetters ?? -1;

test('what is refused is set aside with what must wait behind it, all else goes on, and later it is applied in order', async () => {
  await using sites = new Sites({ a, b });
  const of = 'id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(9), n INT';
  await begun(
    sites,
    'park',
    `CREATE TABLE t (${of}); CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES t (id)); CREATE TABLE bare (v VARCHAR(9))`,
  );
  await rb.query(
    "ALTER TABLE park.t MODIFY v VARCHAR(9), ADD CONSTRAINT c CHECK (v <> 'bad'); ALTER TABLE park.bare ADD CONSTRAINT d CHECK (v <> 'bad')",
  );
  await ra.query("INSERT INTO park.t VALUES (1, 1, 'x', 0), (2, 2, 'x', 0), (3, 3, 'x', 0)");
  await ra.query(
    "START TRANSACTION; INSERT INTO park.t VALUES (4, 4, 'bad', 0), (5, 5, 'ok', 0); INSERT INTO park.child VALUES (1, 4), (2, 5); COMMIT",
  );
  await ra.query("UPDATE park.t SET id = 30, v = 'bad' WHERE id = 3");
  await ra.query(
    "UPDATE park.t SET v = 'mended' WHERE id = 4; UPDATE park.t SET u = 40 WHERE id = 4; INSERT INTO park.t VALUES (6, 4, 'x', 0)",
  );
  await ra.query(
    "UPDATE park.t SET n = n + 1 WHERE id IN (1, 5); DELETE FROM park.t WHERE id = 30; INSERT INTO park.t VALUES (3, 33, 'new', 0)",
  );
  await ra.query("INSERT INTO park.bare VALUES ('bad'), ('ok'); UPDATE park.bare SET v = 'worse' WHERE v = 'bad'");
  await carried('park');
  expect(
    (await letters('park')).map(({ table_name, kind, row_key, error }) => [table_name, kind, row_key, error === null]),
  ).toEqual([
    ['t', 'insert', '{"id":"4"}', false],
    ['child', 'insert', '{"id":"1"}', true],
    ['t', 'update', '{"id":"3"}', false],
    ['t', 'update', '{"id":"4"}', true],
    ['t', 'update', '{"id":"4"}', true],
    ['t', 'insert', '{"id":"6"}', true],
    ['t', 'delete', '{"id":"30"}', true],
    ['t', 'insert', '{"id":"3"}', true],
    ['bare', 'insert', '{}', false],
    ['bare', 'update', '{}', true],
  ]);
  const [first] = await letters('park');
  expect(first!.error).toMatch(/(CONSTRAINT|constraint).*c/);
  expect(first!.error).not.toContain('bad');
  // What was refused of a change of a key has left the row as it was.
  expect(await dump(rb, 'park.t')).toEqual(['[1,1,"x",1]', '[2,2,"x",0]', '[3,3,"x",0]', '[5,5,"ok",1]']);
  await until('it is counted', () => dead(sites, 'park') === 10);
  // Whoever has the database next knows of them too.
  await sites.stop('b');
  sites.start('b');
  await streaming(sites, 'park/a>b');
  await ra.query('UPDATE park.t SET n = 7 WHERE id = 4; UPDATE park.t SET n = 8 WHERE id = 2');
  await carried('park');
  expect((await letters('park')).length).toBe(11);
  await using desk = deskAt(b);
  // One of them with all that hangs together with it; what was mended at the source needs no mending here.
  const ids = (await letters('park')).map(({ id }) => id);
  const once = await desk.retry('park/a>b', [ids[1]!]);
  expect(once).toEqual({ done: [0, 1, 3, 4, 5, 10].map((at) => ids[at]), refused: [] });
  await rb.query('ALTER TABLE park.t DROP CONSTRAINT c; ALTER TABLE park.bare DROP CONSTRAINT d');
  expect((await desk.retry('park/a>b', ids)).refused).toEqual([]);
  for (const table of ['t', 'child', 'bare']) await equal(ra, rb, `park.${table}`);
  expect(await letters('park')).toEqual([]);
  await until('they are not counted any more', () => dead(sites, 'park') === 0);
  await ra.query("UPDATE park.t SET v = 'on' WHERE id = 4");
  await equal(ra, rb, 'park.t');
}, 60_000);

test('a stop says the row and the reason without other values; set to park it goes on by itself', async () => {
  await using sites = new Sites({ a, b });
  await begun(sites, 'stops', 'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))', { onError: 'stop' });
  await rb.query('ALTER TABLE stops.t ADD CONSTRAINT c CHECK (length(v) < 9)');
  await ra.query("INSERT INTO stops.t VALUES (1, 'short'), (2, 'secret-and-long'), (3, 'short')");
  await until('it stops', () => sites.figures()['stops/a>b']?.error?.code === 'OT5016');
  const { message } = sites.figures()['stops/a>b']!.error!;
  expect(message).toMatch(/b refuses the row id=2 of stops\.t \(transaction .*\d\).*c.*\(error \d+\)$/);
  expect(message).not.toContain('secret');
  expect(await letters('stops')).toEqual([]);
  sites.set({ stops: channel(oneWay, ['stops.*'], { onError: 'park', initial: 'none' }) });
  await until('it goes on', async () => (await dump(rb, 'stops.t')).length === 2);
  expect((await letters('stops')).map(({ row_key }) => row_key)).toEqual(['{"id":"2"}']);
  // Set back, what must wait behind it still waits, and what is refused anew stops.
  sites.set({ stops: channel(oneWay, ['stops.*'], { onError: 'stop', initial: 'none' }) });
  await sites.settled();
  await ra.query("UPDATE stops.t SET v = 'mended' WHERE id = 2; INSERT INTO stops.t VALUES (4, 'much-too-long')");
  await until('it stops', () => /id=4/.test(sites.figures()['stops/a>b']?.error?.message ?? ''));
  expect((await letters('stops')).length).toBe(2);
}, 60_000);

test.each(['before', 'behind'] as const)(
  'killed %s the commit of a window that sets aside, it is set aside once',
  async (when) => {
    let kills = 0;
    const through = (target: SiteOptions['target']): SiteOptions['target'] =>
      overlaid(target, {
        session: async (...asked) => {
          const session = await target.session(...asked);
          let parked = false;
          return overlaid<LoadSession>(session, {
            park: async (letter) => {
              parked = true;
              return session.park(letter);
            },
            commit: async () => {
              if (parked && kills < 2) {
                kills += 1;
                if (when === 'behind') await session.commit();
                await session[Symbol.asyncDispose]();
                throw new Error('killed');
              }
              await session.commit();
            },
          });
        },
      });
    await using sites = new Sites({ a, b }, undefined, undefined, { through });
    const name = `kill_${when}`;
    await begun(sites, name, 'CREATE TABLE t (id INT PRIMARY KEY, v INT)');
    await rb.query(`ALTER TABLE ${name}.t ADD CONSTRAINT c CHECK (v < 100)`);
    await ra.query(`INSERT INTO ${name}.t VALUES (1, 1), (2, 200), (3, 3)`);
    await ra.query(`UPDATE ${name}.t SET v = v + 1; INSERT INTO ${name}.t VALUES (4, 400)`);
    await carried(name);
    expect(kills).toBe(2);
    expect((await letters(name)).map(({ row_key, kind }) => [row_key, kind])).toEqual([
      ['{"id":"2"}', 'insert'],
      ['{"id":"2"}', 'update'],
      ['{"id":"4"}', 'insert'],
    ]);
    expect(await dump(rb, `${name}.t`)).toEqual(['[1,2]', '[3,4]']);
  },
  60_000,
);

test.each([['one', '']])(
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

test('a pipeline that rests is moved by the owner of its target, from where it was seen and no other place', async () => {
  await using sites = new Sites({ a, b });
  await begun(sites, 'moved', 'CREATE TABLE t (id INT PRIMARY KEY)', { onError: 'stop' });
  const name = 'moved/a>b';
  const stands = async (): Promise<string> => {
    const [rows] = await rb.query(`SELECT position FROM otter.checkpoint WHERE pipeline = '${name}'`);
    return (rows as { position: string }[])[0]!.position;
  };
  const asked = async (from: string | null, to: string): Promise<void> => {
    sites.move(name, { from, to });
    await until('it is told', () => {
      const { phase, position, error } = sites.figures()[name]!;
      return phase === 'paused' && (position !== null || error !== null);
    });
  };
  await ra.query('INSERT INTO moved.t VALUES (1)');
  await until('it has come', async () => (await dump(rb, 'moved.t')).length === 1);
  sites.rest(name);
  await until('it rests', () => sites.figures()[name]!.phase === 'paused');
  await ra.query('INSERT INTO moved.t VALUES (2)');
  const [first, end] = [await stands(), await endOf(a)];
  await asked('mariadb:0-1-1', end);
  expect(sites.figures()[name]!.error).toMatchObject({ code: 'OT5085' });
  expect(await stands()).toBe(first);
  // Done twice it is done once: whoever has the database next finds the wish as it was.
  await asked(first, end);
  await sites.stop('b');
  sites.start('b');
  await until('it is told again', () => sites.figures()[name]!.position === end);
  sites.move(name, null);
  await ra.query('INSERT INTO moved.t VALUES (3)');
  await until('it goes on there', async () => (await dump(rb, 'moved.t')).join() === '[1],[3]');
  sites.rest(name);
  await until('it rests', () => sites.figures()[name]!.phase === 'paused');
  const second = await stands();
  await asked(second, first);
  sites.move(name, null);
  await until('what was passed over has come, and what was there comes again', () =>
    /row id=3 of moved\.t/.test(sites.figures()[name]!.error?.message ?? ''),
  );
  expect(await dump(rb, 'moved.t')).toEqual(['[1]', '[2]', '[3]']);
}, 60_000);

/** The same with some of it otherwise. */
function overlaid<T extends object>(whole: T, part: Partial<T>): T {
  return new Proxy(whole, {
    get: (_, name) => {
      const value = Reflect.get(Object.hasOwn(part, name) ? part : whole, name, whole) as unknown;
      return typeof value === 'function' && !Object.hasOwn(part, name) ? value.bind(whole) : value;
    },
    set: (_, name, value) => Reflect.set(whole, name, value, whole),
  });
}
