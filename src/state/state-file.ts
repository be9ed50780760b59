/**
 * The state file, held open, and looked after: a file that is deleted or replaced under an open handle goes on being
 * written by it, seen by nobody else.
 *
 * Rule: nothing is read from or written to a file that is not the one at the path. While there is none, none is made.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { OtterError } from '../model/error.ts';
import { codeOf, openFile, unusable } from './sqlite-file.ts';

export class StateFile {
  readonly path: string;
  /** Null until there is one, and while another process is in the way of opening it. */
  #db: DatabaseSync | null = null;
  #identity: string | null = null;
  /** Counts the files that were opened at the path: what was read from an earlier one says nothing of this. */
  epoch = 0;

  /** @param make false: a file that is not there is made by who writes first. @throws OtterError OT3006 */
  constructor(path: string, make: boolean) {
    this.path = path;
    if (make || identityOf(path) !== null) this.#open();
  }

  /** After `ready` has said so. */
  get db(): DatabaseSync {
    if (this.#db === null) throw new Error('the state file is not open');
    return this.#db;
  }

  /**
   * Before every call: is the open file still the one at the path? If another one is there, it is open when this throws.
   * False when it cannot be opened just now, because another process is in the way.
   * @throws OtterError OT3001, OT3006
   */
  ready(): boolean {
    if (this.#db === null && this.#identity === null) return this.#open();
    // A number cannot be given to another file while this one is open.
    const identity = identityOf(this.path);
    if (identity !== null && identity === this.#identity) return this.#db !== null || this.#open();
    const where = { file: this.path };
    if (identity === null) {
      throw new OtterError('OT3001', `the state file ${this.path} is gone: somebody deleted or moved it`, {
        hint: 'Put it back. Without it, a new apply begins anew and copies tables again.',
        where,
        retry: 'backoff',
      });
    }
    this.close();
    this.epoch += 1;
    this.#open();
    throw new OtterError('OT3001', `the state file ${this.path} was replaced; the one that is there now is opened`, {
      where,
      retry: 'backoff',
    });
  }

  /** Nothing was ever written here, as far as this process has seen. */
  get absent(): boolean {
    return this.#identity === null && this.epoch === 0 && identityOf(this.path) === null;
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
  }

  #open(): boolean {
    this.#db = openFile(this.path);
    this.#identity = identityOf(this.path);
    return this.#db !== null;
  }
}

/** Null when there is no file. @throws OtterError OT3006 when there can be none */
function identityOf(path: string): string | null {
  try {
    const found = statSync(path, { bigint: true });
    return `${found.dev}:${found.ino}`;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw unusable(path, `the state file ${path} cannot be used (${codeOf(error)})`, error);
  }
}
