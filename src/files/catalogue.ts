/**
 * What is known of the files of one root, in a SQLite file beside them: twenty million of them cost no memory, and a restart no hash.
 *
 * It lies in the root itself, so that whichever node serves the side finds it. Rules: whoever has it open has it alone; a row is
 * written after the file is on disk, in one transaction with how far a flow has come; it is of the root that it lies in, and of nobody else
 * when it is lost: then a new *epoch* begins, others ask from the beginning, and what is here counts as written anew. One that was put
 * back from an older copy is known by that: others have been told more by it than it knows (each opening is a *session*).
 */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { messageOf, OtterError } from '../model/error.ts';
import type { BytePath, FileChange, FileState, FileVersion } from '../model/file-link.ts';
import { bytesOf, LAST_NAME } from './paths.ts';
import type { PlainStat } from './root.ts';

const FORMAT = 1;
const CACHE_KIB = 16 << 10;

const OPEN = `
  pragma page_size = 8192;
  pragma cache_size = -${CACHE_KIB};
  pragma locking_mode = exclusive;
  pragma journal_mode = wal;
  pragma synchronous = normal;
  begin exclusive;
  create table if not exists fact (name text primary key, value text not null) without rowid;
  create table if not exists file (
    path blob primary key, seq integer not null, gone integer not null, size integer not null, mtime integer not null,
    mode integer not null, inode integer not null, hash blob not null, version text not null
  ) without rowid;
  create unique index if not exists file_seq on file (seq);
  create index if not exists file_hash on file (substr(hash, 1, 6)) where gone = 0;
  create table if not exists coming (path blob primary key, hash blob not null, version text not null) without rowid;
  create table if not exists session (number integer primary key, id text not null unique, seq integer not null);
  create table if not exists flow (name text primary key, epoch text not null, seq integer not null) without rowid;
  create table if not exists failed (flow text not null, path blob not null, primary key (flow, path)) without rowid;
  create table if not exists missing (flow text not null, path blob not null, primary key (flow, path)) without rowid;
  commit;
`;
const COLUMNS = 'path, seq, gone, size, mtime, mode, inode, hash, version';

interface Row {
  readonly path: Uint8Array;
  readonly seq: number;
  readonly gone: number;
  readonly size: number;
  readonly mtime: number;
  readonly mode: number;
  readonly inode: number;
  readonly hash: Uint8Array;
  readonly version: string;
}

/** A file as it is known. */
export interface Known extends FileChange {
  readonly inode: number;
}

/** How a flow stands at its source. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/** What is asked for again: what could not be brought, or what a row names and the source does not have. */
export type Owed = 'failed' | 'missing';

export class Catalogue {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #prepared = new Map<string, StatementSync>();
  /** Since it was opened; its first place in the order of changes is where the one before ended. */
  readonly #session = randomBytes(6).toString('hex');
  #epoch: string;
  #seq: number;

  /** @throws OtterError OT8002 when somebody else has it open, OT8003 */
  constructor(file: string, region = '') {
    this.#file = file;
    try {
      this.#db = new DatabaseSync(file, { timeout: 0 });
    } catch (error) {
      throw unusable(file, error);
    }
    try {
      this.#db.exec(OPEN);
      const format = this.#fact('format', String(FORMAT));
      if (format !== String(FORMAT)) throw new Error(`it has the format ${format} of another version of otter`);
      this.#fact('region', region);
      this.#epoch = this.#fact('epoch', randomBytes(6).toString('hex'));
      this.#seq = (this.#one('select coalesce(max(seq), 0) as seq from file') as { seq: number }).seq;
      this.#run('insert into session (id, seq) values (?, ?)', this.#session, this.#seq);
    } catch (error) {
      this.#db.close();
      throw unusable(file, error);
    }
  }

  /** Of this catalogue: who changes here counts his changes under it. */
  get epoch(): string {
    return this.#epoch;
  }

  /** What others are told to come back with. */
  get mark(): string {
    return `${this.#epoch}.${this.#session}`;
  }

  /**
   * Whether somebody who was told everything up to a place can go on there. Where this catalogue told it and does not know it any more, it
   * was put back from an older copy, and so were the files: then all that is here counts as written anew.
   */
  goesOn(mark: string, after: number): boolean {
    const [epoch, session] = mark.split('.');
    if (epoch !== this.#epoch) return false;
    // As versions before this one were told.
    if (session === undefined) return after <= this.#seq;
    const ended = this.#one(
      `select coalesce((select seq from session where number > told.number order by number limit 1), ?) as seq
         from session told where id = ?`,
      this.#seq,
      session,
    ) as { seq: number } | undefined;
    if (ended !== undefined && after <= ended.seq) return true;
    this.#renew();
    return false;
  }

