/**
 * Tables at random and statements at random: columns of the types of the matrix with defaults, keys, generated and invisible
 * columns, in character sets of all kinds; some of the statements run before the copy, some while it runs, some after.
 */
import fc from 'fast-check';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { channel, rootOf, Sites, STARTS, until } from '../site/harness.ts';
import { has, type Kind, type TypeCase } from './cases.ts';
import { argsOf, casesOf, LAX, mayBeKey, saidOf, typed } from './matrix.ts';

interface RandomColumn {
  readonly one: TypeCase;
  readonly nullable: boolean;
  /** Index of its value, if it has a default. */
  readonly preset: number | null;
  readonly invisible: boolean;
}

/** Rows are numbered; values of columns are told by their index, of which one is NULL. */
type Step =
  | { readonly kind: 'insert' | 'replace'; readonly id: number; readonly values: readonly number[] }
  | { readonly kind: 'default' | 'delete'; readonly id: number }
  | { readonly kind: 'update'; readonly id: number; readonly column: number; readonly value: number }
  | { readonly kind: 'all'; readonly column: number; readonly value: number }
  | { readonly kind: 'move'; readonly id: number; readonly to: number };

interface RandomTable {
  readonly columns: readonly RandomColumn[];
  /** Of the primary key beside the number: the first of its columns, before or behind it; or there is no key at all. */
  readonly key: 'id' | 'column, id' | 'id, column' | 'none';
  readonly generated: 'VIRTUAL' | 'STORED' | null;
  readonly charset: string;
  readonly name: string;
  /** Each list is a transaction, committed or not. */
  readonly before: readonly Run[];
  readonly after: readonly Run[];
}

interface Run {
  readonly steps: readonly Step[];
  readonly end: 'COMMIT' | 'ROLLBACK';
}

const IDS = 8;
const VALUES = 40;
const COLUMNS_MAX = 6;
const CHARSETS = [
  'utf8mb4 COLLATE utf8mb4_general_ci',
  'latin1 COLLATE latin1_bin',
  'ucs2 COLLATE ucs2_general_ci',
  'gbk COLLATE gbk_chinese_ci',
];
const NAMES = ['t', 'T', 'a.b', "it's", 'é', '表', 'select', '`', '"', '$', '-'];
const DUPLICATE = 1062;

function tableOf(cases: readonly TypeCase[]): fc.Arbitrary<RandomTable> {
  const id = fc.nat(IDS - 1);
  const column = fc.nat(COLUMNS_MAX - 1);
  const value = fc.nat(VALUES - 1);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom('insert', 'replace'),
        id,
        values: fc.array(value, { minLength: COLUMNS_MAX, maxLength: COLUMNS_MAX }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('default', 'delete'), id }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('update'), id, column, value }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('all'), column, value }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('move'), id, to: id }) },
  );
  const run = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    end: fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK'),
  });
  const runs = fc.array(run, { minLength: 2, maxLength: 8 });
  const anyColumn = fc.record({
    one: fc.constantFrom(...cases),
    nullable: fc.boolean(),
    preset: fc.option(value),
    invisible: fc.boolean(),
  });
  return fc.record({
    columns: fc.array(anyColumn, { minLength: 1, maxLength: COLUMNS_MAX }),
    key: fc.constantFrom('id', 'column, id', 'id, column', 'none'),
    generated: fc.constantFrom('VIRTUAL', 'STORED', null),
    charset: fc.constantFrom(...CHARSETS),
    name: fc.constantFrom(...NAMES),
    before: runs,
    after: runs,
  });
}

/** So many tables between two servers; returns how many rows there were in the end. */
export async function runRandom(from: Kind, to: Kind, count: number): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await STARTS[from]({ args: [...argsOf(from), '--default-time-zone=+05:30'] }));
  const b = stack.use(await STARTS[to]({ args: [...argsOf(to), '--default-time-zone=-03:00'] }));
  const [source, target] = await Promise.all([rootOf(a), rootOf(b)]);
  stack.defer(() => {
    source.destroy();
    target.destroy();
  });
  for (const root of [source, target]) await root.query(`${LAX}; CREATE DATABASE r; CREATE DATABASE n`);
  const cases = casesOf(from, to).filter((one) => has(to, one) && one.values.length > 0);
  const tables = fc.sample(tableOf(cases), count).map((table, index) => new Table(table, index));
  for (const table of tables) {
    await source.query(table.create);
    if (table.keyless) await target.query(table.create);
    else for (const run of table.table.before) await table.run(source, run);
  }
  const sites = stack.use(new Sites({ a, b }));
  const direction = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
  sites.set({ r: channel(direction, ['r.*']), n: channel(direction, ['n.*'], { initial: 'none' }) });
  for (const name of ['a', 'b']) sites.start(name);
  const figures = (): string =>
    Object.values(sites.figures())
      .map(({ phase, error }) => `${phase} ${error?.code ?? ''} ${error?.message ?? ''}`)
      .join('; ');
  const going = (name: string): boolean => {
    const { phase, error } = sites.figures()[name]!;
    if (error !== null) throw new Error(`${error.code} ${error.message}`);
    return phase === 'streaming';
  };
  await until('both stream', () => ['r/a>b', 'n/a>b'].every(going)).catch((error: Error) => {
    throw new Error(`${error.message}: ${figures()}`);
  });
  for (const schema of ['r', 'n']) {
    for (const root of schema === 'r' ? [source] : [source, target])
      await root.query(`CREATE TABLE ${schema}.last (id INT PRIMARY KEY)`);
  }
  for (const table of tables) for (const run of table.table.after) await table.run(source, run);
  for (const schema of ['r', 'n']) {
    await source.query(`INSERT INTO ${schema}.last VALUES (1)`);
    const arrived = async (): Promise<boolean> => {
      const failed = sites.figures()[`${schema}/a>b`]!.error;
      if (failed !== null) throw new Error(`${failed.code} ${failed.message}`);
      const [rows] = await target.query(`SELECT id FROM ${schema}.last`).catch(() => [[]]);
      return (rows as unknown[]).length === 1;
    };
    await until(`${schema} is there`, arrived, 120_000);
  }
  let rows = 0;
  for (const table of tables) {
    const [here, there] = await Promise.all([table.said(source), table.said(target)]);
    expect(there, table.create).toEqual(here);
    rows += here.length;
  }
  return rows;
}

