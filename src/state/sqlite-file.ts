/**
 * The file behind the SQLite store: made where there is none, readable by its owner only, in a folder that git
 * ignores, with the tables the store needs; and what the errors of SQLite mean to a person.
 */
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OtterError } from '../model/error.ts';

/** Raised when the tables change shape. */
const FILE_FORMAT = 1;
/** How long one synchronous call may wait for another process; longer waits happen outside, see `sqlite.ts`. */
const BUSY_TIMEOUT_MS = 5;
const OPEN_MS_MAX = 5000;

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

const TABLES = `
  create table if not exists store (
    only integer primary key check (only = 1),
    revision integer not null,
    floor integer not null
  );
  create table if not exists entry (
    key text primary key,
    value text not null,
    revision integer not null,
    created integer not null,
    lease text
  ) without rowid;
  create index if not exists entry_lease on entry (lease) where lease is not null;
  create table if not exists event (
    revision integer not null,
    key text not null,
    value text,
    created integer,
    primary key (revision, key)
  ) without rowid;
  create table if not exists lease (
    id text primary key,
    ttl_ms integer not null,
    deadline_ms integer not null
  ) without rowid;
  insert or ignore into store (only, revision, floor) values (1, 0, 0);
`;

/** @throws OtterError OT3006 when the file cannot be made or is not ours. */
export function openFile(path: string): DatabaseSync {
  try {
    makeFile(path);
    const db = new DatabaseSync(path, { timeout: OPEN_MS_MAX });
    try {
      db.exec('pragma journal_mode = wal');
      db.exec('pragma synchronous = full');
      prepare(path, db);
      db.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw error instanceof OtterError ? error : sqliteError(path, error);
  }
}

/** Another connection holds the lock; the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  // The low byte is the primary code, the rest says which kind of busy.
  return code !== null && [SQLITE_BUSY, SQLITE_LOCKED].includes(code & 0xff);
}

export function sqliteError(path: string, error: unknown): OtterError {
  if (isBusy(error)) {
    return new OtterError('OT3008', `the state file ${path} is locked by another process`, {
      hint: `See who has it open: fuser ${path}`,
      where: { file: path },
      retry: 'backoff',
      cause: error,
    });
  }
  return new OtterError('OT3006', `the state file ${path} cannot be used: ${messageOf(error)}`, {
    where: { file: path },
    cause: error,
  });
}

function makeFile(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // The state of a machine does not belong into anyone's repository.
    writeFileSync(join(folder, '.gitignore'), '*\n');
  }
  // SQLite gives its journal files the mode of the file itself.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

function prepare(path: string, db: DatabaseSync): void {
  const { user_version: format } = db.prepare('pragma user_version').get() as { user_version: number };
  if (format > FILE_FORMAT) {
    throw new OtterError('OT3007', `the state file ${path} was written by a newer otter (format ${format})`, {
      hint: 'Run that version here too.',
      where: { file: path },
    });
  }
  db.exec('begin immediate');
  db.exec(TABLES);
  db.exec(`pragma user_version = ${FILE_FORMAT}`);
  db.exec('commit');
}

function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode;
}
