/**
 * What the lab keeps between runs (`$OTTER_CACHE`, else `~/.cache/otter`): server packages and empty data directories.
 * An entry appears whole, by a rename, or not at all; of several processes that want the same one, one makes it.
 */
import { mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export function cacheFolder(): string {
  return process.env['OTTER_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'otter');
}

/** The path of the entry; `make` fills a fresh folder when there is none yet. */
export async function cached(
  name: string,
  make: (folder: string) => Promise<void>,
  signal?: AbortSignal | undefined,
): Promise<string> {
  const entry = join(cacheFolder(), name);
  if (await exists(entry)) return entry;
  await mkdir(dirname(entry), { recursive: true });
  return withFileLock(
    `${entry}.lock`,
    async () => {
      if (await exists(entry)) return entry;
      const fresh = await mkdtemp(`${entry}.part-`);
      try {
        await make(fresh);
        await rename(fresh, entry);
      } finally {
        await rm(fresh, { recursive: true, force: true });
      }
      return entry;
    },
    signal,
  );
}

/** One process at a time; a lock whose holder is gone is taken over. */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal | undefined,
): Promise<T> {
  while (!(await tryLock(path))) {
    if (await isAbandoned(path)) {
      // Renamed first: only one of several finders gets it, and none removes a fresh lock by mistake.
      const aside = `${path}.${process.pid}.old`;
      await rename(path, aside).catch(() => undefined);
      await rm(aside, { force: true });
    } else {
      await sleep(100, undefined, signal === undefined ? {} : { signal });
    }
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(String(process.pid));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

const UNSIGNED_LOCK_MS_MAX = 10_000;

async function isAbandoned(path: string): Promise<boolean> {
  try {
    const holder = Number(await readFile(path, 'utf8'));
    if (Number.isInteger(holder) && holder > 0) return !isAlive(holder);
    return Date.now() - (await stat(path)).mtimeMs > UNSIGNED_LOCK_MS_MAX;
  } catch {
    // Gone meanwhile: the next try decides.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
