/**
 * The ledger: writers at every site who remember what was committed, nodes killed at random moments, and an account of
 * it all at the end. Shared by the quick test and the long one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { numbers } from '../site/harness.ts';
import { connect, NAMES, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

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
      const batch = this.#n * NAMES.length + NAMES.indexOf(this.#site);
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

const NODES = ['west-1', 'east-1', 'south-1'];

/** Nodes are killed without warning, at random moments, and come back under their names. */
export function killing(times: number, sites = 2): Trouble {
  return async (otter, going) => {
    const nodes = NODES.slice(0, sites);
    for (let kill = 0; kill < times && going(); kill += 1) {
      await sleep(200 + Math.random() * 1_500);
      const name = nodes[Math.floor(Math.random() * nodes.length)]!;
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
    for (const name of ['west-2', 'east-2', 'south-2'].slice(0, servers.length)) otter.node(name);
    for (let round = 0; round < rounds && going(); round += 1) {
      for (const name of NODES.slice(0, servers.length)) {
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

/** The first of the servers is the preferred site, and of three the hub. */
export async function keepLedger(servers: readonly DatabaseServer[], trouble: Trouble): Promise<void> {
  await using closing = new AsyncDisposableStack();
  const open = async (server: DatabaseServer): Promise<Connection> => {
    const connection = await connect(server);
    closing.defer(() => connection.destroy());
    return connection;
  };
  for (const [i, server] of servers.entries()) {
    const db = await open(server);
    if (i === 0) await db.query(SCHEMA);
    await db.query(`CREATE DATABASE IF NOT EXISTS book; CREATE TABLE book.seq (seq INT PRIMARY KEY); SET autocommit=1`);
    await db.query(`INSERT INTO book.seq SELECT seq FROM ${numbers(0, BULK_ROWS - 1)}`);
  }
  const names = NAMES.slice(0, servers.length);
  await using otter = await Otter.in(passwordsOf(servers));
  const tables = TABLES.map((table) => `book.${table}`).join(', ');
  await otter.write(await sitesOf(servers, `  book: { between: [${names.join(', ')}], tables: [${tables}] }\n`));
  for (const name of NODES.slice(0, servers.length)) otter.node(name);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  await otter.until('all is copied', streaming);

  let writing = true;
  const going = (): boolean => writing;
  const books = await Promise.all(
    servers.map(async (server, i) => new Book(await open(server), names[i]!, async () => open(server))),
  );
  const work = [
    ...books.map(async (book) => book.write(going)),
    ...servers.map(async (server) => watch(async () => open(server), going)),
  ];
  const all = Promise.all(work);
  all.catch(() => {
    writing = false;
  });
  await trouble(otter, going);
  await sleep(2_000);
  writing = false;
  await all;

  const read = async (connection: Connection): Promise<string[][]> =>
    Promise.all(TABLES.map(async (table) => rows(connection, `SELECT * FROM book.${table} ORDER BY 1, 2`)));
  const connections = await Promise.all(servers.map(open));
  const deadline = Date.now() + 90_000;
  for (;;) {
    const [first, ...others] = await Promise.all(connections.map(read));
    if (others.every((other) => JSON.stringify(other) === JSON.stringify(first))) break;
    if (Date.now() > deadline) {
      for (const [index, table] of TABLES.entries())
        for (const other of others)
          expect(other[index], `${table} at all sites, after a minute and a half of rest`).toEqual(first![index]);
    }
    await sleep(500);
  }
  const committed = books.flatMap((book) => book.committed).sort();
  const kept = (await rows(connections[0]!, 'SELECT id FROM book.ledger'))
    .map((row) => (JSON.parse(row) as [string])[0])
    .filter((id) => !books.some((book) => book.unsure.has(id)))
    .sort();
  expect(committed.length).toBeGreaterThan(100);
  expect(kept, 'every committed line is in the ledger once, and no other').toEqual(committed);
  const bulk = (await rows(connections[0]!, 'SELECT COUNT(*) FROM book.bulk')).join();
  console.log(`ledger: ${committed.length} transactions at ${names.join(', ')}, ${bulk} bulk rows`);
}
