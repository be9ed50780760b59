/** A table goes to and fro between two two-way channels of the same databases while both sites write it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, count, dump, pair, recorder, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
beforeEach(async () => {
  for (const root of [ra, rb]) {
    await root.query('DROP DATABASE IF EXISTS s; DROP DATABASE IF EXISTS otter; CREATE DATABASE s');
    await root.query('CREATE TABLE s.one (id INT PRIMARY KEY); CREATE TABLE s.two (id INT PRIMARY KEY)');
    await root.query('CREATE TABLE s.t (id VARCHAR(20) PRIMARY KEY, v INT)');
  }
});
afterAll(async () => {
  for (const root of [ra, rb]) root.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const NAMES = ['one/a>b', 'one/b>a', 'two/a>b', 'two/b>a'];
const twoWay = (...tables: string[]): ChannelSpec =>
  channel({ kind: 'two-way', between: ['a', 'b'] }, tables, { initial: 'none' });

/** With the table in one of the channels, or in none. */
const inside = (where: 'one' | 'two' | null): Record<string, ChannelSpec> => ({
  one: twoWay('s.one', ...(where === 'one' ? ['s.t'] : [])),
  two: twoWay('s.two', ...(where === 'two' ? ['s.t'] : [])),
});

/** Rows, by id, that were written only while the table was in a channel, which nobody was changing. */
class Ledger {
  readonly kept = new Set<string>();
  readonly mixed = new Set<string>();
  /** Raised whenever the table leaves, and when it has joined; odd while it is in. */
  phase = 1;
  going = true;

  /** Inserts rows and changes some of its own and of the other side's. */
  async write(root: Connection, side: string): Promise<void> {
    for (let n = 0; this.going; n += 1) {
      const [before, id] = [this.phase, `${side}-${n}`];
      const other = `${n % 3 === 0 ? side : side === 'a' ? 'b' : 'a'}-${n - 4}`;
      const whole = before % 2 === 1;
      await root.query(`INSERT INTO s.t VALUES ('${id}', 0)`);
      this.#wrote(id, whole && this.phase === before);
      await root.query(`UPDATE s.t SET v = v * 10 + ${side === 'a' ? 1 : 2} WHERE id = '${other}'`);
      this.#wrote(other, whole && this.phase === before);
    }
  }

  #wrote(id: string, whole: boolean): void {
    if (whole) this.kept.add(id);
    else this.mixed.add(id);
  }

  rows(all: readonly string[]): string[] {
    return all.filter((row) => {
      const [id] = JSON.parse(row) as [string];
      return this.kept.has(id) && !this.mixed.has(id);
    });
  }
}

test('two steps, each taken up before the next: only what is written in between stays at one site', async () => {
  const ledger = new Ledger();
  await using sites = new Sites({ a, b });
  sites.set(inside('one'));
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  await sites.settled();
  const [wa, wb] = await Promise.all([rootOf(a), rootOf(b)]);
  const writing = Promise.all([ledger.write(wa, 'a'), ledger.write(wb, 'b')]);
  writing.catch(() => undefined);
  try {
    for (const next of ['two', 'one', 'two', 'one', 'two', 'one', 'two'] as const) {
      await sleep(150);
      ledger.phase += 1;
      sites.set(inside(null));
      await sites.settled();
      sites.set(inside(next));
      await sites.settled();
      ledger.phase += 1;
    }
    await sleep(150);
  } finally {
    ledger.going = false;
  }
  await writing;
  for (const root of [wa, wb]) root.destroy();
  await ra.query("INSERT INTO s.t VALUES ('end-a', 0)");
  await rb.query("INSERT INTO s.t VALUES ('end-b', 0)");
  const ends = "s.t WHERE id LIKE 'end%'";
  await until('the last have come', async () => (await count(ra, ends)) + (await count(rb, ends)) === 4);
  const [here, there] = await Promise.all([dump(ra, 's.t'), dump(rb, 's.t')]);
  expect(ledger.rows(here).length).toBeGreaterThan(10);
  expect(ledger.rows(there)).toEqual(ledger.rows(here));
  for (const figures of Object.values(sites.figures())) expect(figures.error).toBeNull();
}, 90_000);