class Table {
  readonly table: RandomTable;
  readonly keyless: boolean;
  readonly create: string;
  readonly #columns: readonly RandomColumn[];
  /** Which of them have a default. */
  readonly #presets: readonly boolean[];
  readonly #name: string;

  constructor(table: RandomTable, index: number) {
    // A column that cannot be in a key leaves the key to the number.
    const mayLead = mayBeKey(table.columns[0]!.one);
    const key = mayLead || table.key === 'none' ? table.key : 'id';
    this.table = table;
    this.keyless = key === 'none';
    this.#columns = table.columns;
    this.#name = `${this.keyless ? 'n' : 'r'}.\`${table.name.replaceAll('`', '``')}${index}\``;
    const { generated, charset } = table;
    const presets: boolean[] = [];
    const defined = table.columns.map(({ one, nullable, preset, invisible }, i) => {
      const inKey = i === 0 && key.includes('column');
      const type = inKey || !nullable ? typed(one.type, 'key') : typed(one.type, '');
      // Others take no default, or one that only sessions that are not strict take.
      const never = !/^((tiny|small|medium|big)?int|decimal|bit|(var)?char\(|year|enum)/.test(one.type);
      const set =
        preset === null || never || !/^[ -~]*$/.test(literalOf(one, preset))
          ? ''
          : ` DEFAULT ${literalOf(one, preset)}`;
      presets.push(set !== '');
      // Their members are in the table's character set else.
      const listed = type.replace(/^(enum|set)\(.*\)/, '$& CHARACTER SET utf8mb4');
      return `c${i} ${listed}${inKey || nullable || type.includes('NOT NULL') ? '' : ' NOT NULL'}${set}${invisible && (set !== '' || nullable) && !inKey ? ' INVISIBLE' : ''}`;
    });
    this.#presets = presets;
    const more = generated === null ? '' : `, g BIGINT GENERATED ALWAYS AS (id * 2 + 1) ${generated}`;
    const keys = { id: 'id', 'column, id': 'c0, id', 'id, column': 'id, c0', none: null }[key];
    this.create = `CREATE TABLE ${this.#name} (id INT NOT NULL, p VARCHAR(40)${more}, ${defined.join(', ')}${keys === null ? '' : `, PRIMARY KEY (${keys})`}) DEFAULT CHARSET=${charset}`;
  }

  async run(root: Connection, { steps, end }: Run): Promise<void> {
    await root.query('START TRANSACTION');
    for (const step of steps)
      await root.query(this.#sql(step)).catch((error: { errno?: number }) => {
        if (error.errno !== DUPLICATE) throw error;
      });
    await root.query(end);
  }

  #sql(step: Step): string {
    switch (step.kind) {
      case 'insert':
      case 'replace': {
        const names = this.#columns.map((_, i) => `c${i}`);
        const values = this.#columns.map((_, i) => this.#value(i, step.values[i]!));
        return `${step.kind} INTO ${this.#name} (id, p, ${names.join(', ')}) VALUES (${[step.id, `'p${step.id} '`, ...values].join(', ')})`;
      }
      case 'default':
        // Geometries and JSON are not there without a value.
        if (this.#columns.some(({ nullable }, i) => !nullable && !this.#presets[i])) return 'DO 0';
        return `INSERT INTO ${this.#name} (id) VALUES (${step.id})`;
      case 'delete':
        return `DELETE FROM ${this.#name} WHERE id=${step.id}`;
      case 'update':
      case 'all': {
        const column = step.column % this.#columns.length;
        const set = `UPDATE ${this.#name} SET c${column}=${this.#value(column, step.value)}, p=CONCAT(COALESCE(p, ''), 'x')`;
        return step.kind === 'all' ? set : `${set} WHERE id=${step.id}`;
      }
      case 'move':
        return `UPDATE ${this.#name} SET id=${step.to} WHERE id=${step.id}`;
      default:
        return step satisfies never;
    }
  }

  #value(column: number, index: number): string {
    const { one, nullable } = this.#columns[column]!;
    const mayBeNull =
      nullable && !(column === 0 && this.create.includes(' PRIMARY KEY (') && /PRIMARY KEY \(.*c0/.test(this.create));
    return mayBeNull && index % (one.values.length + 1) === one.values.length ? 'NULL' : literalOf(one, index);
  }

  /** All rows in the words of a server, sorted: without a key there is no order. */
  async said(root: Connection): Promise<readonly string[]> {
    const columns = this.#columns.map(({ one }, i) => saidOf(`c${i}`, one.type));
    const more = this.table.generated === null ? [] : ['CAST(g AS CHAR)'];
    const [rows] = await root.query({
      sql: `SELECT CAST(id AS CHAR), HEX(p), ${[...more, ...columns].join(', ')} FROM ${this.#name}`,
      rowsAsArray: true,
    });
    return (rows as unknown[][]).map((row) => JSON.stringify(row)).sort();
  }
}

function literalOf({ values }: TypeCase, index: number): string {
  return values[index % values.length]!;
}
