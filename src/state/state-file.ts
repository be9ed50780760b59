/**
 * The state file, held open, and looked after: a file that is deleted or replaced under an open handle goes on being
 * written by it, seen by nobody else.
 *
 * Rule: nothing is read from or written to a file that is not the one at the path. While there is none, none is made.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { OtterError } from '../model/error.ts';
import { openFile } from './sqlite-file.ts';

export class StateFile {
  readonly path: string;
  #db: DatabaseSync;
  #identity: string | null;
  /** Counts the files that were opened at the path: what was read from an earlier one says nothing of this. */
  epoch = 0;

  /** @throws OtterError OT3006 when the file cannot be opened. */
  constructor(path: string) {
    this.path = path;
    this.#db = openFile(path);
    this.#identity = identityOf(path);
  }

  get db(): DatabaseSync {
    return this.#db;
  }

  /**
   * Before every call: is the open file still the one at the path? If another one is there, it is open when this throws.
   * @throws OtterError OT3001
   */
  check(): void {
    // A number cannot be given to another file while this one is open.
    const identity = identityOf(this.path);
    if (identity !== null && identity === this.#identity) return;
    const where = { file: this.path };
    if (identity === null) {
      throw new OtterError('OT3001', `the state file ${this.path} is gone: somebody deleted or moved it`, {
        hint: 'Put it back. Without it, a new apply begins anew and copies tables again.',
        where,
        retry: 'backoff',
      });
    }
    const db = openFile(this.path);
    this.#db.close();
    this.#db = db;
    this.#identity = identityOf(this.path);
    this.epoch += 1;
    throw new OtterError('OT3001', `the state file ${this.path} was replaced; the one that is there now is opened`, {
      where,
      retry: 'backoff',
    });
  }

  close(): void {
    this.#db.close();
  }
}

/** Null when there is no file. */
function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}
