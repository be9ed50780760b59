/**
 * What a side answers to those that get files from it.
 *
 * Rule: only what the catalogue has is told or read, so nothing that is not of the set leaves; and what is read is sent only when it is
 * still what was asked for. Nothing is remembered of who asks.
 */
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import type {
  BytePath,
  FileChange,
  FileFrame,
  FileRequest,
  FileService,
  FileWish,
  ReadPart,
  ReadProblem,
} from '../model/file-link.ts';
import { Bucket } from '../replication/bucket.ts';
import { abreast } from './abreast.ts';
import { type Catalogue, type Known, statKnown } from './catalogue.ts';
import { openPlain, PIECE_BYTES, pieces, readAt, statOf, WHOLE_BYTES_MAX } from './contents.ts';
import { cutPieces } from './cutting.ts';
import { faultOf, split } from './paths.ts';
import { codeOf, Directories, isSameStat, type Root } from './root.ts';
import type { Tree } from './tree.ts';

export interface ServingOptions {
  readonly root: Root;
  readonly tree: Tree;
  readonly catalogue: Catalogue;
  readonly whole: () => boolean;
  /** A file is not as it is known. */
  readonly hint: (path: BytePath) => void;
  /** Has all of the root looked through, where files are not named by rows. */
  readonly scan: (signal: AbortSignal) => Promise<void>;
  /** Those that the source does not have are returned. */
  readonly bring: (
    source: string,
    paths: readonly BytePath[],
    later: boolean,
    signal: AbortSignal,
  ) => Promise<readonly BytePath[]>;
  /** Bytes a second; null: no limit. */
  readonly limit: () => number | null;
}

const CHANGES_AT_ONCE = 1_000;
const FILES_MAX = 4_096;
const READS_AHEAD = 16;
const NONE = new Uint8Array(0);

export class Serving implements FileService {
  readonly #options: ServingOptions;
  #bucket: { readonly perSecond: number; readonly bucket: Bucket } | null = null;

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  ask(request: FileRequest, signal: AbortSignal): AsyncIterable<FileFrame> {
    switch (request.op) {
      case 'changes':
        return this.#changes(request, signal);
      case 'read':
        return this.#read(request.files, signal);
      case 'pieces':
        return this.#pieces(request.path, request.hash);
      case 'parts':
        return this.#parts(request, signal);
      case 'look':
        return this.#look(request.paths);
      case 'bring':
        return this.#bring(request, signal);
      case 'list':
        return this.#list(request.after, request.hash, signal);
      default:
        throw new OtterError('OT8013', 'files were asked for in a way that is not known here', { retry: 'backoff' });
    }
  }

