/**
 * What the hammer's writers write: few keys, every kind of statement, and unique values that collide. Chosen by a seed;
 * nothing here knows a server.
 */
import type { Random } from '../../src/lab/random.ts';

const FILLED = 'DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci';
/** Columns that every table has, so that a channel's rules may name them: free text, a number that is counted up and down, and when it was written. */
const COMMON = `note VARCHAR(500), points BIGINT NOT NULL DEFAULT 0,
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)`;

const KEYS = 50;
const CODES = 60;
const PARENTS = 15;
/** Of a hundredth of all transactions: so few come in pieces. */
const LARGE = 0.1;
/** How often a large one changes every row of two tables, some dozens. */
const LARGE_TIMES = 120;

/** The tables, and rows for about half of their keys; made at the first site only. */
export const SCHEMA = `CREATE DATABASE hammer;
CREATE TABLE hammer.plain (id INT PRIMARY KEY, ${COMMON}) ${FILLED};
CREATE TABLE hammer.uniques (id INT PRIMARY KEY, code INT, a INT NOT NULL, b VARCHAR(10) NOT NULL, ${COMMON},
  UNIQUE KEY (code), UNIQUE KEY (a, b)) ${FILLED};
CREATE TABLE hammer.words (word VARCHAR(20) PRIMARY KEY, ${COMMON}) ${FILLED};
CREATE TABLE hammer.parent (id INT PRIMARY KEY, code INT UNIQUE, ${COMMON}) ${FILLED};
CREATE TABLE hammer.child (id INT PRIMARY KEY, parent INT NOT NULL, ${COMMON},
  FOREIGN KEY (parent) REFERENCES hammer.parent (id) ON DELETE RESTRICT ON UPDATE RESTRICT) ${FILLED};
CREATE TABLE hammer.tally (id INT PRIMARY KEY, ${COMMON}) ${FILLED};
CREATE TABLE hammer.claimed (tag VARCHAR(40) PRIMARY KEY, place INT NOT NULL UNIQUE, ${COMMON}) ${FILLED};
CREATE TABLE hammer.mark (site CHAR(1), round INT, ${COMMON}, PRIMARY KEY (site, round)) ${FILLED};
${seeds().join(';\n')}`;

/** In the order in which they may be copied. */
export const TABLES = ['plain', 'uniques', 'words', 'parent', 'child', 'tally', 'claimed', 'mark'] as const;

/**
 * Of every site its own, and replicated nowhere: what its committed transactions added to rows of `tally`, and which rows
 * of `claimed` they made. Nobody changes those again, so each stands in the end or has lost its place to another.
 */
export const OWN_SCHEMA = `CREATE DATABASE own;
CREATE TABLE own.added (n BIGINT AUTO_INCREMENT PRIMARY KEY, id INT NOT NULL, points INT NOT NULL);
CREATE TABLE own.claimed (tag VARCHAR(40) PRIMARY KEY)`;

function seeds(): string[] {
  const list = (count: number, row: (n: number) => string): string =>
    Array.from({ length: count }, (_, n) => `(${row(n)})`).join(', ');
  return [
    `INSERT INTO hammer.plain (id, note) VALUES ${list(KEYS / 2, (n) => `${n}, 'first'`)}`,
    `INSERT INTO hammer.uniques (id, code, a, b) VALUES ${list(KEYS / 2, (n) => `${n}, ${n}, ${n % 8}, 'b${Math.floor(n / 8)}'`)}`,
    `INSERT INTO hammer.words (word) VALUES ${list(KEYS / 2, (n) => `'word ${n}'`)}`,
    `INSERT INTO hammer.parent (id, code) VALUES ${list(PARENTS, (n) => `${n}, ${n}`)}`,
    `INSERT INTO hammer.child (id, parent) VALUES ${list(KEYS / 2, (n) => `${n}, ${n % PARENTS}`)}`,
    `INSERT INTO hammer.tally (id) VALUES ${list(10, (n) => `${n}`)}`,
  ];
}

/** One transaction of a user, as one text for the server. */
export interface Work {
  readonly kind: string;
  readonly sql: string;
}

/** Goes on for ever; `tag` is unique to the writer and makes every text that it writes so. */
export function* work(random: Random, tag: string): Generator<Work, never> {
  for (let n = 1; ; n += 1) yield one(new Statements(random, `${tag}.${n}`, n), random);
}

function one(statements: Statements, random: Random): Work {
  const some = (low: number, high: number): string[] =>
    Array.from({ length: random.between(low, high) }, () => statements.any());
  const transaction = (kind: string, parts: readonly string[]): Work => ({
    kind,
    sql: ['START TRANSACTION', ...parts].join('; '),
  });
  const dice = random.between(1, 100);
  if (dice <= 45) return { kind: 'single', sql: statements.any() };
  if (dice <= 65) return transaction('several', [...some(2, 5), 'COMMIT']);
  if (dice <= 75) return transaction('swap', [...statements.swap(), ...some(0, 1), 'COMMIT']);
  if (dice <= 80) return transaction('tally', [...statements.tally(), 'COMMIT']);
  if (dice <= 85) return transaction('claim', [...statements.claim(), 'COMMIT']);
  if (dice <= 91) return transaction('rolled back', [...some(1, 4), 'ROLLBACK']);
  if (dice === 92 && random.chance(LARGE))
    return transaction('large', [...statements.large(), ...some(1, 2), 'COMMIT']);
  return transaction('savepoint', [
    ...some(0, 2),
    'SAVEPOINT here',
    ...some(1, 3),
    'ROLLBACK TO SAVEPOINT here',
    ...some(1, 2),
    'COMMIT',
  ]);
}

