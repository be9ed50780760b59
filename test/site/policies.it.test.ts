/** Policies on real servers: whose write it is when neither site had seen the other's, and that all end equal. */
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ConflictSpec } from '../../src/model/topology.ts';
import { channel, dump, loud, pair, quiet, rootOf, Sites, until } from './harness.ts';
import { slowed } from './slowed.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;
const log = process.env['LOUD'] ? loud : quiet;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  ra.destroy();
  rb.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

function rule(more: Partial<ConflictSpec>): ConflictSpec {
  return { policy: 'site-priority', priority: ['a', 'b'], by: null, merge: 'row', groups: [], counters: [], ...more };
}

const between = { kind: 'two-way', between: ['a', 'b'] } as const;

async function prepare(...sql: string[]): Promise<void> {
  for (const root of [ra, rb]) await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter');
  for (const statement of ['CREATE DATABASE shop', ...sql]) await ra.query(statement);
}

const streaming = (sites: Sites): Promise<void> =>
  until('streaming', () =>
    ['shop/a>b', 'shop/b>a'].every((name) => {
      const figures = sites.figures()[name];
      return figures?.phase === 'streaming' && figures.error === null;
    }),
  );

/** In a while: of a time that is past a log says no more than that it comes behind what it has. */
const SOON = Math.ceil(Date.now() / 1000) + 120;

/** A statement that its server logs as committed at this second. */
async function at(root: Connection, server: DatabaseServer, second: number, sql: string): Promise<void> {
  const time = SOON + second;
  const [set, reset] =
    server.family === 'mariadb'
      ? [`SET timestamp=${time}`, 'SET timestamp=DEFAULT']
      : [`SET original_commit_timestamp=${time}000000`, 'SET original_commit_timestamp=DEFAULT'];
  await root.query(set);
  const [result] = await root.query<ResultSetHeader>(sql);
  expect(result.affectedRows, sql).toBeGreaterThan(0);
  await root.query(reset);
}

interface Writes {
  /** Statements by the second in which they are committed. */
  readonly a: Readonly<Record<number, string>>;
  readonly b: Readonly<Record<number, string>>;
}