test('a channel that stands further back takes nothing of a table from before it joined', async () => {
  for (const root of [ra, rb]) await root.query("INSERT INTO s.two VALUES (1); INSERT INTO s.t VALUES ('k', 1)");
  await using sites = new Sites({ a, b });
  sites.set(inside('one'));
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  // From here on the second channel does not come on towards the first site.
  const holder = await rootOf(a);
  await holder.query('START TRANSACTION; SELECT * FROM s.two FOR UPDATE');
  await rb.query("DELETE FROM s.two; UPDATE s.t SET v = 5 WHERE id = 'k'");
  await until('it has come', async () => (await dump(ra, 's.t')).join() === '["k",5]');
  await ra.query("UPDATE s.t SET v = 6 WHERE id = 'k'");
  await until('so has that', async () => (await dump(rb, 's.t')).join() === '["k",6]');
  sites.set(inside(null));
  await sites.settled('one');
  await sites.stop('b');
  sites.set(inside('two'));
  sites.start('b');
  // What it has read already is not written, but read again.
  const waiting = "SELECT id FROM information_schema.processlist WHERE info LIKE '%`two`%' AND user = 'otter'";
  for (const { id } of (await ra.query(waiting))[0] as { id: number }[]) await ra.query(`KILL ${id}`);
  await holder.query('ROLLBACK');
  holder.destroy();
  await sites.settled();
  await ra.query("INSERT INTO s.t VALUES ('end-a', 0)");
  await rb.query("INSERT INTO s.t VALUES ('end-b', 0)");
  const ends = "s.t WHERE id LIKE 'end%'";
  await until('the last have come', async () => (await count(ra, ends)) + (await count(rb, ends)) === 4);
  for (const root of [ra, rb]) expect(await dump(root, 's.t')).toEqual(['["end-a",0]', '["end-b",0]', '["k",6]']);
  // The row that was deleted and the last one: the table's rows never went back to what they had been.
  expect(sites.figures()['two/b>a']?.rowsApplied).toBe(2);
}, 60_000);

test('what was on its way when it left arrives, also when both sites were restarted meanwhile', async () => {
  await using sites = new Sites({ a, b });
  sites.set(inside('one'));
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  await ra.query("INSERT INTO s.t VALUES ('first', 1)");
  await until('it flows', async () => (await count(rb, 's.t')) === 1);
  await sites.stop('a');
  await sites.stop('b');
  await ra.query("INSERT INTO s.t VALUES ('of-a', 1)");
  await rb.query("INSERT INTO s.t VALUES ('of-b', 1)");
  // Both write one row: where it left, the preferred site's must be left over all the same.
  await rb.query("UPDATE s.t SET v = 2 WHERE id = 'first'");
  await ra.query("UPDATE s.t SET v = 3 WHERE id = 'first'");
  sites.set(inside(null));
  sites.start('a');
  sites.start('b');
  await sites.settled();
  const all = ['["first",3]', '["of-a",1]', '["of-b",1]'];
  for (const root of [ra, rb]) expect(await dump(root, 's.t')).toEqual(all);
  const recorded = "otter.structure WHERE source_table = 's.t'";
  expect([await count(ra, recorded), await count(rb, recorded)]).toEqual([0, 0]);
  await ra.query("INSERT INTO s.t VALUES ('later', 1)");
  await ra.query('INSERT INTO s.one VALUES (1)');
  await until('the other flows on', async () => (await count(rb, 's.one')) === 1);
  expect(await dump(rb, 's.t')).toEqual(all);
}, 60_000);

test('a table is taken out because it stops its channel: the channel goes on', async () => {
  const said: string[] = [];
  const tell = (message: string): number => said.push(message);
  await using sites = new Sites({ a, b }, recorder(tell));
  sites.set(inside('one'));
  sites.start('a');
  sites.start('b');
  await streaming(sites, ...NAMES);
  await rb.query('ALTER TABLE s.t ADD CHECK (v < 5)');
  await ra.query("INSERT INTO s.t VALUES ('bad', 7)");
  await until('it is refused', () => sites.figures()['one/a>b']?.error?.code === 'OT5016');
  await ra.query('INSERT INTO s.one VALUES (1)');
  sites.set(inside(null));
  await until('the other goes on', async () => (await count(rb, 's.one')) === 1);
  expect(said).toContain('rows on their way are left behind, of tables that left the channel');
  await until('nothing is wrong', () => Object.values(sites.figures()).every(({ error }) => error === null));
}, 60_000);