  /** In one statement, however long it takes: it is for disasters. */
  #renew(): void {
    const epoch = randomBytes(6).toString('hex');
    const actor = `json_object('dot', json_object('actor', ?1 || ?2, 'count', seq), 'clock', json_object(?1 || ?2, seq))`;
    this.together(() => {
      const region = this.#one("select value from fact where name = 'region'") as { value: string };
      this.#run('delete from file where gone = 1');
      this.#run(`update file set version = json_patch(version, ${actor})`, `${region.value}.`, epoch);
      this.#run("update fact set value = ? where name = 'epoch'", epoch);
    });
    this.#epoch = epoch;
  }

  /** What was written so far outlives a loss of power: nobody is told of anything else. */
  async durable(): Promise<void> {
    const log = await open(`${this.#file}-wal`, 'r');
    try {
      await log.datasync();
    } finally {
      await log.close();
    }
  }

  /** The newest place in the order of changes. */
  get head(): number {
    return this.#seq;
  }

  get(path: BytePath): Known | null {
    return known(this.#one(`select ${COLUMNS} from file where path = ?`, bytesOf(path)) as Row | undefined);
  }

  /** Whether it is there. */
  has(path: BytePath): boolean {
    return this.#one('select 1 from file where path = ? and gone = 0', bytesOf(path)) !== undefined;
  }

  /** Behind a place, in the order of changes. */
  since(seq: number, limit: number): Known[] {
    const rows = this.#all(`select ${COLUMNS} from file where seq > ? order by seq limit ?`, seq, limit);
    return (rows as unknown as Row[]).map((row) => known(row)!);
  }

  /** Behind a path, in the order of paths, also what is gone. */
  after(path: BytePath, limit: number): Known[] {
    const rows = this.#all(`select ${COLUMNS} from file where path > ? order by path limit ?`, bytesOf(path), limit);
    return (rows as unknown as Row[]).map((row) => known(row)!);
  }

  /** Below a directory and in it, in the order of paths, those that are there. */
  below(directory: BytePath, after: BytePath, limit: number): Known[] {
    const [from, to] = directory === '' ? ['', LAST_NAME] : [`${directory}/`, `${directory}0`];
    const begin = after > from ? after : from;
    const rows = this.#all(
      `select ${COLUMNS} from file where path > ? and path < ? and gone = 0 order by path limit ?`,
      bytesOf(begin),
      bytesOf(to),
      limit,
    );
    return (rows as unknown as Row[]).map((row) => known(row)!);
  }

  /** What is to come behind a place. */
  behind(seq: number): { readonly files: number; readonly bytes: number } {
    return this.#one(
      'select count(*) as files, coalesce(sum(size), 0) as bytes from file where seq > ? and gone = 0',
      seq,
    ) as { files: number; bytes: number };
  }

  /** Files that are there with this content. */
  ofHash(hash: string, limit: number): Known[] {
    const bytes = Buffer.from(hash, 'hex');
    const rows = this.#all(
      `select ${COLUMNS} from file where substr(hash, 1, 6) = ? and gone = 0 and hash = ? limit ?`,
      bytes.subarray(0, 6),
      bytes,
      limit,
    );
    return (rows as unknown as Row[]).map((row) => known(row)!);
  }

  /** Takes down what a file is now; it gets the next place in the order of changes, unless nothing of it is news to others. */
  put(path: BytePath, state: FileState, inode: number, news = true): void {
    const before = news ? null : this.get(path);
    const seq = before?.seq ?? ++this.#seq;
    const { content, version } = state;
    this.#run(
      `insert or replace into file (${COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      bytesOf(path),
      seq,
      content === null ? 1 : 0,
      content?.size ?? 0,
      content?.mtimeUs ?? 0,
      content?.mode ?? 0,
      inode,
      content === null ? new Uint8Array(0) : Buffer.from(content.hash, 'hex'),
      JSON.stringify(version),
    );
  }

  /** As if it had never been here. */
  forget(path: BytePath): void {
    this.#run('delete from file where path = ?', bytesOf(path));
    this.came(path);
  }

  /** Takes down, before a file is put in its place, what it will be: whoever finds it there knows that it is nobody's own. */
  comes(path: BytePath, hash: string, version: FileVersion): void {
    const row = [bytesOf(path), Buffer.from(hash, 'hex'), JSON.stringify(version)];
    this.#run('insert or replace into coming values (?, ?, ?)', ...row);
  }

  /** The version of a content that was being put there; null: it is somebody's own. */
  coming(path: BytePath, hash: string): FileVersion | null {
    const row = this.#one('select hash, version from coming where path = ?', bytesOf(path)) as
      | { hash: Uint8Array; version: string }
      | undefined;
    if (row === undefined || Buffer.from(row.hash).toString('hex') !== hash) return null;
    return JSON.parse(row.version) as FileVersion;
  }

  came(path: BytePath): void {
    this.#run('delete from coming where path = ?', bytesOf(path));
  }

  /** What belongs to the set: when that has changed, flows begin anew, since they have passed over what did not belong to it. */
  selects(text: string): void {
    if (this.#fact('selection', text) === text) return;
    this.together(() => {
      this.#run('update fact set value = ? where name = ?', text, 'selection');
      this.#run('delete from flow');
    });
  }

  /** Null: it has not begun. */
  cursor(flow: string): Cursor | null {
    return (this.#one('select epoch, seq from flow where name = ?', flow) as Cursor | undefined) ?? null;
  }

  moveCursor(flow: string, { epoch, seq }: Cursor): void {
    this.#run('insert or replace into flow values (?, ?, ?)', flow, epoch, seq);
  }

  /** Writes down what a flow is to ask for again. */
  owe(flow: string, list: Owed, path: BytePath): void {
    this.#run(`insert or ignore into ${list} values (?, ?)`, flow, bytesOf(path));
  }

  settle(flow: string, list: Owed, path: BytePath): void {
    this.#run(`delete from ${list} where flow = ? and path = ?`, flow, bytesOf(path));
  }

  /** Behind a path, in the order of paths. */
  owed(flow: string, list: Owed, after: BytePath, limit: number): BytePath[] {
    const rows = this.#all(
      `select path from ${list} where flow = ? and path > ? order by path limit ?`,
      flow,
      bytesOf(after),
      limit,
    );
    return rows.map(({ path }) => Buffer.from(path as Uint8Array).toString('latin1'));
  }

  owedCount(flow: string, list: Owed): number {
    return (this.#one(`select count(*) as count from ${list} where flow = ?`, flow) as { count: number }).count;
  }

  /** All or nothing. */
  together<T>(work: () => T): T {
    this.#db.exec('begin');
    try {
      const result = work();
      this.#db.exec('commit');
      return result;
    } catch (error) {
      this.#db.exec('rollback');
      this.#seq = (this.#one('select coalesce(max(seq), 0) as seq from file') as { seq: number }).seq;
      throw error instanceof OtterError ? error : unusable(this.#file, error);
    }
  }

  close(): void {
    this.#db.close();
  }

  #fact(name: string, first: string): string {
    this.#run('insert or ignore into fact values (?, ?)', name, first);
    return (this.#one('select value from fact where name = ?', name) as { value: string }).value;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  #one(sql: string, ...values: SQLInputValue[]): unknown {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }
}

function known(row: Row | undefined): Known | null {
  if (row === undefined) return null;
  const { path, seq, gone, size, mtime, mode, inode, hash, version } = row;
  return {
    path: Buffer.from(path).toString('latin1'),
    seq,
    content: gone === 1 ? null : { size, mtimeUs: mtime, mode, hash: Buffer.from(hash).toString('hex') },
    version: JSON.parse(version) as FileVersion,
    inode,
  };
}

/** What the system says of it, as far as it is known. */
export function statKnown({ content, inode }: Known): PlainStat | null {
  return content === null ? null : { size: content.size, mtimeUs: content.mtimeUs, mode: content.mode, inode };
}

function unusable(file: string, cause: unknown): OtterError {
  const locked = (cause as { errcode?: number } | null)?.errcode === 5;
  const message = locked
    ? `another process has ${file} open`
    : `the bookkeeping in ${file} cannot be used: ${messageOf(cause)}`;
  return new OtterError(locked ? 'OT8002' : 'OT8003', message, { retry: 'backoff', where: { file }, cause });
}
