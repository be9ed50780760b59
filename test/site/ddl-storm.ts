/**
 * Changes of tables under load, while sites stop and start and their connections are cut, and both databases equal in the
 * end. What is changed hangs on a seed only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel, dump, equal, loud, quiet, rootOf, Sites, streaming, until } from './harness.ts';

/** Whoever carries from the first server to the second, through channel `c`, every table of schema `s`. */
export interface Crew extends AsyncDisposable {
  /** Something goes wrong, and is over when it returns. */
  cut(random: Random): Promise<void>;
  /** Waits until everything is copied and nothing is wrong. */
  whole(): Promise<void>;
  /** How it stands. */
  tell(): Promise<string>;
}

export interface Storm {
  readonly servers: readonly [DatabaseServer, DatabaseServer];
  readonly crew: () => Promise<Crew>;
  readonly statements: number;
  readonly cuts: number;
  readonly seed: number;
  /** Between one change and the next. */
  readonly pause: () => Promise<unknown>;
  /** Between one write and the next: nobody keeps up with whoever writes all the time, on a machine that has other work. */
  readonly breath: () => Promise<unknown>;
}

/** How long it may take until what was written is on the other side, also on a machine that has other work. */
export const ARRIVES_MS = 180_000;

/** Those of a long storm: a change every second, and some hundred writes. */
export const LONG: Pick<Storm, 'pause' | 'breath'> = { pause: () => sleep(1_000), breath: () => sleep(3) };

export type Random = (below: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

interface Table {
  name: string;
  /** Beside `id` and `v`, with the types that they have. */
  columns: { name: string; type: number }[];
  indexes: string[];
}

export const TYPES = [
  'SMALLINT',
  'INT',
  'BIGINT',
  'VARCHAR(20)',
  'VARCHAR(60)',
  'TEXT',
  'DECIMAL(10,3)',
  'DATETIME(3)',
];
export const DEFAULTS = ["'7'", "'-8'", '9', "'it''s'", "''", null, '1.5', "'2024-02-29 12:00:00.125'"];
export const WIDER: Readonly<Record<number, number>> = { 0: 1, 1: 2, 3: 4 };

/** The tables as the statements make them. */
class Model {
  readonly tables: Table[] = [];
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  create(): string {
    this.#names += 1;
    const table = { name: `t${this.#names}`, columns: [], indexes: [] };
    this.tables.push(table);
    return `CREATE TABLE s.${table.name} (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40))`;
  }

  pick(): Table {
    return this.tables[this.#random(this.tables.length)]!;
  }

  change(): string {
    const table = this.pick();
    switch (this.#random(14)) {
      case 0:
        return this.tables.length > 4 ? this.#drop(table) : this.create();
      case 1:
        return `TRUNCATE TABLE s.${table.name}`;
      case 2:
        return this.#rename(table);
      case 3:
        return this.#swap(table);
      case 4:
        return this.#index(table);
      default: {
        const actions = [this.#action(table), ...(this.#random(3) === 0 ? [this.#add(table)] : [])];
        return `ALTER TABLE s.${table.name} ${actions.join(', ')}`;
      }
    }
  }

  #drop(table: Table): string {
    this.tables.splice(this.tables.indexOf(table), 1);
    return `DROP TABLE s.${table.name}`;
  }

  #rename(table: Table): string {
    const from = table.name;
    this.#names += 1;
    table.name = `t${this.#names}`;
    return this.#random(2) === 0
      ? `RENAME TABLE s.${from} TO s.${table.name}`
      : `ALTER TABLE s.${from} RENAME s.${table.name}, ADD COLUMN ${this.#column(table)}`;
  }

  #swap(table: Table): string {
    const other = this.pick();
    // Of two that cannot be told apart it stops.
    if (other === table || other.columns.length === table.columns.length) return this.#rename(table);
    const [one, two] = [table.name, other.name];
    table.name = two;
    other.name = one;
    return `RENAME TABLE s.${one} TO s.aside, s.${two} TO s.${one}, s.aside TO s.${two}`;
  }

  #index(table: Table): string {
    const [gone] = table.indexes;
    if (gone !== undefined) {
      table.indexes.shift();
      return `DROP INDEX ${gone} ON s.${table.name}`;
    }
    this.#names += 1;
    table.indexes.push(`i${this.#names}`);
    return `CREATE INDEX i${this.#names} ON s.${table.name} (v, id)`;
  }

  #action(table: Table): string {
    const at = this.#random(Math.max(1, table.columns.length));
    const column = table.columns[at];
    const kind = this.#random(6);
    if (column === undefined || kind < 2 || table.columns.length < 2) return this.#add(table);
    if (kind === 2) {
      table.columns.splice(at, 1);
      return `DROP COLUMN ${column.name}`;
    }
    const { name } = column;
    if (kind === 3) {
      this.#names += 1;
      column.name = `r${this.#names}`;
      return `RENAME COLUMN ${name} TO ${column.name}`;
    }
    column.type = WIDER[column.type] ?? column.type;
    if (kind === 4) return `MODIFY COLUMN ${name} ${TYPES[column.type]} NULL FIRST`;
    this.#names += 1;
    column.name = `r${this.#names}`;
    return `CHANGE COLUMN ${name} ${column.name} ${TYPES[column.type]} NULL AFTER v`;
  }

  #add(table: Table): string {
    return `ADD COLUMN ${this.#column(table)} ${['', 'FIRST', 'AFTER id'][this.#random(3)]}`;
  }

  #column(table: Table): string {
    this.#names += 1;
    const type = this.#random(TYPES.length);
    const name = `c${this.#names}`;
    table.columns.push({ name, type });
    const value = DEFAULTS[type];
    return `${name} ${TYPES[type]} ${value === null ? 'NULL' : `${this.#random(2) === 0 ? 'NOT NULL ' : ''}DEFAULT ${value}`}`;
  }

  rows(): string[] {
    const { name, columns } = this.pick();
    const of = columns[this.#random(Math.max(1, columns.length))];
    const set = of === undefined ? 'v=UUID()' : `${of.name}=${DEFAULTS[of.type] ?? "'x'"},v='n${this.#random(99)}'`;
    return [
      `INSERT INTO s.${name} (v) VALUES ('a'), ('b'), ('c')`,
      `UPDATE s.${name} SET ${set} WHERE id % 3 = ${this.#random(3)}`,
      `DELETE FROM s.${name} WHERE id % 7 = ${this.#random(7)}`,
    ];
  }
}