  async *#changes({ epoch, after }: FileRequest & { op: 'changes' }, signal: AbortSignal): AsyncGenerator<FileFrame> {
    const { catalogue, tree, whole } = this.#options;
    let anew = !catalogue.goesOn(epoch, after);
    if (anew) tree.news();
    let at = anew ? 0 : after;
    let told = '';
    const backlog = new Backlog(catalogue);
    while (!signal.aborted) {
      const changes = catalogue.since(at, CHANGES_AT_ONCE);
      at = changes.at(-1)?.seq ?? at;
      const news = `${at} ${whole()}`;
      if (changes.length === 0 && news === told && !anew) {
        await tree.nextNews(signal);
        continue;
      }
      told = news;
      const behind = changes.length < CHANGES_AT_ONCE ? { files: 0, bytes: 0 } : backlog.behind(at, changes);
      await catalogue.durable();
      yield {
        head: {
          kind: 'changes',
          epoch: catalogue.mark,
          anew,
          changes: changes.map(told_),
          head: catalogue.head,
          behind,
          whole: whole(),
        },
        body: NONE,
      };
      anew = false;
    }
  }

  async *#read(files: readonly FileWish[], signal: AbortSignal): AsyncGenerator<FileFrame> {
    if (files.length > FILES_MAX) throw new OtterError('OT8013', 'more files were asked for at once than may be');
    await using directories = new Directories(this.#options.root);
    let parts: ReadPart[] = [];
    let bodies: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<FileFrame> => {
      const body = bodies.length === 1 ? bodies[0]! : Buffer.concat(bodies);
      const frame: FileFrame = { head: { kind: 'read', parts }, body, plain: !packs(body) };
      [parts, bodies, bytes] = [[], [], 0];
      await this.#pace(body.length, signal);
      return frame;
    };
    const coming = ahead(files, READS_AHEAD, async (wish) => this.#open(directories, wish));
    try {
      for (let i = 0; i < files.length; i += 1) {
        signal.throwIfAborted();
        const found = await coming.next(i);
        if ('problem' in found) parts.push([i, 0, true, found.problem]);
        else if ('whole' in found) {
          parts.push([i, found.whole.length, true, null]);
          bodies.push(found.whole);
          bytes += found.whole.length;
        } else {
          try {
            let problem: ReadProblem | null = null;
            let left = found.size - files[i]!.from;
            for await (const piece of pieces(found.handle, files[i]!.from, found.size)) {
              left -= piece.length;
              parts.push([i, piece.length, false, null]);
              bodies.push(piece);
              bytes += piece.length;
              if (bytes >= PIECE_BYTES) yield await flush();
            }
            if (left !== 0) problem = 'changed';
            parts.push([i, 0, true, problem]);
          } finally {
            await found.handle.close();
          }
        }
        if (bytes >= PIECE_BYTES || parts.length >= FILES_MAX) yield await flush();
      }
      if (parts.length > 0) yield await flush();
    } finally {
      await coming.end(async (found) => ('handle' in found ? found.handle.close() : undefined));
    }
  }

  /** Small ones come whole, since a file that was opened may be closed again at once then. */
  async #open(
    directories: Directories,
    { path, hash, from }: FileWish,
  ): Promise<{ problem: ReadProblem } | { whole: Buffer } | { handle: FileHandle; size: number }> {
    const { hint } = this.#options;
    const known = this.#known(path, hash);
    if (known === null) return { problem: 'changed' };
    const { directory, name } = split(path);
    try {
      using within = await directories.enter(directory);
      const handle = within === null ? null : await openPlain(within, name);
      if (handle === null) {
        hint(path);
        return { problem: 'changed' };
      }
      let kept = false;
      try {
        const stat = await statOf(handle);
        if (!isSameStat(stat, statKnown(known)!)) {
          hint(path);
          return { problem: 'changed' };
        }
        kept = stat.size - from > WHOLE_BYTES_MAX;
        return kept
          ? { handle, size: stat.size }
          : { whole: await readAt(handle, from, Math.max(0, stat.size - from)) };
      } finally {
        if (!kept) await handle.close();
      }
    } catch (error) {
      if (error instanceof OtterError && error.code !== 'OT8011') throw error;
      if (!(error instanceof OtterError) && codeOf(error) === null) throw error;
      return { problem: 'unreadable' };
    }
  }

  async *#pieces(path: BytePath, hash: string): AsyncGenerator<FileFrame> {
    await using directories = new Directories(this.#options.root);
    const found = await this.#open(directories, { path, hash, from: -PIECE_BYTES - 1 });
    if (!('handle' in found)) return;
    try {
      for await (const some of cutPieces(pieces(found.handle, 0, found.size)))
        yield { head: { kind: 'pieces', pieces: some }, body: NONE };
    } finally {
      await found.handle.close();
    }
  }

  async *#parts({ path, hash, parts }: FileRequest & { op: 'parts' }, signal: AbortSignal): AsyncGenerator<FileFrame> {
    await using directories = new Directories(this.#options.root);
    const found = await this.#open(directories, { path, hash, from: -PIECE_BYTES - 1 });
    if (!('handle' in found)) {
      yield {
        head: { kind: 'read', parts: [[0, 0, true, 'problem' in found ? found.problem : 'changed']] },
        body: NONE,
      };
      return;
    }
    try {
      for (const [index, [offset, length]] of parts.entries()) {
        for await (const piece of pieces(found.handle, offset, offset + length)) {
          await this.#pace(piece.length, signal);
          yield {
            head: { kind: 'read', parts: [[index, piece.length, false, null]] },
            body: piece,
            plain: !packs(piece),
          };
        }
        yield { head: { kind: 'read', parts: [[index, 0, true, null]] }, body: NONE };
      }
    } finally {
      await found.handle.close();
    }
  }

  async *#look(paths: readonly BytePath[]): AsyncGenerator<FileFrame> {
    const { root, tree, catalogue } = this.#options;
    await using directories = new Directories(root);
    const changes: FileChange[] = [];
    await abreast(paths.slice(0, FILES_MAX), READS_AHEAD, async (path) => {
      if (faultOf(path) !== null) return;
      await tree.look(directories, path);
      const known = catalogue.get(path);
      if (known !== null) changes.push(told_(known));
    });
    changes.sort((one, other) => one.seq - other.seq);
    await catalogue.durable();
    yield { head: { kind: 'known', changes, done: true }, body: NONE };
  }

  async *#bring(
    { source, paths, later }: FileRequest & { op: 'bring' },
    signal: AbortSignal,
  ): AsyncGenerator<FileFrame> {
    const missing = await this.#options.bring(source, paths, later, signal);
    yield { head: { kind: 'brought', missing }, body: NONE };
  }

  async *#list(after: BytePath, hash: boolean, signal: AbortSignal): AsyncGenerator<FileFrame> {
    const { root, tree, catalogue } = this.#options;
    await using directories = new Directories(root);
    await this.#options.scan(signal);
    for (let at = after; !signal.aborted; ) {
      const some = catalogue.after(at, CHANGES_AT_ONCE);
      const done = some.length < CHANGES_AT_ONCE;
      const damaged = await tree.proved(directories, some, hash);
      const changes = some.map(({ path }) => catalogue.get(path)).filter((one) => one !== null);
      yield { head: { kind: 'known', changes: changes.map(told_), done, damaged }, body: NONE };
      if (done) return;
      at = some.at(-1)!.path;
    }
  }

  #known(path: BytePath, hash: string): Known | null {
    if (faultOf(path) !== null) return null;
    const known = this.#options.catalogue.get(path);
    return known?.content?.hash === hash ? known : null;
  }

  /** Flows out of this side share what the set allows. */
  async #pace(bytes: number, signal: AbortSignal): Promise<void> {
    const perSecond = this.#options.limit();
    if (perSecond === null) return;
    if (this.#bucket?.perSecond !== perSecond) this.#bucket = { perSecond, bucket: new Bucket(perSecond) };
    const { bucket } = this.#bucket;
    for (let wait = bucket.waitMs(performance.now()); wait > 0; wait = bucket.waitMs(performance.now()))
      await sleep(wait, undefined, { signal });
    bucket.take(bytes, performance.now());
  }
}

