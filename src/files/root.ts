/**
 * The directory of a file set, opened so that nothing outside of it is ever touched.
 *
 * Rule: a directory is opened as a child of its parent, part by part and never through a link, and files are named below the
 * directory that is open (`/proc/self/fd/N/name`), so neither a link nor a directory that is put in another's place meanwhile leads out;
 * and no path is too long. Where there is no `/proc` (not on Linux) every part is looked at just before it is used.
 */
import { constants, existsSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { BytePath } from '../model/file-link.ts';
import { bytesOf, join, shownPath, split } from './paths.ts';

export const BY_DESCRIPTOR = existsSync('/proc/self/fd');
/** Directories that are kept open though nobody is in them. */
const IDLE_MAX = 64;

/** A root by its path, and which directory that is: one whose disk was taken away is not an empty one. */
export interface Root {
  readonly path: string;
  readonly identity: string;
}

/** @throws OtterError OT8001 */
export async function findRoot(path: string): Promise<Root> {
  try {
    // What watches says where links have led.
    const real = await realpath(path);
    const found = await stat(real, { bigint: true });
    if (!found.isDirectory()) throw new Error('it is no directory');
    return { path: real, identity: identityOf(found) };
  } catch (cause) {
    throw rootUnusable(path, cause);
  }
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}.${ino}`;
}

interface Open {
  readonly path: BytePath;
  readonly handle: FileHandle;
  /** How it is named to the system. */
  readonly prefix: Buffer;
  users: number;
}

function entered(directory: Open): Open {
  directory.users += 1;
  return directory;
}

/** A directory while somebody is in it. */
export interface Directory extends Disposable {
  readonly path: BytePath;
  /** How the system is told of one in it; of `` itself. */
  at(name: BytePath): Buffer;
  /** Puts on disk which names it has. */
  sync(): Promise<void>;
}

/** Directories of a root, for one piece of work: who keeps them longer would not notice that they were moved. */
export class Directories implements AsyncDisposable {
  readonly #root: Root;
  readonly #open = new Map<BytePath, Promise<Open>>();

  constructor(root: Root) {
    this.#root = root;
  }

  /**
   * @returns null where there is none and none is to be made
   * @throws OtterError OT8001 for the root itself, OT8011 for a part that is a link or no directory
   */
  async enter(path: BytePath, make = false): Promise<Directory | null> {
    const found = await this.#get(path, make);
    if (found === null) return null;
    return {
      path,
      at: (name) => (name === '' ? found.prefix : Buffer.concat([found.prefix, SLASH, bytesOf(name)])),
      sync: async () => found.handle.sync(),
      [Symbol.dispose]: () => {
        found.users -= 1;
        this.#tidy();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const one of all) await (await one.catch(() => null))?.handle.close();
  }

  /** Somebody is in it from now on: it must not be closed before he knows. */
  async #get(path: BytePath, make: boolean): Promise<Open | null> {
    for (;;) {
      const known = this.#open.get(path);
      if (known !== undefined) {
        const found = await known.catch(() => null);
        if (found !== null && this.#open.get(path) === known) return entered(found);
        if (found === null && this.#open.get(path) === known) this.#open.delete(path);
        continue;
      }
      const opening = path === '' ? this.#openRoot() : this.#openChild(path, make);
      const settled = opening.then((found) => found ?? Promise.reject(new Error('there is none')));
      settled.catch(() => undefined);
      this.#open.set(path, settled);
      try {
        const found = await opening;
        if (found === null) this.#open.delete(path);
        return found === null ? null : entered(found);
      } catch (error) {
        this.#open.delete(path);
        throw error;
      }
    }
  }

  async #openRoot(): Promise<Open> {
    const { path: root, identity } = this.#root;
    try {
      const handle = await open(root, constants.O_RDONLY | constants.O_DIRECTORY);
      if (identityOf(await handle.stat({ bigint: true })) !== identity) {
        await handle.close();
        throw new Error('another directory stands there than before');
      }
      const prefix = BY_DESCRIPTOR ? Buffer.from(`/proc/self/fd/${handle.fd}`) : Buffer.from(root);
      return { path: '', handle, prefix, users: 0 };
    } catch (cause) {
      throw rootUnusable(root, cause);
    }
  }

  async #openChild(path: BytePath, make: boolean): Promise<Open | null> {
    const { directory, name } = split(path);
    using parent = await this.enter(directory, make);
    if (parent === null) return null;
    const at = parent.at(name);
    const opened = async (): Promise<Open> => {
      if (!BY_DESCRIPTOR && !(await lstat(at)).isDirectory()) throw refused(path, 'is no directory');
      const handle = await open(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      return { path, handle, prefix: BY_DESCRIPTOR ? Buffer.from(`/proc/self/fd/${handle.fd}`) : at, users: 0 };
    };
    for (let made = false; ; ) {
      try {
        return await opened();
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ELOOP' || code === 'ENOTDIR') {
          // What was below a directory that is a file now is gone.
          if (!make && (await lstat(at).catch(() => null))?.isFile() === true) return null;
          throw refused(path, 'is a link or no directory');
        }
        if (code !== 'ENOENT') throw error;
        if (!make) return null;
        if (made) throw error;
        await mkdir(at).catch((problem: unknown) => {
          if (codeOf(problem) !== 'EEXIST') throw problem;
        });
        await parent.sync();
        made = true;
      }
    }
  }

  /** Of those that nobody is in the ones that were opened first go. */
  #tidy(): void {
    if (this.#open.size <= 2 * IDLE_MAX) return;
    void (async () => {
      for (const [path, opening] of [...this.#open]) {
        if (this.#open.size <= IDLE_MAX) return;
        const one = await opening.catch(() => null);
        if (one === null || one.users > 0 || path === '' || this.#open.get(path) !== opening) continue;
        this.#open.delete(path);
        await one.handle.close();
      }
    })();
  }
}

const SLASH = Buffer.from('/');

export function refused(path: BytePath, why: string): OtterError {
  return new OtterError('OT8011', `\`${shownPath(path)}\` ${why}`, { where: { path: shownPath(path) } });
}

