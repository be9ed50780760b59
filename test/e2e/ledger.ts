/**
 * The ledger: writers on both sites who remember what was committed, nodes killed at random moments, and an account of
 * it all at the end. Shared by the quick test and the long one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { connect, Otter, rows, streaming, twoSites } from './otter.ts';

const SCHEMA = `CREATE DATABASE book;
CREATE TABLE book.ledger (id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, site CHAR(1) NOT NULL, n INT NOT NULL);
CREATE TABLE book.pair_a (id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, amount DECIMAL(12,2) NOT NULL);
CREATE TABLE book.pair_b (id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, amount DECIMAL(12,2) NOT NULL);
CREATE TABLE book.thing (id INT PRIMARY KEY, code INT, note VARCHAR(60), touched TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), UNIQUE KEY (code));
CREATE TABLE book.bulk (batch INT NOT NULL, n INT NOT NULL, filler VARCHAR(40), PRIMARY KEY (batch, n))`;
const TABLES = ['ledger', 'pair_a', 'pair_b', 'thing', 'bulk'];
const BULK_ROWS = 10_000;
/** Duplicate key, deadlock, lock wait: users live with these. */
const BEARABLE = new Set([1062, 1205, 1213]);

class Book {
  #db: Connection;
  readonly #site: string;
  readonly #again: () => Promise<Connection>;
  readonly committed: string[] = [];
  /** The connection broke before the answer: nobody knows. */
  readonly unsure = new Set<string>();
  #n = 0;

  constructor(db: Connection, site: string, again: () => Promise<Connection>) {
    this.#db = db;
    this.#site = site;
    this.#again = again;
  }

  async write(going: () => boolean): Promise<void> {
    while (going()) {
      this.#n += 1;
      await this.#one(this.#n % 400 === 0);
      await sleep(1);
    }
  }

  async #one(large: boolean): Promise<void> {
    const id = `${this.#site}-${this.#n}`;
    const statements = [`INSERT INTO book.ledger VALUES ('${id}', '${this.#site}', ${this.#n})`];
    if (this.#n % 3 === 0) {
      statements.push(
        `INSERT INTO book.pair_a VALUES ('${id}', 12.34)`,
        this.#change(),
        `INSERT INTO book.pair_b VALUES ('${id}', -12.34)`,
      );
    } else statements.push(this.#change(), this.#change());
    if (large) {
      const batch = this.#n * 2 + (this.#site === 'a' ? 0 : 1);
      statements.push(`INSERT INTO book.bulk SELECT ${batch}, seq, CONCAT('row ', seq) FROM book.seq`);
    }
    try {
      await this.#db.query(`START TRANSACTION; ${statements.join('; ')}; COMMIT`);
      this.committed.push(id);
    } catch (error) {
      if ((error as { fatal?: boolean }).fatal === true || (error as { errno?: number }).errno === undefined) {
        this.unsure.add(id);
        this.#db = await patiently(this.#again);
        return;
      }
      await this.#db.query('ROLLBACK').catch(() => undefined);
      if (!BEARABLE.has((error as { errno: number }).errno)) throw error;
    }
  }

  #change(): string {
    const at = (n: number): number => Math.floor(Math.random() * n);
    const id = at(150);
    const kinds = [
      `INSERT INTO book.thing (id, code, note) VALUES (${id}, ${at(300)}, '${this.#site}${this.#n}')`,
      `UPDATE book.thing SET note = '${this.#site}${this.#n}' WHERE id = ${id}`,
      `UPDATE book.thing SET code = ${at(300)} WHERE id = ${id}`,
      `UPDATE book.thing SET id = ${at(150)} WHERE id = ${id}`,
      `DELETE FROM book.thing WHERE id = ${id}`,
    ];
    return kinds[at(kinds.length)]!;
  }
}