class Statements {
  readonly #random: Random;
  readonly #tag: string;
  readonly #n: number;

  /** @param n how many the writer has written */
  constructor(random: Random, tag: string, n: number) {
    this.#random = random;
    this.#tag = tag;
    this.#n = n;
  }

  any(): string {
    const { pick } = this.#random;
    return pick([
      () => this.#plain(),
      () => this.#uniques(),
      () => this.#uniques(),
      () => this.#words(),
      () => this.#family(),
    ])();
  }

  /** Unique values change places between two rows, or go round among three. */
  swap(): string[] {
    const ids = [this.#key(), this.#key(), this.#key()].slice(0, this.#random.between(2, 3));
    if (new Set(ids).size < ids.length) return [this.#uniques()];
    if (this.#random.chance(0.5)) {
      // The old values are read under lock, and the places are free before they are taken.
      return [
        ...ids.map((id) => `SET @c${id} = NULL`),
        ...ids.map((id) => `SELECT code INTO @c${id} FROM hammer.uniques WHERE id=${id} FOR UPDATE`),
        `UPDATE hammer.uniques SET code=NULL WHERE id IN (${ids.join(', ')})`,
        ...ids.map((id, at) => `UPDATE hammer.uniques SET code=@c${ids[(at + 1) % ids.length]} WHERE id=${id}`),
      ];
    }
    const [first, second] = ids;
    const [a, b] = [this.#random.between(0, 7), `b${this.#random.between(0, 5)}`];
    return [
      `UPDATE hammer.uniques SET a=a+100 WHERE id=${first}`,
      `UPDATE hammer.uniques SET a=${a}, b='${b}', ${this.#note()} WHERE id=${second}`,
      `UPDATE hammer.uniques SET a=a-100 WHERE id=${first} AND a >= 100`,
    ];
  }

  /** Rows that are never inserted or deleted, so that what was added to them has a sum. */
  /** All writers are at about the same places at a time. */
  claim(): string[] {
    const place = this.#n + this.#random.between(0, 6);
    return [
      `INSERT INTO hammer.claimed (tag, place) VALUES ('${this.#tag}', ${place})`,
      `INSERT INTO own.claimed (tag) VALUES ('${this.#tag}')`,
    ];
  }

  tally(): string[] {
    const ids = [...new Set([this.#random.between(0, 9), this.#random.between(0, 9)])].sort();
    const points = this.#random.between(1, 9) * (this.#random.chance(0.4) ? -1 : 1);
    const also = this.#random.chance(0.5) ? `, ${this.#note()}` : '';
    return [
      `UPDATE hammer.tally SET points=points+(${points})${also} WHERE id IN (${ids.join(', ')})`,
      `INSERT INTO own.added (id, points) VALUES ${ids.map((id) => `(${id}, ${points})`).join(', ')}`,
    ];
  }

  /** More than the log is read in at once (4 MiB), so that it comes in pieces. */
  large(): string[] {
    const every = ['plain', 'uniques'].map(
      (table) => `UPDATE hammer.${table} SET points=points+1, note=RPAD('${this.#tag} ', 500, 'large ')`,
    );
    return Array.from({ length: LARGE_TIMES }, () => every).flat();
  }

  #plain(): string {
    const id = this.#key();
    const row = `(${id}, '${this.#tag}', ${this.#random.between(0, 99)})`;
    const rows = `${row}, (${this.#key()}, '${this.#tag}+', 0)`;
    const columns = 'hammer.plain (id, note, points)';
    return this.#random.pick([
      `INSERT INTO ${columns} VALUES ${row}`,
      `INSERT INTO ${columns} VALUES ${rows}`,
      `INSERT IGNORE INTO ${columns} VALUES ${rows}`,
      `REPLACE INTO ${columns} VALUES ${rows}`,
      `INSERT INTO ${columns} VALUES ${rows} ON DUPLICATE KEY UPDATE points=hammer.plain.points+1, note=VALUES(note)`,
      `UPDATE hammer.plain SET ${this.#note()} WHERE id=${id}`,
      `UPDATE hammer.plain SET points=points+(${this.#random.between(-5, 5)}) WHERE id=${id}`,
      `UPDATE hammer.plain SET points=points+1, ${this.#note()} WHERE id BETWEEN ${id} AND ${id + 8}`,
      `UPDATE hammer.plain SET id=${this.#key()} WHERE id=${id}`,
      `DELETE FROM hammer.plain WHERE id=${id}`,
      `DELETE FROM hammer.plain WHERE id BETWEEN ${id} AND ${id + 3}`,
    ]);
  }

  #uniques(): string {
    const id = this.#key();
    const row = `(${id}, ${this.#code()}, ${this.#pairOf()}, '${this.#tag}')`;
    const rows = `${row}, (${this.#key()}, ${this.#code()}, ${this.#pairOf()}, '${this.#tag}+')`;
    const columns = 'hammer.uniques (id, code, a, b, note)';
    return this.#random.pick([
      `INSERT INTO ${columns} VALUES ${row}`,
      `INSERT IGNORE INTO ${columns} VALUES ${rows}`,
      `REPLACE INTO ${columns} VALUES ${row}`,
      `REPLACE INTO ${columns} VALUES ${rows}`,
      `INSERT INTO ${columns} VALUES ${row} ON DUPLICATE KEY UPDATE note=VALUES(note), points=hammer.uniques.points-1`,
      `INSERT INTO ${columns} VALUES ${row} ON DUPLICATE KEY UPDATE code=NULL`,
      `UPDATE hammer.uniques SET ${this.#note()} WHERE id=${id}`,
      `UPDATE hammer.uniques SET points=points+3 WHERE id BETWEEN ${id} AND ${id + 6}`,
      `UPDATE hammer.uniques SET code=${this.#code()} WHERE id=${id}`,
      `UPDATE IGNORE hammer.uniques SET code=code+1 WHERE id BETWEEN ${id} AND ${id + 4} ORDER BY code DESC`,
      `UPDATE hammer.uniques SET a=${this.#random.between(0, 7)} WHERE id=${id}`,
      `UPDATE hammer.uniques SET b='B${this.#random.between(0, 5)}' WHERE id=${id}`,
      `UPDATE hammer.uniques SET id=${this.#key()} WHERE id=${id}`,
      `DELETE FROM hammer.uniques WHERE id=${id}`,
      `DELETE FROM hammer.uniques WHERE code=${this.#random.between(0, CODES)}`,
    ]);
  }