function told_({ path, seq, content, version }: Known): FileChange {
  return { path, seq, content, version };
}

/** Counting what is left takes as long as it is much: it is done now and then, and reckoned between. */
class Backlog {
  readonly #catalogue: Catalogue;
  #left = { files: 0, bytes: 0 };
  #frames = 0;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  behind(at: number, told: readonly FileChange[]): { readonly files: number; readonly bytes: number } {
    if (this.#frames % COUNT_EVERY === 0) this.#left = { ...this.#catalogue.behind(at) };
    else {
      const there = told.flatMap(({ content }) => (content === null ? [] : [content.size]));
      this.#left.files = Math.max(0, this.#left.files - there.length);
      this.#left.bytes = Math.max(0, this.#left.bytes - there.reduce((sum, size) => sum + size, 0));
    }
    this.#frames += 1;
    return { ...this.#left };
  }
}

const COUNT_EVERY = 200;
const SAMPLE_BYTES = 8 << 10;

/** Pictures do not: a part of it tells. */
function packs(body: Buffer): boolean {
  if (body.length < 256) return false;
  const middle = Math.max(0, (body.length - SAMPLE_BYTES) >> 1);
  const sample = body.subarray(middle, middle + SAMPLE_BYTES);
  return zstdCompressSync(sample).length < 0.9 * sample.length;
}

/** Results in order, some of them begun before they are asked for. */
function ahead<T, R>(items: readonly T[], count: number, begin: (item: T) => Promise<R>) {
  const begun = new Map<number, Promise<R>>();
  let next = 0;
  return {
    next: async (index: number): Promise<R> => {
      for (; next < items.length && next < index + count; next += 1) {
        const one = begin(items[next]!);
        one.catch(() => undefined);
        begun.set(next, one);
      }
      const result = await begun.get(index)!;
      begun.delete(index);
      return result;
    },
    end: async (leave: (result: R) => Promise<unknown>): Promise<void> => {
      for (const one of begun.values()) {
        const result = await one.catch(() => null);
        if (result !== null) await leave(result);
      }
    },
  };
}
