/**
 * The catalogue of a root, kept true to what stands there.
 *
 * Whoever has a hint that a path may have changed (the system, a scan, a flow that is about to write it) has it looked at here, under
 * the lock of the path. Rule: only what the system tells of otherwise than before is read and hashed; what is found changed and was not
 * brought by a flow is somebody's own, and gets a version of this side.
 */
import { readdir } from 'node:fs/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { BytePath, FileChange, FileContent, FileState, FileVersion } from '../model/file-link.ts';
import { abreast } from './abreast.ts';
import { type Catalogue, type Known, statKnown } from './catalogue.ts';
import { readFile } from './contents.ts';
import { Locks } from './locks.ts';
import { join, LAST_NAME, type Selection, split } from './paths.ts';
import { codeOf, Directories, isSameStat, plainAt, type Root } from './root.ts';
import { changed } from './version.ts';

export interface TreeOptions {
  readonly root: Root;
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly selection: () => Selection;
  /** Told of a path that is no plain file, or cannot be read: once. */
  readonly refused: (path: BytePath, why: string) => void;
  /** Told of what came from elsewhere and was changed or deleted here. */
  readonly strayed: (path: BytePath) => void;
}

/** What a look has found: `unsteady`: it is being written, and is to be looked at again. */
export type Look = 'same' | 'changed' | 'unsteady' | 'refused';

const PAGE = { least: 4, most: 1_000 } as const;
/** Paths that are refused and known to be, by which they are counted. */
const REFUSED_MAX = 10_000;

export class Tree {
  readonly #options: TreeOptions;
  readonly locks = new Locks();
  readonly #refused = new Set<BytePath>();
  readonly #waiting = new Set<() => void>();

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  get actor(): string {
    return `${this.#options.region}.${this.#options.catalogue.epoch}`;
  }

  /** Paths that are not touched, as far as they were met. */
  get refusedCount(): number {
    return this.#refused.size;
  }

  /** Something was taken down. */
  news(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Settles with the next news, or the signal. */
  async nextNews(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** Looks at one path. @throws OtterError OT8001 */
  async look(directories: Directories, path: BytePath): Promise<Look> {
    using _lock = await this.locks.take([path]);
    return await this.lookLocked(directories, path);
  }

  /** The same for who holds the lock of the path. */
  async lookLocked(directories: Directories, path: BytePath): Promise<Look> {
    if (!this.#options.selection().has(path)) return 'same';
    const { directory, name } = split(path);
    const { catalogue } = this.#options;
    try {
      using within = await directories.enter(directory);
      const before = catalogue.get(path);
      const found = within === null ? null : await plainAt(within, name, true);
      if (found === null) {
        this.#refused.delete(path);
        return this.#gone(path, before);
      }
      const stat = before === null ? null : statKnown(before);
      if (stat !== null && isSameStat(stat, found)) return 'same';
      const read = await readFile(within!, name);
      if (read === 'unsteady') return 'unsteady';
      this.#refused.delete(path);
      if (read === null) return this.#gone(path, before);
      return this.#found(path, before, read.content, read.stat.inode);
    } catch (error) {
      if (error instanceof OtterError && error.code !== 'OT8011') throw error;
      if (!(error instanceof OtterError) && codeOf(error) === null) throw error;
      this.#refuse(path, messageOf(error));
      return 'refused';
    }
  }

  /** Looks at files anew. Those are returned whose bytes are others, though the system tells the same of them: with `hash` all are read. */
  async proved(directories: Directories, files: readonly Known[], hash: boolean): Promise<BytePath[]> {
    const damaged: BytePath[] = [];
    await abreast(files, LOOKS_AT_ONCE, async ({ path }) => {
      using _lock = await this.locks.take([path]);
      const look = await this.lookLocked(directories, path);
      const known = this.#options.catalogue.get(path);
      if (!hash || look !== 'same' || known?.content == null) return;
      const { directory, name } = split(path);
      using within = await directories.enter(directory);
      const read = within === null ? null : await readFile(within, name);
      // One that is gone, or written now, is looked at again anyway.
      if (read === null || read === 'unsteady' || !isSameStat(read.stat, statKnown(known)!)) return;
      if (read.content.hash !== known.content.hash) damaged.push(path);
    });
    return damaged.sort();
  }

  #refuse(path: BytePath, why: string): void {
    if (this.#refused.has(path) || this.#refused.size >= REFUSED_MAX) return;
    this.#refused.add(path);
    this.#options.refused(path, why);
  }

  #gone(path: BytePath, before: Known | null): Look {
    if (before === null || before.content === null) return 'same';
    this.#put(path, { content: null, version: changed(before.version, this.actor) }, 0);
    this.#strays(before);
    return 'changed';
  }

  #found(path: BytePath, before: Known | null, content: FileContent, inode: number): Look {
    const { catalogue } = this.#options;
    const here = before?.content ?? null;
    // It was put in the place of another of the same content: nothing that others need to know.
    const alike =
      here !== null && here.hash === content.hash && here.mode === content.mode && here.mtimeUs === content.mtimeUs;
    if (alike) {
      catalogue.together(() => catalogue.put(path, { content, version: before!.version }, inode, false));
      return 'same';
    }
    const version: FileVersion = catalogue.coming(path, content.hash) ?? changed(before?.version ?? null, this.actor);
    this.#put(path, { content, version }, inode);
    if (version.dot.actor === this.actor) this.#strays(before);
    return 'changed';
  }

  #strays(before: Known | null): void {
    if (before !== null && before.version.dot.actor !== this.actor) this.#options.strayed(before.path);
  }

