/**
 * Contents of files, read so that what is told of one is true: a file that is written meanwhile is read again.
 */
import { createHash, hash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BytePath, FileContent } from '../model/file-link.ts';
import { join } from './paths.ts';
import { BY_DESCRIPTOR, codeOf, type Directory, isSameStat, type PlainStat, plainStat, refused } from './root.ts';

/** Above this a file is read in pieces. */
export const WHOLE_BYTES_MAX = 1 << 20;
export const PIECE_BYTES = 1 << 20;
const TRIES = 3;
/** Of the clocks of file systems, and to spare. */
const TICK_MS = 20;

export interface ReadFile {
  readonly content: FileContent;
  readonly stat: PlainStat;
}

/** Without following a link, and without waiting at a pipe. @throws OtterError OT8011; null: there is none */
export async function openPlain(directory: Directory, name: BytePath): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    handle = await open(directory.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO')
      throw refused(join(directory.path, name), 'is no plain file');
    throw error;
  }
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw refused(join(directory.path, name), 'is no plain file');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A copy, which shares its blocks where the system can; false: there is none. A pipe in its place is not waited for. */
export async function copyPlain(directory: Directory, name: BytePath, to: Buffer): Promise<boolean> {
  const handle = await openPlain(directory, name);
  if (handle === null) return false;
  try {
    const from = BY_DESCRIPTOR ? `/proc/self/fd/${handle.fd}` : directory.at(name);
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return true;
  } finally {
    await handle.close();
  }
}

export async function statOf(handle: FileHandle): Promise<PlainStat> {
  return plainStat(await handle.stat({ bigint: true }));
}

/**
 * What a file is, with its hash. `unsteady`: it is being written all the while; null: it is gone. `ours`: nobody else writes it.
 * @throws OtterError OT8011, what the system says
 */
export async function readFile(
  directory: Directory,
  name: BytePath,
  ours = false,
): Promise<ReadFile | 'unsteady' | null> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const handle = await openPlain(directory, name);
    if (handle === null) return null;
    try {
      const before = await statOf(handle);
      const digest = await hashOf(handle, before.size);
      const after = await statOf(handle);
      const { size, mtimeUs, mode } = after;
      if (!isSameStat(before, after)) continue;
      // What is written within one tick of the clock has the same time.
      if (!ours && Math.abs(Date.now() - mtimeUs / 1000) < TICK_MS) await sleep(TICK_MS);
      else return { content: { size, mtimeUs, mode, hash: digest }, stat: after };
    } finally {
      await handle.close();
    }
  }
  return 'unsteady';
}

async function hashOf(handle: FileHandle, size: number): Promise<string> {
  if (size <= WHOLE_BYTES_MAX) return hash('sha256', await readAt(handle, 0, size));
  const digest = createHash('sha256');
  for await (const piece of pieces(handle, 0, size)) digest.update(piece);
  return digest.digest('hex');
}

/** As many of the bytes as there are. */
export async function readAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, from + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done === length ? bytes : bytes.subarray(0, done);
}

/** The bytes from one place to another, the next read while one is used. */
export async function* pieces(handle: FileHandle, from: number, to: number): AsyncGenerator<Buffer, void> {
  const next = async (at: number): Promise<Buffer> => readAt(handle, at, Math.min(PIECE_BYTES, to - at));
  if (from >= to) return;
  let coming = next(from);
  for (let at = from; at < to; ) {
    const piece = await coming;
    if (piece.length === 0) return;
    at += piece.length;
    if (at < to) {
      coming = next(at);
      coming.catch(() => undefined);
    }
    yield piece;
  }
}
