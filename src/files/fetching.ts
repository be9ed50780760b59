/**
 * Contents brought here, each whole and of the wanted hash, and not in its place yet: from what is here already where that will do, and
 * else over the link.
 */

import { constants } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { OtterError } from '../model/error.ts';
import type { FileChange, FileContent, FileFrame, FileLink, ReadProblem } from '../model/file-link.ts';
import { type Aside, finish, type Made } from './aside.ts';
import type { Catalogue } from './catalogue.ts';
import { copyPlain, readFile, WHOLE_BYTES_MAX } from './contents.ts';
import { byPieces } from './difference.ts';
import type { Figures } from './figures.ts';
import { split } from './paths.ts';
import type { Directories } from './root.ts';
import { strange } from './strange.ts';

export interface FetchingOptions {
  readonly aside: Aside;
  readonly catalogue: Catalogue;
  readonly link: FileLink;
  /** The side that has them. */
  readonly from: string;
  readonly figures: Figures;
}

/** A file that is wanted. */
export interface Wanted {
  readonly change: FileChange;
  readonly content: FileContent;
}

export type Fetched = Made | ReadProblem | 'wrong';

/** From here on a file comes by itself, and can be gone on with. */
export const LARGE_BYTES = 8 << 20;
const MAKES_AT_ONCE = 16;
/** Of a file that has other versions here. */
const COPIES_LOOKED_AT = 3;

export class Fetching {
  readonly #options: FetchingOptions;

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  /** Each by its place in the list; in turn as they come. @throws OtterError of the link, or for want of room */
  async fetch(
    directories: Directories,
    wanted: readonly Wanted[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Wanted, Fetched>> {
    const found = new Map<Wanted, Fetched>();
    const missing: Wanted[] = [];
    for (const one of wanted) {
      const here = await this.#here(directories, one);
      if (here === null) missing.push(one);
      else found.set(one, here);
    }
    const bytes = missing.reduce((sum, { content }) => sum + content.size, 0);
    if (bytes > 0) await this.#options.aside.room(bytes);
    const [large, small] = [missing.filter(isLarge), missing.filter((one) => !isLarge(one))];
    if (small.length > 0) await this.#small(small, found, signal);
    for (const one of large) found.set(one, await this.#large(directories, one, signal));
    return found;
  }

  /** The same content was deleted here a moment ago, or stands under another name. */
  async #here(directories: Directories, { content }: Wanted): Promise<Made | null> {
    if (content.size === 0) return null;
    const { aside, catalogue } = this.#options;
    const gone = await aside.taken(content);
    if (gone !== null) {
      const made = await this.#asWanted(directories, gone, content);
      if (made !== null) return made;
    }
    for (const { path } of catalogue.ofHash(content.hash, COPIES_LOOKED_AT)) {
      const { directory, name } = split(path);
      const at = aside.place();
      try {
        using within = await directories.enter(directory);
        if (within === null) continue;
        if (!(await copyPlain(within, name, at))) continue;
        const made = await this.#asWanted(directories, at, content);
        if (made !== null) return made;
      } catch (error) {
        // It went, or cannot be read: it comes over the link like any other.
        await unlink(at).catch(() => undefined);
        if (error instanceof OtterError && error.code !== 'OT8011') throw error;
      }
    }
    return null;
  }

  /** Null, and gone: it is something else. */
  async #asWanted(directories: Directories, at: Buffer, content: FileContent): Promise<Made | null> {
    using own = await directories.enter('');
    const read = await readFile({ ...own!, at: () => at }, '', true);
    if (read === null || read === 'unsteady' || read.content.hash !== content.hash) {
      await unlink(at).catch(() => undefined);
      return null;
    }
    // Its permissions may allow no more, and times can be set so too.
    const handle = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return { at, stat: await finish(handle, content) };
    } finally {
      await handle.close();
    }
  }

  async #small(wanted: readonly Wanted[], found: Map<Wanted, Fetched>, signal: AbortSignal): Promise<void> {
    const { link, from, aside, figures } = this.#options;
    const files = wanted.map(({ change, content }) => ({ path: change.path, hash: content.hash, from: 0 }));
    const making = new Set<Promise<void>>();
    let failed: unknown = null;
    let held: Buffer[] = [];
    const make = async (one: Wanted, bytes: Buffer): Promise<void> => {
      while (making.size >= MAKES_AT_ONCE) await Promise.race(making);
      const work = aside
        .make(bytes, one.content)
        .then((made) => void found.set(one, made ?? 'wrong'))
        .catch((error: unknown) => {
          failed ??= error;
        })
        .finally(() => making.delete(work));
      making.add(work);
    };
    try {
      for await (const { head, body } of link.ask(from, { op: 'read', files }, signal)) {
        if (head.kind !== 'read') throw strange();
        figures.received(body.length);
        let at = 0;
        for (const [file, length, last, problem] of head.parts) {
          const one = wanted[file];
          if (one === undefined) throw strange();
          const bytes = Buffer.from(body.buffer, body.byteOffset + at, length);
          at += length;
          if (problem !== null) {
            found.set(one, problem);
            held = [];
          } else if (last && held.length === 0) await make(one, bytes);
          else {
            held.push(bytes);
            if (!last) continue;
            await make(one, Buffer.concat(held));
            held = [];
          }
        }
      }
    } finally {
      await Promise.all(making);
    }
    if (failed !== null) throw failed;
    for (const one of wanted) if (!found.has(one)) found.set(one, 'changed');
  }

  async #large(directories: Directories, { change, content }: Wanted, signal: AbortSignal): Promise<Fetched> {
    const { link, from, aside, figures, catalogue } = this.#options;
    const part = await aside.part(change.path, content);
    try {
      const here = catalogue.get(change.path)?.content ?? null;
      const ask = (request: Parameters<FileLink['ask']>[1]): AsyncIterable<FileFrame> =>
        link.ask(from, request, signal);
      if (here !== null && here.size > WHOLE_BYTES_MAX && part.done < content.size) {
        const problem = await byPieces({ directories, path: change.path, content, part, ask, figures });
        if (problem !== null) return problem;
      }
      const files = [{ path: change.path, hash: content.hash, from: part.done }];
      if (part.done < content.size)
        for await (const { head, body } of ask({ op: 'read', files })) {
          if (head.kind !== 'read') throw strange();
          const problem = head.parts.find((one) => one[3] !== null)?.[3] ?? null;
          if (problem !== null) return problem;
          figures.received(body.length);
          await part.add(body);
        }
      return (await part.finish()) ?? 'wrong';
    } finally {
      await part.close();
    }
  }
}

function isLarge({ content }: Wanted): boolean {
  return content.size >= LARGE_BYTES;
}