/** Both sites write while nobody carries anything; then all arrives. Returns the rows, which must be the same at both. */
async function concurrently(
  conflict: ConflictSpec,
  table: string,
  rows: string,
  writes: Writes,
  before: ConflictSpec = conflict,
): Promise<string[]> {
  await prepare(`CREATE TABLE shop.t (${table})`, `INSERT INTO shop.t VALUES ${rows}`);
  await using sites = new Sites({ a, b }, log);
  sites.set({ shop: channel(between, ['shop.t'], { conflict: before }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites);
  await sites.settled();
  if (before !== conflict) {
    sites.set({ shop: channel(between, ['shop.t'], { conflict }) });
    await sites.settled();
  }
  await Promise.all([sites.stop('a'), sites.stop('b')]);
  for (const [second, sql] of Object.entries(writes.a)) await at(ra, a, Number(second), sql);
  for (const [second, sql] of Object.entries(writes.b)) await at(rb, b, Number(second), sql);
  sites.start('a');
  sites.start('b');
  await streaming(sites);
  // What is written last arrives last.
  await ra.query('INSERT INTO shop.t (id) VALUES (1001)');
  await rb.query('INSERT INTO shop.t (id) VALUES (1002)');
  const both = async (): Promise<string[][]> => [await dump(ra, 'shop.t'), await dump(rb, 'shop.t')].map(lines);
  const arrived = (list: readonly string[]): boolean =>
    list.some((row) => row.startsWith('1001')) && list.some((row) => row.startsWith('1002'));
  await until('all has arrived, and is equal', async () => {
    const [one, other] = await both();
    return arrived(one!) && arrived(other!) && one!.join() === other!.join();
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify([await both(), sites.figures()])}`);
  });
  const [one] = await both();
  return one!.filter((row) => !/^100[12]/.test(row));
}

/** In the order of their numbers. */
function lines(rows: readonly string[]): string[] {
  const values = rows.map((row) => JSON.parse(row) as unknown[]);
  return values.sort(([one], [other]) => Number(one) - Number(other)).map((row) => row.join(' '));
}

describe('last-write-wins', () => {
  test('the later write stays, at whichever site it was made; deletes and unique values too', async () => {
    const rows = await concurrently(
      rule({ policy: 'last-write-wins' }),
      'id INT PRIMARY KEY, v VARCHAR(20), u INT UNIQUE',
      "(1,'x',1),(2,'x',2),(3,'x',3),(4,'x',4),(5,'x',5)",
      {
        a: {
          10: "UPDATE shop.t SET v='a early' WHERE id=1",
          12: 'DELETE FROM shop.t WHERE id=4',
          13: "INSERT INTO shop.t VALUES (10,'a early',500)",
          14: "INSERT INTO shop.t VALUES (20,'a early',600)",
          30: "UPDATE shop.t SET v='a late' WHERE id=2",
          31: 'DELETE FROM shop.t WHERE id=3',
          32: "INSERT INTO shop.t VALUES (30,'a late',700)",
        },
        b: {
          20: "UPDATE shop.t SET v='b late' WHERE id=1",
          21: "UPDATE shop.t SET v='b early' WHERE id=2",
          22: "UPDATE shop.t SET v='b early' WHERE id=3",
          23: "UPDATE shop.t SET v='b late' WHERE id=4",
          24: "INSERT INTO shop.t VALUES (11,'b late',500)",
          25: "INSERT INTO shop.t VALUES (20,'b late',601)",
          26: "INSERT INTO shop.t VALUES (31,'b early',700)",
        },
      },
    );
    expect(rows).toEqual([
      '1 b late 1',
      '2 a late 2',
      '4 b late 4',
      '5 x 5',
      '11 b late 500',
      '20 b late 601',
      '30 a late 700',
    ]);
  }, 60_000);

  test('by a column: its value tells, not the clock', async () => {
    const rows = await concurrently(
      rule({ policy: 'last-write-wins', by: 'seen_at' }),
      'id INT PRIMARY KEY, v VARCHAR(20), seen_at DATETIME(3)',
      "(1,'x','2020-01-01'),(2,'x','2020-01-01'),(3,'x','2020-01-01')",
      {
        a: {
          30: "UPDATE shop.t SET v='a', seen_at='2020-01-02 00:00:00.001' WHERE id=1",
          31: "UPDATE shop.t SET v='a', seen_at='2020-01-02 00:00:00.003' WHERE id=2",
          32: "UPDATE shop.t SET v='a', seen_at=NULL WHERE id=3",
        },
        b: {
          10: "UPDATE shop.t SET v='b', seen_at='2020-01-02 00:00:00.002' WHERE id=1",
          11: "UPDATE shop.t SET v='b', seen_at='2020-01-02 00:00:00.002' WHERE id=2",
          12: "UPDATE shop.t SET v='b' WHERE id=3",
        },
      },
    );
    expect(rows.map((row) => row.slice(0, 3))).toEqual(['1 b', '2 a', '3 b']);
  }, 60_000);
});

describe('merge: column', () => {
  const table =
    'id INT PRIMARY KEY, name VARCHAR(20), note VARCHAR(20), city VARCHAR(20), zip INT, n INT NOT NULL DEFAULT 0';
  const before = "(1,'x','x','x',1,0),(2,'x','x','x',1,0),(3,'x','x','x',1,0)";
  const a = {
    10: "UPDATE shop.t SET name='a', n=n+5 WHERE id=1",
    11: "UPDATE shop.t SET name='a', note='a' WHERE id=2",
    12: "UPDATE shop.t SET city='a' WHERE id=3",
  };
  const b = {
    20: "UPDATE shop.t SET note='b', n=n-2 WHERE id=1",
    21: "UPDATE shop.t SET name='b' WHERE id=2",
    22: 'UPDATE shop.t SET zip=2, n=n+1 WHERE id=3',
  };

  test.each([
    ['site-priority', {}, ['1 a b x 1 5', '2 a a x 1 0', '3 x x a 2 1']],
    ['last-write-wins', { policy: 'last-write-wins' }, ['1 a b x 1 -2', '2 b a x 1 0', '3 x x a 2 1']],
    ['counters', { counters: ['n'] }, ['1 a b x 1 3', '2 a a x 1 0', '3 x x a 2 1']],
    ['groups', { groups: [['city', 'zip']], counters: ['n'] }, ['1 a b x 1 3', '2 a a x 1 0', '3 x x a 1 1']],
  ] as const)(
    '%s',
    async (_name, more, expected) => {
      const conflict = rule({ merge: 'column', ...(more as Partial<ConflictSpec>) });
      expect(await concurrently(conflict, table, before, { a, b })).toEqual(expected);
    },
    60_000,
  );
});

test('a running channel goes by another policy from when it is told so', async () => {
  const writes = {
    a: { 10: "UPDATE shop.t SET v='a', n=n+1 WHERE id=1" },
    b: { 20: "UPDATE shop.t SET v='b', n=n+1 WHERE id=1" },
  };
  const table = 'id INT PRIMARY KEY, v VARCHAR(20), n INT NOT NULL DEFAULT 0';
  const later = rule({ policy: 'last-write-wins', counters: ['n'] });
  expect(await concurrently(later, table, "(1,'x',0)", writes, rule({}))).toEqual(['1 b 2']);
  expect(await concurrently(rule({}), table, "(1,'x',0)", writes, later)).toEqual(['1 a 1']);
}, 60_000);

test('another policy also decides about what the first site wrote before, and the other had not seen', async () => {
  await prepare('CREATE TABLE shop.t (id INT PRIMARY KEY, n INT NOT NULL)', 'INSERT INTO shop.t VALUES (1,0)');
  await using sites = new Sites({ a, b }, log);
  sites.set({ shop: channel(between, ['shop.t'], { conflict: rule({}) }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites);
  await sites.settled();
  await sites.stop('b');
  await ra.query('UPDATE shop.t SET n=n+100');
  await until('it is noted', () => sites.figures()['shop/b>a']?.index?.entries === 1);
  sites.set({ shop: channel(between, ['shop.t'], { conflict: rule({ counters: ['n'] }) }) });
  await ra.query('UPDATE shop.t SET n=n+1');
  await rb.query('UPDATE shop.t SET n=n+10');
  sites.start('b');
  for (const root of [ra, rb]) await until('it adds up', async () => String(await dump(root, 'shop.t')) === '[1,111]');
}, 60_000);

test('NULL is written like any value, and what a counter has no room for is lost', async () => {
  const rows = await concurrently(
    rule({ policy: 'last-write-wins', merge: 'column', counters: ['n', 'm'] }),
    'id INT PRIMARY KEY, n INT, m TINYINT UNSIGNED NOT NULL DEFAULT 0',
    '(1,NULL,0),(2,5,0),(3,5,0),(4,1,200)',
    {
      a: {
        10: 'UPDATE shop.t SET n=5 WHERE id=1',
        11: 'UPDATE shop.t SET n=NULL WHERE id=2',
        12: 'UPDATE shop.t SET n=n+2 WHERE id=3',
        13: 'UPDATE shop.t SET m=m+40, n=n+1 WHERE id=4',
      },
      b: {
        20: 'UPDATE shop.t SET n=3 WHERE id=1',
        21: 'UPDATE shop.t SET n=n+3 WHERE id=2',
        22: 'UPDATE shop.t SET n=NULL WHERE id=3',
        23: 'UPDATE shop.t SET m=m+30, n=n+1 WHERE id=4',
      },
    },
  );
  expect(rows).toEqual(['1 3 0', '2 8 0', '3  0', '4 3 240']);
  const [told] = await ra.query('SELECT decided_by FROM otter.conflict ORDER BY id');
  expect((told as { decided_by: string }[]).length).toBe(4);
}, 60_000);

test('counters add up row by row too, and nothing else joins', async () => {
  const rows = await concurrently(
    rule({ counters: ['n'] }),
    'id INT PRIMARY KEY, name VARCHAR(20), note VARCHAR(20), n DECIMAL(10,2) NOT NULL DEFAULT 0',
    "(1,'x','x',0),(2,'x','x',1.5)",
    {
      a: { 10: "UPDATE shop.t SET name='a', n=n+1.25 WHERE id=1", 11: 'UPDATE shop.t SET n=n+1 WHERE id=2' },
      b: { 20: "UPDATE shop.t SET note='b', n=n+1 WHERE id=1", 21: "UPDATE shop.t SET name='b', n=n-0.25 WHERE id=2" },
    },
  );
  expect(rows).toEqual(['1 a x 2.25', '2 b x 2.25']);
}, 60_000);

test.each([
  ['last-write-wins', { policy: 'last-write-wins' }],
  ['last-write-wins by a column', { policy: 'last-write-wins', by: 'stamp' }],
  ['last-write-wins, by column, with counters', { policy: 'last-write-wins', merge: 'column', counters: ['n'] }],
  ['site-priority, by column, with counters', { merge: 'column', counters: ['n'] }],
] as const)(
  'all kinds of writes on few keys at both sites end equal: %s',
  async (_name, more) => {
    await prepare(
      'CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE, w INT, x INT, n INT NOT NULL DEFAULT 0, stamp INT, UNIQUE KEY wx (w, x))',
      'CREATE TABLE shop.sum (id INT PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0)',
      'INSERT INTO shop.sum (id) VALUES (1),(2),(3)',
    );
    await using sites = new Sites({ a, b }, log);
    sites.link.open = slowed(sites.link.open, seededRandom(5));
    const counted = { ...rule(more as Partial<ConflictSpec>), by: null, counters: ['n'] };
    const spec = channel(between, ['shop.t', 'shop.sum'], { conflict: rule(more as Partial<ConflictSpec>) });
    const tables = spec.tables.map((table) => (table.from === 'shop.sum' ? { ...table, conflict: counted } : table));
    sites.set({ shop: { ...spec, tables } });
    sites.start('a');
    sites.start('b');
    await streaming(sites);
    await sites.settled();
    const sums = await Promise.all([hammer(ra, 11), hammer(rb, 12)]);
    const same = async (table: string): Promise<boolean> =>
      JSON.stringify(await dump(ra, table)) === JSON.stringify(await dump(rb, table));
    const total = sums.reduce((one, other) => one.map((sum, i) => sum + other[i]!));
    await until(
      'equal, and every sum is right',
      async () => {
        const [rows] = await ra.query<(ResultSetHeader & { n: number })[]>('SELECT n FROM shop.sum ORDER BY id');
        const right = (rows as readonly { n: number }[]).every(({ n }, i) => Number(n) === total[i]);
        return right && (await same('shop.t')) && (await same('shop.sum'));
      },
      20_000,
    ).catch(async (error: Error) => {
      const all = await Promise.all(
        [ra, rb].flatMap((root) => ['shop.t', 'shop.sum'].map((table) => dump(root, table))),
      );
      throw new Error(`${error.message}: ${JSON.stringify([total, all, sites.figures()])}`);
    });
    expect(sites.figures()['shop/b>a']!.conflicts).toBeGreaterThan(0);
  },
  90_000,
);

/** Random writes; returns what was added to each sum. */
async function hammer(db: Connection, seed: number, times = 250): Promise<number[]> {
  const random = seededRandom(seed);
  const below = (n: number): number => random.between(0, n - 1);
  const sums = [0, 0, 0];
  for (let i = 0; i < times; i += 1) {
    const id = below(12);
    const unique = (): number | 'NULL' => (below(5) === 0 ? 'NULL' : below(10));
    const adds = [below(3), below(20) - 9] as const;
    const sql = [
      `INSERT INTO shop.t VALUES (${id}, 's${seed} ${i}', ${unique()}, ${unique()}, ${below(3)}, ${below(5)}, ${below(40)})`,
      `REPLACE INTO shop.t VALUES (${id}, 's${seed} ${i}', ${unique()}, ${unique()}, ${below(3)}, 0, ${below(40)})`,
      `UPDATE shop.t SET name='s${seed} ${i}', stamp=${below(40)} WHERE id=${id}`,
      `UPDATE shop.t SET u=${unique()}, stamp=${below(40)} WHERE id=${id}`,
      `UPDATE shop.t SET w=${unique()}, n=n+1 WHERE id IN (${id}, ${below(12)})`,
      `UPDATE shop.t SET n=n-2 WHERE id=${id}`,
      `DELETE FROM shop.t WHERE id=${id}`,
      `UPDATE shop.t SET id=${below(12)} WHERE id=${id}`,
      `BEGIN; UPDATE shop.t SET u=NULL WHERE id=${id}; UPDATE shop.t SET u=${below(10)} WHERE id=${below(12)}; UPDATE shop.t SET u=${below(10)} WHERE id=${id}; COMMIT`,
      `UPDATE shop.sum SET n=n+(${adds[1]}) WHERE id=${adds[0] + 1}`,
    ];
    const which = below(sql.length);
    try {
      await db.query(sql[which]!);
      if (which === sql.length - 1) sums[adds[0]] = sums[adds[0]]! + adds[1];
    } catch (error) {
      await db.query('ROLLBACK');
      if (![1062, 1213, 1205].includes((error as { errno: number }).errno)) throw error;
    }
  }
  return sums;
}