export function rootUnusable(root: string, cause: unknown): OtterError {
  return new OtterError('OT8001', `the root ${root} cannot be used: ${messageOf(cause)}`, {
    retry: 'backoff',
    where: { root },
    hint: 'Make the directory, and let the user that the node runs as write it.',
    cause,
  });
}

/** What the system says; null for whatever else went wrong, also where Node or SQLite has a code for it. */
export function codeOf(error: unknown): string | null {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** A plain file that is there; null: nothing is, or a directory where one is no matter. @throws OtterError OT8011 for others */
export async function plainAt(directory: Directory, name: BytePath, passes = false): Promise<PlainStat | null> {
  let found: Awaited<ReturnType<typeof bigStat>>;
  try {
    found = await bigStat(directory.at(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  if (passes && found.isDirectory()) return null;
  if (!found.isFile()) throw refused(join(directory.path, name), kindOf(found));
  return plainStat(found);
}

/** Of a file, as far as it tells whether it was changed, and what is kept the same. */
export interface PlainStat {
  readonly size: number;
  readonly mtimeUs: number;
  readonly mode: number;
  readonly inode: number;
}

export function plainStat(of: { size: bigint; mtimeNs: bigint; mode: bigint; ino: bigint }): PlainStat {
  return {
    size: Number(of.size),
    mtimeUs: Number(of.mtimeNs / 1000n),
    mode: Number(of.mode & 0o777n),
    inode: Number(of.ino & 0x1f_ffff_ffff_ffffn),
  };
}

export function isSameStat(one: PlainStat, other: PlainStat): boolean {
  return (
    one.size === other.size && one.mtimeUs === other.mtimeUs && one.mode === other.mode && one.inode === other.inode
  );
}

async function bigStat(at: Buffer) {
  return lstat(at, { bigint: true });
}

function kindOf(of: Pick<Stats, 'isSymbolicLink' | 'isDirectory'>): string {
  if (of.isSymbolicLink()) return 'is a link';
  return of.isDirectory() ? 'is a directory' : 'is no plain file';
}
