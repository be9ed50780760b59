/**
 * A file of lock keys that found no room in memory: fingerprints, GTID numbers and times, no row values.
 *
 * Rule kept: nothing outlives the process. The file has no name from the moment it is open, so that the system takes it back
 * when it is closed or the process is killed, and nobody has to know whose left-overs may be removed. It is rebuilt from
 * the log, so it has no journal and is never flushed; one transaction is open from beginning to end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { messageOf, OtterError } from '../model/error.ts';
import type { KeyStore, PrintedWrite, StoredWrite } from '../model/key-store.ts';

const PAGE_BYTES = 4_096;
/** Pages that SQLite keeps in memory. */
const CACHE_KIB = 16 << 10;

const OPEN = `
  pragma page_size = ${PAGE_BYTES};
  pragma cache_size = -${CACHE_KIB};
  pragma locking_mode = exclusive;
  pragma journal_mode = off;
  pragma synchronous = off;
  create table written (
    seq integer primary key,
    print blob not null,
    origin integer not null,
    what integer not null,
    number integer not null,
    ordered real not null,
    clock real not null
  );
  create index written_print on written (print);
  begin;
`;
const COLUMNS = 'seq, origin, what, number, ordered, clock';

interface Row {
  readonly seq: number;
  readonly origin: number;
  readonly what: number;
  readonly number: number;
  readonly ordered: number;
  readonly clock: number;
}

/**
 * A new, empty file on the disk of `folder`, which must be a local one.
 * @throws OtterError OT5032
 */
export function openKeyFile(folder: string): KeyStore {
  try {
    // Nobody else may open it before its name is gone.
    const own = mkdtempSync(join(folder, 'otter-recent-'));
    try {
      const db = new DatabaseSync(join(own, 'writes.db'));
      db.exec(OPEN);
      return new KeyFile(folder, db);
    } finally {
      rmSync(own, { recursive: true });
    }
  } catch (error) {
    throw unusable(folder, error);
  }
}

class KeyFile implements KeyStore {
  readonly #folder: string;
  readonly #db: DatabaseSync;
  readonly #append: StatementSync;
  readonly #of: StatementSync;
  readonly #from: StatementSync;
  readonly #remove: StatementSync;
  readonly #removeBelow: StatementSync;
  bytes = 0;
  usedBytes = 0;

  constructor(folder: string, db: DatabaseSync) {
    this.#folder = folder;
    this.#db = db;
    this.#append = db.prepare('insert into written values (?, ?, ?, ?, ?, ?, ?)');
    this.#of = db.prepare(`select ${COLUMNS} from written where print = ? order by seq desc`);
    this.#from = db.prepare(`select ${COLUMNS} from written where seq >= ? order by seq limit ?`);
    this.#remove = db.prepare('delete from written where seq = ?');
    this.#removeBelow = db.prepare('delete from written where seq < ?');
  }

  append(first: number, writes: readonly PrintedWrite[]): void {
    this.#try(() => {
      for (const [i, { print, write }] of writes.entries()) {
        const { origin, what, number, order, clock } = write;
        this.#append.run(first + i, print, origin, what, number, order, clock);
      }
      this.#measure();
    });
  }

  of(print: Uint8Array): StoredWrite[] {
    return this.#try(() => (this.#of.all(print) as unknown as Row[]).map(stored));
  }

  from(seq: number, most: number): StoredWrite[] {
    return this.#try(() => (this.#from.all(seq, most) as unknown as Row[]).map(stored));
  }

  remove(seq: number): void {
    this.#try(() => this.#remove.run(seq));
  }

  removeBelow(seq: number): void {
    this.#try(() => {
      this.#removeBelow.run(seq);
      this.#measure();
    });
  }

  close(): void {
    this.#db.close();
  }

  #measure(): void {
    const { pages, free } = this.#db
      .prepare('select page_count as pages, freelist_count as free from pragma_page_count, pragma_freelist_count')
      .get() as { pages: number; free: number };
    this.bytes = pages * PAGE_BYTES;
    this.usedBytes = (pages - free) * PAGE_BYTES;
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw unusable(this.#folder, error);
    }
  }
}

function stored({ seq, origin, what, number, ordered, clock }: Row): StoredWrite {
  return { seq, write: { origin, what, number, order: ordered, clock } };
}

function unusable(folder: string, error: unknown): OtterError {
  return new OtterError('OT5032', `the file of recent writes in ${folder} cannot be used: ${messageOf(error)}`, {
    hint: 'Make room there, or name another folder with OTTER_SPILL_DIR and restart the node.',
    where: { folder },
    retry: 'backoff',
    cause: error,
  });
}
