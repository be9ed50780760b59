/**
 * Changes of tables at the first site of a two-way channel, while both sites write and sites stop and start, and both
 * databases equal in the end. Rows of the tables `t..` are each written at one site only, so that nothing there is a
 * conflict; of the table `hot` at both. What is changed hangs on a seed only.
 */
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import {
  ARRIVES_MS,
  type Crew,
  columns,
  DEFAULTS,
  type Random,
  randomOf,
  type Storm,
  TYPES,
  WIDER,
} from './ddl-storm.ts';
import { dump, equal, rootOf, until } from './harness.ts';

interface Table {
  readonly name: string;
  /** Beside `id`, `v`, `u` and `n`. */
  readonly columns: { readonly name: string; type: number }[];
  readonly indexes: string[];
}

class Model {
  readonly tables: Table[] = [];
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  create(name = `t${this.tables.length + 1}`): string {
    this.tables.push({ name, columns: [], indexes: [] });
    return `CREATE TABLE s.${name} (id INT PRIMARY KEY, v VARCHAR(40), u INT UNIQUE, n INT DEFAULT 0)`;
  }

  change(): string {
    const table = this.tables[this.#random(this.tables.length)]!;
    if (this.#random(9) === 0 && this.tables.length < 6) return this.create();
    if (this.#random(5) === 0) return this.#index(table);
    return `ALTER TABLE s.${table.name} ${this.#action(table)}${this.#random(3) === 0 ? `, ${this.#add(table)}` : ''}`;
  }

  #index(table: Table): string {
    const gone = table.indexes.shift();
    if (gone !== undefined) return `DROP INDEX ${gone} ON s.${table.name}`;
    this.#names += 1;
    table.indexes.push(`i${this.#names}`);
    return `CREATE INDEX i${this.#names} ON s.${table.name} (v, id)`;
  }

  #action(table: Table): string {
    const column = table.columns[this.#random(Math.max(1, table.columns.length))];
    const kind = this.#random(5);
    if (column === undefined || kind < 2) return this.#add(table);
    if (kind === 2) return `COMMENT 'c${this.#random(99)}'`;
    column.type = WIDER[column.type] ?? column.type;
    const value = DEFAULTS[column.type];
    if (kind === 3 && value !== null) return `ALTER COLUMN ${column.name} SET DEFAULT ${value}`;
    return `MODIFY COLUMN ${column.name} ${TYPES[column.type]} NULL ${['FIRST', 'AFTER v'][this.#random(2)]}`;
  }

  #add(table: Table): string {
    this.#names += 1;
    const type = this.#random(TYPES.length);
    const name = `c${this.#names}`;
    table.columns.push({ name, type });
    const value = DEFAULTS[type];
    const nature = value === null ? 'NULL' : `${this.#random(2) === 0 ? 'NOT NULL ' : ''}DEFAULT ${value}`;
    return `ADD COLUMN ${name} ${TYPES[type]} ${nature} ${['', 'FIRST', 'AFTER id'][this.#random(3)]}`;
  }

  /** Sets one of the newest columns of a row that the first site writes. */
  news(): string | null {
    const table = this.tables[this.#random(this.tables.length)]!;
    const column = table.columns.at(-1);
    const value = column === undefined ? null : DEFAULTS[column.type];
    if (column === undefined || value === null) return null;
    return `UPDATE s.${table.name} SET ${column.name} = ${value} WHERE id ${table.name === 'hot' ? '< 6' : '% 2 = 0'}`;
  }
}

/** What a change of a table, and a server that goes down, do to whoever writes; the next write tells. */
const GONE = new Set([
  ...['ER_NO_SUCH_TABLE', 'ER_LOCK_DEADLOCK', 'ER_TABLE_DEF_CHANGED', 'ER_LOCK_WAIT_TIMEOUT', 'ER_SERVER_SHUTDOWN'],
  ...['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ER_CON_COUNT_ERROR'],
]);

async function tried(root: Connection, sql: string): Promise<boolean> {
  try {
    await root.query(sql);
    return true;
  } catch (error) {
    if (!GONE.has((error as { code: string }).code)) throw error;
    return false;
  }
}

async function connected(server: DatabaseServer): Promise<Connection> {
  let root: Connection | null = null;
  await until('the server answers', async () => {
    root = await rootOf(server).catch(() => null);
    return root !== null;
  });
  root!.on('error', () => undefined);
  return root!;
}

/** Writes rows of its own, by ids that are even at the first site and odd at the second, and hot ones, as long as it may. */
async function write(
  server: DatabaseServer,
  side: number,
  model: Model,
  { ended, breath }: { readonly ended: AbortSignal; readonly breath: Storm['breath'] },
): Promise<void> {
  let root = await connected(server);
  const run = async (sql: string): Promise<void> => {
    if ((await tried(root, sql)) || ended.aborted) return;
    root.destroy();
    root = await connected(server);
  };
  for (let id = 10 + side; !ended.aborted; id += 2) {
    await breath();
    const { name } = model.tables[id % model.tables.length]!;
    if (name === 'hot') {
      await run(`UPDATE s.hot SET v = 'w${id}', n = n + 1 WHERE id = ${(id % 5) + 1}`);
      continue;
    }
    const earlier = id - 2 * model.tables.length;
    await run(
      `INSERT INTO s.${name} (id, v, u) VALUES (${id}, 'v${id}', ${id});
       UPDATE s.${name} SET v = 'again', u = -u WHERE id = ${earlier}; DELETE FROM s.${name} WHERE id = ${earlier - 60};
       UPDATE s.${name} SET id = id + 100000000 WHERE id = ${earlier - 20}`,
    );
  }
  root.destroy();
}

export async function twoWayStorm({
  servers,
  crew: make,
  statements,
  cuts,
  seed,
  pause,
  breath,
}: Storm): Promise<void> {
  const random = randomOf(seed);
  const ra = await rootOf(servers[0]);
  const first = await rootOf(servers[1]);
  for (const root of [ra, first]) await root.query('DROP DATABASE IF EXISTS s');
  first.destroy();
  await ra.query('CREATE DATABASE s; CREATE TABLE s.mark (id INT PRIMARY KEY)');
  const model = new Model(random);
  for (const sql of [model.create('hot'), model.create(), model.create()]) await ra.query(sql);
  await ra.query("INSERT INTO s.hot (id, v, u) VALUES (1, 'a', 1), (2, 'a', 2), (3, 'a', 3), (4, 'a', 4), (5, 'a', 5)");
  const ended = new AbortController();
  const crew = await make();
  try {
    await crew.whole();
    const loading = Promise.all(
      servers.map((server, side) => write(server, side, model, { ended: ended.signal, breath })),
    );
    loading.catch(() => ended.abort());
    const every = Math.max(1, Math.floor(statements / (cuts + 1)));
    for (let at = 1; at <= statements && !ended.signal.aborted; at += 1) {
      await ra.query(model.change());
      const news = model.news();
      if (news !== null) await tried(ra, news);
      if (at % every === 0) await crew.cut(random);
      await pause();
    }
    ended.abort();
    await loading;
    const rb = await connected(servers[1]);
    await compare([ra, rb], crew, model)
      .catch(async (error: Error) => {
        throw new Error(`${error.message}, seed ${seed}: ${await crew.tell()}`, { cause: error });
      })
      .finally(() => rb.destroy());
  } finally {
    ended.abort();
    await crew[Symbol.asyncDispose]();
    ra.destroy();
  }
}

async function compare([ra, rb]: readonly [Connection, Connection], crew: Crew, { tables }: Model): Promise<void> {
  const has = (root: Connection, rows: number) => async (): Promise<boolean> =>
    (await dump(root, 's.mark').catch(() => [])).length === rows;
  await ra.query('INSERT INTO s.mark VALUES (1)');
  await until('all has arrived', has(rb, 1), ARRIVES_MS);
  await rb.query('INSERT INTO s.mark VALUES (2)');
  await until('all has come back', has(ra, 2), ARRIVES_MS);
  await crew.whole();
  expect(await columns(rb)).toEqual(await columns(ra));
  for (const { name } of tables) await equal(ra, rb, `s.${name}`);
  const [decided] = await ra.query("SELECT DISTINCT table_name AS t FROM otter.conflict WHERE table_name <> 'hot'");
  expect(decided, 'tables with conflicts that are none').toEqual([]);
}
