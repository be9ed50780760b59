/**
 * The file behind the SQLite store: made where there is none, readable by its owner only, in a folder that git
 * ignores, with the tables the store needs; and what the errors of SQLite mean to a person.
 */
import { closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, OtterError } from '../model/error.ts';
import { makeFolder } from './folder.ts';

/** Raised when the tables change shape. */
const FILE_FORMAT = 1;
/** How long one synchronous call may wait for another process; longer waits happen outside, see `sqlite.ts`. */
const BUSY_TIMEOUT_MS = 5;

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

/**
 * Null while another process is in the way, which makes it or is the last to close it: the caller comes again. (To such a
 * one SQLite may answer at once, whatever the timeout: who waits for the other with a lock of its own would wait for ever.)
 * @throws OtterError OT3006 when the file cannot be made or is not ours
 */
export function openFile(path: string): DatabaseSync | null {
  makeFile(path);
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    db.exec('pragma journal_mode = wal');
    db.exec('pragma synchronous = full');
    prepare(path, db);
    return db;
  } catch (error) {
    db?.close();
    if (isBusy(error)) return null;
    throw error instanceof OtterError ? error : sqliteError(path, error);
  }
}

/** Another connection holds the lock; the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  // The low byte is the primary code, the rest says which kind of busy.
  return code !== null && [SQLITE_BUSY, SQLITE_LOCKED].includes(code & 0xff);
}

export function lockedError(path: string, cause?: unknown): OtterError {
  return new OtterError('OT3008', `the state file ${path} is locked by another process`, {
    hint: `See who has it open: fuser ${path}`,
    where: { file: path },
    retry: 'backoff',
    cause,
  });
}

export function sqliteError(path: string, error: unknown): OtterError {
  return unusable(path, `the state file ${path} cannot be used: ${messageOf(error)}`, error);
}

function makeFile(path: string): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    try {
      makeFolder(folder, 0o700);
      // The state of a machine does not belong into anyone's repository.
      writeFileSync(join(folder, '.gitignore'), '*\n');
    } catch (error) {
      throw unusable(path, `the folder ${folder} for the state file cannot be made (${codeOf(error)})`, error);
    }
  }
  // SQLite gives its journal files the mode of the file itself.
  if (!existsSync(path)) makeEmpty(path);
  else if (!statSync(path).isFile()) throw unusable(path, `the state file ${path} cannot be used: it is not a file`);
}

function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (error) {
    throw sqliteError(path, error);
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
}

export function unusable(file: string, message: string, cause?: unknown): OtterError {
  return new OtterError('OT3006', message, {
    hint: 'Name a file in a folder that you may write to, with --state file:PATH or OTTER_STATE.',
    where: { file },
    cause,
  });
}

function prepare(path: string, db: DatabaseSync): void {
  const { user_version: format } = db.prepare('pragma user_version').get() as { user_version: number };
  if (format > FILE_FORMAT) {
    throw new OtterError('OT3007', `the state file ${path} was written by a newer otter (format ${format})`, {
      hint: 'Run that version here too.',
      where: { file: path },
    });
  }
  if (format === FILE_FORMAT) return;
  db.exec('begin immediate');
  db.exec(TABLES);
  db.exec(`pragma user_version = ${FILE_FORMAT}`);
  db.exec('commit');
}

function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode;
}
