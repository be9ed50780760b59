/**
 * What changes in a root now, told by the system through chokidar; and all of it, looked through from time to time.
 *
 * Only directories are watched: a file costs nothing. What the system tells is a hint: names that are no UTF-8 come damaged, and have their
 * directory listed instead; what is missed, since a queue ran over or a disk is another machine's, the next scan finds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { messageOf } from '../model/error.ts';
import type { BytePath } from '../model/file-link.ts';
import type { Logger } from '../model/ports.ts';
import { bytePath, join, type Selection } from './paths.ts';
import { Directories, type Root } from './root.ts';
import type { Tree } from './tree.ts';

export interface WatchingOptions {
  readonly root: Root;
  readonly tree: Tree;
  readonly selection: () => Selection;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly timing?: Partial<WatchTiming> | undefined;
}

export interface WatchTiming {
  /** A file that was written is looked at when so long nothing more was told of it. */
  readonly quietMs: number;
  /** Between the end of one scan and the beginning of the next. */
  readonly scanEveryMs: number;
  /** Files a second that a later scan looks at; the first one takes what there is. */
  readonly scanFilesPerSecond: number;
  /** How often it is seen whether the root is there. */
  readonly pulseMs: number;
  /** Between two times that what could not be brought is asked for again. */
  readonly retryEveryMs: number;
}

/** Where nothing else is said. */
export const TIMING: WatchTiming = {
  quietMs: 40,
  scanEveryMs: 600_000,
  scanFilesPerSecond: 5_000,
  pulseMs: 5_000,
  retryEveryMs: 10_000,
};
/** However much is told of a file, it is looked at after so long. */
const QUIET_MAX = 25;
const PACE_FILES = 100;

export class Watching {
  readonly #options: WatchingOptions;
  readonly #timing: WatchTiming;
  /** Paths, and directories with `/` at the end, that are to be looked at, and when. */
  readonly #hints = new Map<string, { due: number; readonly latest: number }>();
  #wake = new AbortController();
  #rescan = new AbortController();
  /** Everything has been looked at once. */
  whole = false;

  constructor(options: WatchingOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** Until the signal. @throws OtterError OT8001 */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal.addEventListener('abort', stop);
    const watcher = this.#watch();
    try {
      const both = [this.#followHints(over.signal), this.#scanOnAndOn(over.signal)];
      await Promise.race(both);
      over.abort();
      await Promise.all(both);
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      await watcher.close();
    }
  }

  /** Something of it may have changed. */
  hint(path: BytePath): void {
    this.#hint(path);
  }

  /** Everything is looked through again, as soon as what is under way has ended. */
  rescan(): void {
    this.#rescan.abort();
  }

  #watch(): FSWatcher {
    const { root, selection, logger } = this.#options;
    const below = (path: string): BytePath => bytePath(path.slice(root.path.length).replace(/^\/+/, ''));
    const watcher = watch(root.path, {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path, stats) => {
        if (stats !== undefined && !stats.isDirectory()) return true;
        const directory = below(path);
        return directory !== '' && selection().leavesOut(directory);
      },
    });
    watcher.on('raw', (_event: string, name: string | null, details: unknown) => {
      const { watchedPath } = details as { readonly watchedPath?: string };
      if (watchedPath === undefined) return;
      const directory = below(watchedPath);
      if (name === null || name.includes('\ufffd')) this.#hint(`${directory}/`);
      else this.#hint(join(directory, bytePath(name)));
    });
    // What was put into it before it was watched.
    watcher.on('addDir', (path) => this.#hint(`${below(path)}/`));
    watcher.on('unlinkDir', (path) => this.#hint(`${below(path)}/`));
    // What was changed behind the first scan and before it was watched.
    watcher.once('ready', () => this.rescan());
    watcher.on('error', (error) => {
      logger.warn('watching failed; the next scan finds what was missed', { error: messageOf(error) });
    });
    return watcher;
  }

  #hint(path: string): void {
    const now = performance.now();
    const known = this.#hints.get(path);
    const due = now + this.#timing.quietMs;
    if (known === undefined) {
      this.#hints.set(path, { due, latest: now + QUIET_MAX * this.#timing.quietMs });
      this.#wake.abort();
    } else known.due = Math.min(due, known.latest);
  }

  async #followHints(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const now = performance.now();
      const due: string[] = [];
      let nextMs = Number.POSITIVE_INFINITY;
      for (const [path, hint] of this.#hints) {
        if (hint.due <= now) due.push(path);
        else nextMs = Math.min(nextMs, hint.due - now);
      }
      for (const path of due) this.#hints.delete(path);
      if (due.length > 0) await this.#lookAt(due, signal);
      else await slept(Math.min(nextMs, 60_000), AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #lookAt(paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { root, tree } = this.#options;
    await using directories = new Directories(root);
    for (const path of paths) {
      if (signal.aborted) return;
      if (path.endsWith('/')) {
        const how = { deep: false, pace: async () => undefined, again: (file: BytePath) => this.#hint(file), signal };
        await tree.scan(path.slice(0, -1), how).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      } else if ((await tree.look(directories, path)) === 'unsteady') this.#hint(path);
    }
  }

  async #scanOnAndOn(signal: AbortSignal): Promise<void> {
    const { tree, logger } = this.#options;
    for (let first = true; !signal.aborted; first = false) {
      this.#rescan = new AbortController();
      const began = performance.now();
      let files = 0;
      const pace = async (): Promise<void> => {
        files += 1;
        if (first || files % PACE_FILES !== 0) return;
        const aheadMs = (files / this.#timing.scanFilesPerSecond) * 1000 - (performance.now() - began);
        if (aheadMs > 0) await slept(aheadMs, AbortSignal.any([signal, this.#rescan.signal]));
      };
      try {
        await tree.scan('', { deep: true, pace, again: (path) => this.#hint(path), signal });
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (first) logger.info('root looked through', { files, ms: Math.round(performance.now() - began) });
      this.whole = true;
      tree.news();
      await slept(this.#timing.scanEveryMs, AbortSignal.any([signal, this.#rescan.signal]));
    }
  }
}

async function slept(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
