/**
 * Otter's own directory in a root: where files are made before they are put in their place, and where those that were
 * deleted lie a while, so that one that was only renamed is not sent again.
 *
 * Rule: a file is whole, on disk and of the wanted hash before it gets its name; what a kill leaves is cleared away by the next start,
 * but for parts of large files, which are gone on with.
 */
import { createHash, hash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, stat, statfs, unlink } from 'node:fs/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { BytePath, FileContent } from '../model/file-link.ts';
import { pieces, statOf } from './contents.ts';
import { OWN_DIRECTORY } from './paths.ts';
import { codeOf, Directories, type Directory, type PlainStat, type Root } from './root.ts';

/** A file that is whole and has no name of its own yet. */
export interface Made {
  /** Where it lies, for the system. */
  readonly at: Buffer;
  readonly stat: PlainStat;
}

const SPARE_BYTES = 64 << 20;
const GONE_MS = 600_000;
const PARTS_MS = 7 * 86_400_000;
/** Half a microsecond more, so that what the system cuts off does not take the last one away. */
const HALF_US = 0.5;

export class Aside implements AsyncDisposable {
  readonly #root: Root;
  readonly #directories: Directories;
  readonly #new: Directory;
  readonly #parts: Directory;
  readonly #gone: Directory;

  private constructor(
    root: Root,
    directories: Directories,
    [made, parts, gone]: readonly [Directory, Directory, Directory],
  ) {
    this.#root = root;
    this.#directories = directories;
    [this.#new, this.#parts, this.#gone] = [made, parts, gone];
  }

  /** @throws OtterError OT8001, OT8011 when somebody has put a link in its place */
  static async open(root: Root, set: string): Promise<Aside> {
    const directories = new Directories(root);
    try {
      const enter = async (name: string): Promise<Directory> =>
        (await directories.enter(`${OWN_DIRECTORY}/${set}/${name}`, true))!;
      const aside = new Aside(root, directories, [await enter('new'), await enter('part'), await enter('gone')]);
      await aside.#clear(aside.#new, () => true);
      return aside;
    } catch (error) {
      await directories[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directories[Symbol.asyncDispose]();
  }

  /** Whether its directories are still there. */
  async stands(): Promise<boolean> {
    const all = await Promise.all([this.#new, this.#parts, this.#gone].map(async (one) => stat(one.at('.'))));
    return all.every(({ nlink }) => nlink > 0);
  }

  /** @throws OtterError OT8010 */
  async room(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#new.at(''));
    const free = bavail * bsize;
    if (free >= bytes + SPARE_BYTES) return;
    throw new OtterError('OT8010', `there is no room for ${bytes} bytes below ${this.#root.path}, only ${free}`, {
      retry: 'backoff',
      where: { root: this.#root.path, bytes, free },
    });
  }

  /** A small file, from its bytes; null: they are not what was wanted. */
  async make(bytes: Buffer, content: FileContent): Promise<Made | null> {
    if (bytes.length !== content.size || hash('sha256', bytes) !== content.hash) return null;
    const at = this.#new.at(randomBytes(9).toString('hex'));
    const handle = await open(
      at,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      content.mode,
    );
    try {
      await writeAll(handle, bytes, 0);
      return { at, stat: await finish(handle, content) };
    } finally {
      await handle.close();
    }
  }

  /** The part of a large file that is here, to be gone on with. */
  async part(path: BytePath, content: FileContent): Promise<Part> {
    const at = this.#parts.at(hash('sha256', `${content.hash} ${path}`));
    const handle = await open(at, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      return await Part.open(handle, at, content);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Puts a file away that is to be deleted, and tells where it lies. */
  async put(at: Buffer, content: FileContent): Promise<Buffer> {
    const gone = this.#gone.at(content.hash);
    await rename(at, gone);
    return gone;
  }

  /** One that was put away and has this content, taken out again. */
  async taken(content: FileContent): Promise<Buffer | null> {
    const at = this.#new.at(randomBytes(9).toString('hex'));
    try {
      await rename(this.#gone.at(content.hash), at);
      return at;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /** A name for something that is about to lie here. */
  place(): Buffer {
    return this.#new.at(randomBytes(9).toString('hex'));
  }

  /** What was deleted a while ago goes for good. */
  async tidy(now: number): Promise<void> {
    await this.#clear(this.#gone, (changedMs) => now - changedMs > GONE_MS);
    await this.#clear(this.#parts, (changedMs) => now - changedMs > PARTS_MS);
  }

  async #clear(directory: Directory, old: (changedMs: number) => boolean): Promise<void> {
    for (const name of await readdir(directory.at(''))) {
      const at = directory.at(name);
      const found = await stat(at).catch(() => null);
      if (found !== null && old(found.ctimeMs)) await unlink(at).catch(() => undefined);
    }
  }
}

/** A large file, written from its beginning to its end, and hashed on the way. */
export class Part {
  readonly #handle: FileHandle;
  readonly #at: Buffer;
  readonly #content: FileContent;
  readonly #hash = createHash('sha256');
  #done = 0;

  private constructor(handle: FileHandle, at: Buffer, content: FileContent) {
    this.#handle = handle;
    this.#at = at;
    this.#content = content;
  }

  static async open(handle: FileHandle, at: Buffer, content: FileContent): Promise<Part> {
    const part = new Part(handle, at, content);
    const { size } = await handle.stat();
    for await (const piece of pieces(handle, 0, Math.min(size, content.size))) {
      part.#hash.update(piece);
      part.#done += piece.length;
    }
    return part;
  }

  /** Bytes that are here. */
  get done(): number {
    return this.#done;
  }

  async add(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#handle, bytes, this.#done);
    this.#hash.update(bytes);
    this.#done += bytes.length;
  }

  /** Null: it has become something else than was wanted, and is thrown away. */
  async finish(): Promise<Made | null> {
    if (this.#done === this.#content.size && this.#hash.digest('hex') === this.#content.hash) {
      await this.#handle.truncate(this.#content.size);
      return { at: this.#at, stat: await finish(this.#handle, this.#content) };
    }
    await unlink(this.#at);
    return null;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** All of it: a disk that is nearly full takes a part and says nothing. @throws OtterError OT8010 */
async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; )
      done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
    throw new OtterError('OT8010', `there is no room for files: ${messageOf(cause)}`, { retry: 'backoff', cause });
  }
}

/** Its time and permissions as at the source, and all of it on disk. */
export async function finish(handle: FileHandle, { mtimeUs, mode }: FileContent): Promise<PlainStat> {
  const seconds = (mtimeUs + HALF_US) / 1e6;
  await handle.utimes(seconds, seconds);
  const { mode: given } = await statOf(handle);
  if (given !== mode) await handle.chmod(mode);
  await handle.sync();
  return statOf(handle);
}
