/**
 * Columns of one type change places again and again while rows are written and the reader comes and goes: whatever it
 * meets, it never takes one column for another. What it cannot tell it refuses, and the table is copied again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { channel, count, rootOf, Sites, streaming, until } from './harness.ts';

const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
const APART = 5_000_000;
const RESHAPES = ['MODIFY x INT AFTER id', 'MODIFY x INT AFTER y', 'MODIFY y INT AFTER id', 'MODIFY y INT AFTER z'];
const HARMLESS = [
  'ALTER TABLE d.t ADD INDEX (x)',
  'ALTER TABLE d.t DROP INDEX x',
  'CREATE TABLE IF NOT EXISTS d.other (id INT)',
  'DROP TABLE IF EXISTS d.other',
  'ANALYZE TABLE d.t',
];

test.each([
  ['mariadb', startMariaDb],
  ['mysql', startMySql],
] as const)(
  'columns that change places under load: %s',
  async (_, start) => {
    const seed = Number(process.env['OTTER_SEED'] ?? Math.floor(Math.random() * 1e9));
    const { next: random, pick } = seededRandom(seed);
    const [a, b] = await Promise.all([start(), start()]);
    await using _a = a;
    await using _b = b;
    const [ra, wa, rb] = await Promise.all([rootOf(a), rootOf(a), rootOf(b)]);
    await ra.query('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, x INT, y INT, z INT)');
    await using sites = new Sites({ a, b });
    const channels = { d: channel(ONE_WAY, ['d.t'], { ddl: 'ignore' }), e: channel(ONE_WAY, ['d.still']) };
    await ra.query('CREATE TABLE d.still (id INT PRIMARY KEY)');
    sites.set(channels);
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'd/a>b');
    let going = true;
    let n = 0;
    const writing = (async () => {
      while (going) {
        n += 1;
        await write(wa, n, random());
        if (random() < 0.05) await sleep(random() * 40);
      }
    })();
    writing.catch(() => undefined);
    let refused = 0;
    let changed = 0;
    const wrong = async (): Promise<number> => count(rb, `d.t WHERE y - x <> ${APART}`).catch(() => 0);
    for (const end = Date.now() + 25_000; Date.now() < end; ) {
      await sleep(random() * 250);
      const dice = random();
      if (dice < 0.5) {
        changed += 1;
        await ra.query(`ALTER TABLE d.t ${pick(RESHAPES)}`);
      } else if (dice < 0.8) await ra.query(pick(HARMLESS)).catch(() => undefined);
      else if (dice < 0.9) {
        await sites.stop('a');
        await sleep(random() * 300);
        sites.start('a');
      } else if (sites.figures()['d/a>b']?.error?.code === 'OT4030') {
        refused += 1;
        expect(await wrong(), `seed ${seed}`).toBe(0);
        sites.set({ e: channels.e });
        await until('it has left', () => sites.figures()['d/a>b'] === undefined);
        await sleep(300);
        await rb.query('DELETE FROM d.t');
        sites.set(channels);
      }
    }
    going = false;
    await writing;
    await ra.query(`INSERT INTO d.still VALUES (${n})`);
    await until('the other channel is there', async () => (await count(rb, 'd.still').catch(() => 0)) === 1);
    await until('the end is known', async () => {
      const figures = sites.figures()['d/a>b'];
      return figures?.error?.code === 'OT4030' || (await count(rb, 'd.t').catch(() => 0)) === (await count(ra, 'd.t'));
    });
    expect(await wrong(), `seed ${seed}`).toBe(0);
    const { error } = sites.figures()['d/a>b']!;
    if (error?.code !== 'OT4030') {
      expect(error).toBeNull();
      expect(await sums(rb), `seed ${seed}`).toEqual(await sums(ra));
    }
    expect(changed).toBeGreaterThan(20);
    console.log(
      `${n} writes, ${changed} changes of structure, ${refused} times refused and copied again (seed ${seed})`,
    );
    for (const root of [ra, wa, rb]) root.destroy();
  },
  180_000,
);

/** By name: the columns stand in another order at the two sites. */
async function sums(db: Connection): Promise<unknown> {
  return (await db.query('SELECT COUNT(*) AS n, SUM(CRC32(CONCAT_WS(",", id, x, y, z))) AS sum FROM d.t'))[0];
}

async function write(db: Connection, n: number, dice: number): Promise<void> {
  if (dice < 0.6) await db.query(`INSERT INTO d.t (id, x, y, z) VALUES (${n}, ${n}, ${n + APART}, 0)`);
  else if (dice < 0.9) await db.query(`UPDATE d.t SET x = x + 1, y = y + 1 WHERE id = ${Math.floor(n * dice)}`);
  else await db.query(`DELETE FROM d.t WHERE id = ${Math.floor(n * dice)}`);
}