  #put(path: BytePath, state: FileState, inode: number): void {
    const { catalogue } = this.#options;
    catalogue.together(() => {
      catalogue.put(path, state, inode);
      catalogue.came(path);
    });
    this.news();
  }

  /** As it is known, without its bookkeeping; null: never seen. */
  known(path: BytePath): FileChange | null {
    const found = this.#options.catalogue.get(path);
    return found === null ? null : { path, seq: found.seq, content: found.content, version: found.version };
  }

  /**
   * Looks at what stands in a directory, and with `deep` below it, and at what is known there and does not stand there.
   * `pace` is awaited before every file; `tell` is told of every path that is to be looked at again.
   */
  async scan(
    directory: BytePath,
    how: {
      readonly deep: boolean;
      readonly pace: () => Promise<void>;
      readonly again: (path: BytePath) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    await using directories = new Directories(this.#options.root);
    await this.#scan(directories, directory, how);
  }

  async #scan(directories: Directories, path: BytePath, how: Parameters<Tree['scan']>[1]): Promise<void> {
    const { selection } = this.#options;
    const listed = await this.#list(directories, path);
    if (listed === null) return;
    const looks = new Lookers(async (file) => {
      if ((await this.look(directories, file)) === 'unsteady') how.again(file);
    });
    const names = new Set<BytePath>();
    try {
      for (const { name, isDirectory } of listed) {
        how.signal.throwIfAborted();
        const child = join(path, name);
        if (isDirectory) {
          if (how.deep && !selection().leavesOut(child)) await this.#scan(directories, child, how);
          continue;
        }
        names.add(name);
        if (!selection().has(child)) continue;
        await how.pace();
        await looks.add(child);
      }
    } finally {
      // Directories are closed when this ends: who still looked would look into others, and take files for gone.
      await looks.ended();
    }
    looks.check();
    await this.#lookForGone(directories, path, names, listed, how);
  }

  /** What is known in the directory, or below one that is not there any more, and was not listed. */
  async #lookForGone(
    directories: Directories,
    path: BytePath,
    names: ReadonlySet<BytePath>,
    listed: readonly Listed[],
    how: Parameters<Tree['scan']>[1],
  ): Promise<void> {
    const inner = new Set(listed.flatMap(({ name, isDirectory }) => (isDirectory ? [name] : [])));
    const begin = path === '' ? 0 : path.length + 1;
    // Most of what is found first is below a directory that is there, and passed over at one go.
    let count: number = PAGE.least;
    for (let after = ''; ; ) {
      const page = this.#options.catalogue.below(path, after, count);
      let skipped: BytePath | null = null;
      for (const { path: file } of page) {
        how.signal.throwIfAborted();
        const slash = file.indexOf('/', begin);
        const name = slash < 0 ? file.slice(begin) : file.slice(begin, slash);
        if (slash >= 0 && inner.has(name)) {
          // What is below a directory that is there has been looked at with it: behind all of it in one step.
          skipped = `${file.slice(0, slash)}/${LAST_NAME}`;
          break;
        }
        if (slash < 0 && names.has(name)) continue;
        await how.pace();
        await this.look(directories, file);
      }
      if (skipped !== null) {
        after = skipped;
        count = PAGE.least;
        continue;
      }
      if (page.length < count) return;
      after = page.at(-1)!.path;
      count = Math.min(PAGE.most, 4 * count);
    }
  }

  /** Null where it cannot be looked into: who cannot must not take what is in it for gone. */
  async #list(directories: Directories, path: BytePath): Promise<readonly Listed[] | null> {
    try {
      using within = await directories.enter(path);
      if (within === null) return [];
      const entries = await readdir(within.at(''), { encoding: 'buffer', withFileTypes: true });
      this.#refused.delete(path);
      return entries.map((entry) => ({ name: entry.name.toString('latin1'), isDirectory: entry.isDirectory() }));
    } catch (error) {
      if (path === '' || (error instanceof OtterError && error.code !== 'OT8011')) throw error;
      if (codeOf(error) === 'ENOENT') return [];
      if (codeOf(error) === null && !(error instanceof OtterError)) throw error;
      this.#refuse(path, messageOf(error));
      return null;
    }
  }
}

interface Listed {
  readonly name: BytePath;
  readonly isDirectory: boolean;
}

const LOOKS_AT_ONCE = 16;

/** Some at once, and no more. */
class Lookers {
  readonly #look: (path: BytePath) => Promise<void>;
  readonly #running = new Set<Promise<void>>();
  #failed: unknown = null;

  constructor(look: (path: BytePath) => Promise<void>) {
    this.#look = look;
  }

  async add(path: BytePath): Promise<void> {
    while (this.#running.size >= LOOKS_AT_ONCE) await Promise.race(this.#running);
    if (this.#failed !== null) throw this.#failed;
    const one = this.#look(path)
      .catch((error: unknown) => {
        this.#failed ??= error;
      })
      .finally(() => this.#running.delete(one));
    this.#running.add(one);
  }

  /** All that were begun have ended, well or not. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** @throws what the first of them failed with */
  check(): void {
    if (this.#failed !== null) throw this.#failed;
  }
}