  #words(): string {
    const word = this.#word();
    return this.#random.pick([
      `INSERT INTO hammer.words (word, note) VALUES (${word}, '${this.#tag}')`,
      `INSERT IGNORE INTO hammer.words (word, note) VALUES (${word}, '${this.#tag}'), (${this.#word()}, '${this.#tag}+')`,
      `REPLACE INTO hammer.words (word, note) VALUES (${word}, '${this.#tag}')`,
      `INSERT INTO hammer.words (word) VALUES (${word}) ON DUPLICATE KEY UPDATE ${this.#note()}`,
      `UPDATE hammer.words SET word=${word} WHERE word=${word}`,
      `UPDATE hammer.words SET word=${this.#word()} WHERE word=${word}`,
      `UPDATE hammer.words SET points=points-1 WHERE word=${word}`,
      `DELETE FROM hammer.words WHERE word=${word}`,
    ]);
  }

  #family(): string {
    const { between, pick } = this.#random;
    const parent = between(0, PARENTS);
    const id = this.#key();
    return pick([
      `INSERT INTO hammer.parent (id, code, note) VALUES (${parent}, ${between(0, 20)}, '${this.#tag}')`,
      `REPLACE INTO hammer.parent (id, code, note) VALUES (${parent}, ${between(0, 20)}, '${this.#tag}')`,
      `UPDATE hammer.parent SET code=${between(0, 20)}, ${this.#note()} WHERE id=${parent}`,
      `UPDATE hammer.parent SET id=${between(0, PARENTS)} WHERE id=${parent}`,
      `DELETE FROM hammer.parent WHERE id=${parent}`,
      `INSERT INTO hammer.child (id, parent, note) VALUES (${id}, ${parent}, '${this.#tag}')`,
      `REPLACE INTO hammer.child (id, parent, note) VALUES (${id}, ${parent}, '${this.#tag}')`,
      `UPDATE hammer.child SET parent=${parent} WHERE id=${id}`,
      `UPDATE hammer.child SET id=${this.#key()} WHERE id=${id}`,
      `DELETE FROM hammer.child WHERE parent=${parent}`,
      `DELETE FROM hammer.child WHERE parent=${parent}; DELETE FROM hammer.parent WHERE id=${parent}`,
    ]);
  }

  #note(): string {
    return `note='${this.#tag}'`;
  }

  #key(): number {
    return this.#random.between(0, KEYS - 1);
  }

  #code(): string {
    return this.#random.chance(0.2) ? 'NULL' : String(this.#random.between(0, CODES));
  }

  #pairOf(): string {
    return `${this.#random.between(0, 7)}, '${this.#random.pick(['b', 'B'])}${this.#random.between(0, 5)}'`;
  }

  /** One of a few words, spelled in one of several ways that the collation takes for the same. */
  #word(): string {
    const word = `${this.#random.pick(['word', 'WORD', 'Wörd', 'wÓrd'])} ${this.#random.between(0, KEYS - 1)}`;
    return `'${word}${this.#random.chance(0.2) ? ' ' : ''}'`;
  }
}