/** A server that was killed comes back. */
async function patiently(again: () => Promise<Connection>): Promise<Connection> {
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      return await again();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** Looks again and again at what a reader of the target may see. */
async function watch(again: () => Promise<Connection>, going: () => boolean): Promise<void> {
  while (going()) {
    const db = await patiently(again);
    try {
      await look(db, going);
    } catch (error) {
      // Only a server that went away is forgiven.
      if (!('errno' in (error as object)) && (error as { fatal?: boolean }).fatal !== true) throw error;
    } finally {
      db.destroy();
    }
  }
}

async function look(db: Connection, going: () => boolean): Promise<void> {
  while (going()) {
    const [halves] = await rows(db, 'SELECT (SELECT COUNT(*) FROM book.pair_a), (SELECT COUNT(*) FROM book.pair_b)');
    const [a, b] = JSON.parse(halves!) as [number, number];
    expect(a, 'both halves of a transaction are seen, or neither').toBe(b);
    expect(
      await rows(db, `SELECT batch, COUNT(*) FROM book.bulk GROUP BY batch HAVING COUNT(*) <> ${BULK_ROWS}`),
      'a large transaction is seen whole, or not at all',
    ).toEqual([]);
    await sleep(50);
  }
}

/** What goes wrong while the ledger is kept. */
export type Trouble = (otter: Otter, going: () => boolean) => Promise<void>;

const NODES = ['west-1', 'east-1'] as const;

/** Nodes are killed without warning, at random moments, and come back under their names. */
export function killing(times: number): Trouble {
  return async (otter, going) => {
    for (let kill = 0; kill < times && going(); kill += 1) {
      await sleep(200 + Math.random() * 1_500);
      const name = NODES[Math.floor(Math.random() * NODES.length)]!;
      await otter.end(name, 'SIGKILL');
      await sleep(Math.random() * 300);
      otter.node(name);
    }
  };
}

/**
 * Nodes are frozen for longer than their leases, so that others of their region take over, and thawed; servers are
 * killed and come back.
 */
export function freezing(servers: readonly DatabaseServer[], rounds: number): Trouble {
  return async (otter, going) => {
    for (const name of ['west-2', 'east-2']) otter.node(name);
    for (let round = 0; round < rounds && going(); round += 1) {
      for (const name of NODES) {
        otter.signal(name, 'SIGSTOP');
        await sleep(14_000);
        otter.signal(name, 'SIGCONT');
        await sleep(3_000);
      }
      for (const server of servers) {
        await server.kill();
        await sleep(1_500);
        await server.restart();
        await sleep(2_500);
      }
    }
  };
}

export async function keepLedger(a: DatabaseServer, b: DatabaseServer, trouble: Trouble): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const open = async (server: DatabaseServer): Promise<Connection> => {
    const connection = await connect(server);
    closing.defer(() => connection.destroy());
    return connection;
  };
  let [da, db] = [await open(a), await open(b)];
  await da.query(SCHEMA);
  for (const each of [da, db]) {
    await each.query(
      `CREATE DATABASE IF NOT EXISTS book; CREATE TABLE book.seq (seq INT PRIMARY KEY); SET autocommit=1`,
    );
    await each.query(
      `INSERT INTO book.seq SELECT a.n + 10*b.n + 100*c.n + 1000*d.n FROM ${['a', 'b', 'c', 'd'].map((name) => `(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) ${name}`).join(', ')}`,
    );
  }
  await using otter = await Otter.in({ A_PASSWORD: a.otter.password, B_PASSWORD: b.otter.password });
  await otter.write(
    await twoSites(
      a,
      b,
      `  book: { between: [a, b], tables: [${TABLES.map((table) => `book.${table}`).join(', ')}] }\n`,
    ),
  );
  for (const name of NODES) otter.node(name);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  await otter.until('all is copied', streaming);

  let writing = true;
  const going = (): boolean => writing;
  const books = [new Book(await open(a), 'a', () => open(a)), new Book(await open(b), 'b', () => open(b))];
  const work = [...books.map((book) => book.write(going)), watch(() => open(a), going), watch(() => open(b), going)];
  const all = Promise.all(work);
  all.catch(() => {
    writing = false;
  });
  await trouble(otter, going);
  await sleep(2_000);
  writing = false;
  await all;

  [da, db] = [await open(a), await open(b)];
  const read = async (connection: Connection): Promise<string[][]> =>
    Promise.all(TABLES.map((table) => rows(connection, `SELECT * FROM book.${table} ORDER BY 1, 2`)));
  const deadline = Date.now() + 90_000;
  for (;;) {
    const [left, right] = await Promise.all([read(da), read(db)]);
    if (JSON.stringify(left) === JSON.stringify(right)) break;
    if (Date.now() > deadline) {
      for (const [index, table] of TABLES.entries())
        expect(right[index], `${table} at both sites, after a minute and a half of rest`).toEqual(left[index]);
    }
    await sleep(500);
  }
  const committed = books.flatMap((book) => book.committed).sort();
  const kept = (await rows(da, 'SELECT id FROM book.ledger'))
    .map((row) => (JSON.parse(row) as [string])[0])
    .filter((id) => !books.some((book) => book.unsure.has(id)))
    .sort();
  expect(committed.length).toBeGreaterThan(100);
  expect(kept, 'every committed line is in the ledger once, and no other').toEqual(committed);
  console.log(
    `ledger: ${committed.length} transactions, ${(await rows(da, 'SELECT COUNT(*) FROM book.bulk')).join()} bulk rows`,
  );
}