const GONE = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR', 'ER_LOCK_DEADLOCK', 'ER_TABLE_DEF_CHANGED']);

export async function storm({ servers, crew: make, statements, cuts, seed, pause, breath }: Storm): Promise<void> {
  const random = randomOf(seed);
  const [ra, load] = await Promise.all([rootOf(servers[0]), rootOf(servers[0])]);
  await ra.query('DROP DATABASE IF EXISTS s; CREATE DATABASE s; CREATE TABLE s.mark (id INT PRIMARY KEY)');
  const model = new Model(random);
  for (const sql of [model.create(), model.create(), model.create()]) await ra.query(sql);
  const ended = new AbortController();
  const crew = await make();
  try {
    const loading = (async () => {
      for (let at = 0; !ended.signal.aborted; at += 1) {
        await load
          .query(`INSERT INTO s.${model.tables[at % model.tables.length]!.name} (v) VALUES ('l'), ('m')`)
          .catch((error: { code: string }) => {
            if (!GONE.has(error.code)) throw error;
          });
        await breath();
      }
    })();
    const every = Math.max(1, Math.floor(statements / (cuts + 1)));
    for (let at = 1; at <= statements; at += 1) {
      await ra.query(model.change());
      for (const row of model.rows()) await ra.query(row);
      if (at % every === 0) await crew.cut(random);
      await pause();
    }
    ended.abort();
    await loading;
    await ra.query('INSERT INTO s.mark VALUES (1)');
    await compare(ra, servers[1], crew, model).catch(async (error: Error) => {
      throw new Error(`${error.message}, seed ${seed}: ${await crew.tell()}`);
    });
  } finally {
    ended.abort();
    await crew[Symbol.asyncDispose]();
    for (const root of [ra, load]) root.destroy();
  }
}

async function compare(ra: Connection, server: DatabaseServer, crew: Crew, { tables }: Model): Promise<void> {
  const rb = await rootOf(server);
  try {
    const arrived = async (): Promise<boolean> => (await dump(rb, 's.mark').catch(() => [])).length === 1;
    await until('all has arrived', arrived, ARRIVES_MS);
    await crew.whole();
    expect(await columns(rb)).toEqual(await columns(ra));
    for (const { name } of tables) await equal(ra, rb, `s.${name}`);
  } finally {
    rb.destroy();
  }
}

const ONE_WAY = channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['s.*'], { ddl: 'replicate' });

/** Sites of this process, which stop and start, or all their connections to a server are cut. */
export async function inProcess(a: DatabaseServer, b: DatabaseServer, spec: ChannelSpec = ONE_WAY): Promise<Crew> {
  const roots = await Promise.all([rootOf(a), rootOf(b)]);
  const sites = new Sites({ a, b }, process.env['LOUD'] ? loud : quiet);
  sites.set({ c: spec });
  sites.start('a');
  sites.start('b');
  return {
    cut: async (random) => {
      const side = random(2);
      if (random(2) === 0) {
        const name = side === 0 ? 'a' : 'b';
        await sites.stop(name);
        sites.start(name);
        return;
      }
      const list = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'otter'";
      const [rows] = await roots[side]!.query(list);
      for (const { id } of rows as { id: number }[]) await roots[side]!.query(`KILL ${id}`).catch(() => undefined);
    },
    whole: async () => {
      const names = Object.keys(sites.figures());
      await streaming(sites, ...names);
      for (const name of names) expect(sites.figures()[name]).toMatchObject({ error: null, drift: 0 });
    },
    tell: async () => JSON.stringify(sites.figures()),
    [Symbol.asyncDispose]: async () => {
      await sites[Symbol.asyncDispose]();
      for (const root of roots) root.destroy();
    },
  };
}

export async function columns(root: Connection): Promise<unknown> {
  const [rows] = await root.query(
    `SELECT CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, REGEXP_REPLACE(COLUMN_TYPE, 'int[(][0-9]+[)]', 'int'), IS_NULLABLE, COLUMN_KEY) AS c
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 's' ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  return (rows as { c: string }[]).map(({ c }) => c);
}
