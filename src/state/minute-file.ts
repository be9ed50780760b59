/**
 * A node's minutes in a file of SQLite, or in memory where there is no folder to write to.
 *
 * Rule: it may be lost, so it is flushed seldom; it never grows beyond what is kept. One process has it, and readers ask that process.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as breath } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { Minute, MinuteRecord, MinuteStore, MinutesQuery } from '../model/minutes.ts';
import { makeFolder } from './folder.ts';

const SUMS = [
  'inserts',
  'updates',
  'deletes',
  'others',
  'bytes',
  'transactions',
  'conflicts',
  'windows',
  'loadMs',
  'idleMs',
  'stallMs',
  'looks',
  'failing',
  'lagLooks',
  'lagSumMs',
] as const satisfies (keyof MinuteRecord)[];

const HOUR_MS = 3_600_000;
const KEPT_MS = { file: 7 * 24 * HOUR_MS, memory: 24 * HOUR_MS } as const;

const FORMAT = 1;
const OPEN = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists pipeline (id integer primary key, name text not null unique);
  create table if not exists minute (
    pipeline integer not null,
    at integer not null,
    ${SUMS.map((name) => `${name} real not null`).join(', ')},
    lagMaxMs real not null,
    primary key (pipeline, at)
  ) without rowid;
  pragma user_version = ${FORMAT};
`;

/** More steps than this are not answered to one question, for each pipeline. */
const STEPS_MAX = 20_000;

/** In the folder, under the names of topology and node. @throws OtterError OT8102 */
export function openMinuteFile(folder: string, topology: string, node: string): MinuteStore {
  const path = join(folder, `minutes-${topology}-${node}.db`);
  try {
    makeFolder(folder, 0o700);
    // Nobody else's to read; what SQLite puts beside it is the same.
    closeSync(openSync(path, 'a', 0o600));
    return new MinuteFile(new DatabaseSync(path, { timeout: 1_000 }), KEPT_MS.file);
  } catch (cause) {
    throw new OtterError('OT8102', `${path} cannot be used: ${messageOf(cause)}`, {
      hint: 'Name a folder that the node may write to with OTTER_DATA; a damaged file may be removed.',
      where: { path },
      cause,
    });
  }
}

/** Of a day, and gone when the process ends. */
export function minutesInMemory(): MinuteStore {
  return new MinuteFile(new DatabaseSync(':memory:'), KEPT_MS.memory);
}

interface Known {
  readonly id: number;
  readonly name: string;
}

class MinuteFile implements MinuteStore {
  readonly keepMs: number;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync, keepMs: number) {
    this.#db = db;
    this.keepMs = keepMs;
    const { user_version: format } = db.prepare('pragma user_version').get() as { user_version: number };
    if (format > FORMAT) throw new Error(`a newer otter wrote it (format ${format})`);
    db.exec(OPEN);
  }

  add(minutes: readonly MinuteRecord[]): void {
    const name = this.#db.prepare('insert or ignore into pipeline (name) values (?)');
    const columns = [...SUMS, 'lagMaxMs'] as const;
    const minute = this.#db.prepare(
      `insert into minute (pipeline, at, ${columns.join(', ')})
       values ((select id from pipeline where name = ?), ?, ${columns.map(() => '?').join(', ')})
       on conflict (pipeline, at) do update set
         ${SUMS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')},
         lagMaxMs = max(lagMaxMs, excluded.lagMaxMs)`,
    );
    this.#whole(() => {
      for (const record of minutes) {
        name.run(record.pipeline);
        minute.run(record.pipeline, record.at, ...columns.map((column) => record[column]));
      }
    });
  }

  async read({ channel, pipeline, since, stepMs }: MinutesQuery): Promise<readonly MinuteRecord[]> {
    const all = this.#db.prepare('select id, name from pipeline order by name').all() as unknown as Known[];
    const meant = all.filter(({ name }) => (pipeline === null ? name.startsWith(`${channel}/`) : name === pipeline));
    // Numbers arrive as fractions, and the steps must not have any.
    const step = `cast(${Math.max(1, Math.floor(stepMs))} as integer)`;
    const select = this.#db.prepare(
      `select (at / ${step}) * ${step} as step, ${SUMS.map((column) => `sum(${column}) as ${column}`).join(', ')},
         max(lagMaxMs) as lagMaxMs
       from minute where pipeline = ? and at >= ? group by step order by step limit ${STEPS_MAX}`,
    );
    const found: MinuteRecord[] = [];
    for (const { id, name } of meant) {
      const steps = select.all(id, since) as unknown as ({ step: number } & Minute)[];
      for (const { step: at, ...sums } of steps) found.push({ ...sums, at, pipeline: name });
      await breath();
    }
    return found;
  }

  prune(before: number): void {
    const pipelines = this.#db.prepare('select id from pipeline').all() as unknown as { id: number }[];
    const old = this.#db.prepare('delete from minute where pipeline = ? and at < ?');
    this.#whole(() => {
      for (const { id } of pipelines) old.run(id, before);
      this.#db.exec('delete from pipeline where not exists (select 1 from minute where pipeline = pipeline.id)');
    });
  }

  close(): void {
    this.#db.close();
  }

  #whole(work: () => void): void {
    this.#db.exec('begin immediate');
    try {
      work();
      this.#db.exec('commit');
    } catch (error) {
      this.#db.exec('rollback');
      throw error;
    }
  }
}
