/** A database whose primary changes under a two-way channel that both sides write: nothing is lost, doubled or left different. */
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { type DatabaseServer as LabServer, startMariaDb } from '../../src/lab/servers.ts';
import { caughtUp, demote, follow, type Member, promote, replicated } from '../mysql/replica.ts';
import { channel, equal, recorder, rootOf, Sites, streaming, until } from './harness.ts';

const READ_ONLY = 1290;
const TABLE = 'CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), u INT UNIQUE)';

/** Who may not write what is read-only, as root may. */
async function asUser({ host, port }: LabServer, { user, password }: LabServer['otter']): Promise<Connection> {
  return mysql.createConnection({ host, port, user, password });
}

/** Whichever server is the primary: writes to it go on at the other when it is read-only. */
class Writer {
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #who: string;
  readonly #connection: () => Connection;
  #going = true;
  written = 0;

  constructor(who: string, seed: number, connection: () => Connection) {
    this.#who = who;
    this.#random = seededRandom(seed);
    this.#connection = connection;
  }

  async run(): Promise<void> {
    const at = (n: number): number => this.#random.between(0, n - 1);
    while (this.#going) {
      const id = at(80);
      const name = `${this.#who}${this.written}`;
      const sql = [
        `INSERT INTO shop.t VALUES (${id}, '${name}', ${at(100)})`,
        `UPDATE shop.t SET name='${name}' WHERE id=${id}`,
        `UPDATE shop.t SET u=${at(100)} WHERE id=${id}`,
        `DELETE FROM shop.t WHERE id=${id}`,
      ][at(4)]!;
      try {
        await this.#connection().query(sql);
        this.written += 1;
      } catch (error) {
        const { errno } = error as { errno: number };
        if (![1062, 1213, 1205, READ_ONLY].includes(errno)) throw error;
      }
      await sleep(2);
    }
  }

  stop(): void {
    this.#going = false;
  }
}

test('the primary of the preferred site, and then of the other, changes while both are written', async () => {
  const { primary, replica } = await replicated('mariadb');
  await using _primary = primary;
  await using _replica = replica;
  await using b = await startMariaDb();
  const [first, second, rb] = await Promise.all([
    asUser(primary.lab, primary.lab.otter),
    asUser(replica.lab, primary.lab.otter),
    rootOf(b),
  ]);
  await primary.root(`CREATE DATABASE shop; ${TABLE}`);
  const told: string[] = [];
  await using sites = new Sites(
    { a: primary.lab, b },
    recorder((message, fields) => void told.push(`${message} ${String(fields['endpoint'] ?? '')}`)),
    'test-lineage',
    { standby: { a: replica.lab } },
  );
  let ra = first;
  for (const between of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    sites.set({
      shop: channel({ kind: 'two-way', between }, ['shop.t'], { initial: told.length === 0 ? 'copy' : 'none' }),
    });
    if (told.length === 0) for (const name of ['a', 'b']) sites.start(name);
    await sites.settled();
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    const writers = [new Writer('a', 1, () => ra), new Writer('b', 2, () => rb)];
    const writing = Promise.all(writers.map((writer) => writer.run()));
    // What goes wrong with them is told where they are waited for.
    writing.catch(() => undefined);
    const passed = async (count: number): Promise<void> => {
      const from = writers.map(({ written }) => written);
      await until('both wrote', () => writers.every(({ written }, i) => written >= from[i]! + count));
    };
    await passed(50);
    const [from, to]: [Member, Member] = ra === first ? [primary, replica] : [replica, primary];
    await demote(from);
    await until('it is told', () => sites.figures()['shop/b>a']?.error?.code === 'OT4007');
    await caughtUp(to, from);
    await promote(to);
    ra = ra === first ? second : first;
    await until('the other is used', () =>
      told.includes(`another endpoint of the database has taken over ${to.lab.host}:${to.lab.port}`),
    );
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    await passed(50);
    for (const writer of writers) writer.stop();
    await writing;
    await equal(ra, rb, 'shop.t');
    await follow(from, to);
  }
  expect(sites.figures()['shop/a>b']).toMatchObject({ error: null, drift: 0 });
  expect(sites.figures()['shop/b>a']).toMatchObject({ error: null, drift: 0 });
  await Promise.all([first, second, rb].map((connection) => connection.end()));
});
