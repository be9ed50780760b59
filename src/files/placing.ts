/**
 * Files put in their place at a target, some together: looked at once more, decided once more, taken down, renamed, and put on disk.
 *
 * Rule: between the look and the rename nobody of otter's touches the path; what somebody else writes in that moment is kept beside.
 * What a file is to be stands in the catalogue before it is there, and that it is there only when that is on disk: so a kill anywhere
 * leaves files that are known for what they are, and repeats what it must.
 */
import { link, rename, rmdir, unlink } from 'node:fs/promises';
import type { BytePath, FileChange } from '../model/file-link.ts';
import { abreast } from './abreast.ts';
import { type Aside, finish, type Made } from './aside.ts';
import type { Catalogue, Known } from './catalogue.ts';
import { openPlain } from './contents.ts';
import { besideName, join, split } from './paths.ts';
import { codeOf, type Directories, type Directory, isSameStat, type PlainStat, plainAt } from './root.ts';
import type { Tree } from './tree.ts';
import { type FileRule, isSame, type Merge, merge, regionOf } from './version.ts';

export interface PlacingOptions {
  readonly aside: Aside;
  readonly tree: Tree;
  readonly catalogue: Catalogue;
  readonly rule: () => FileRule;
  /** Whether what is gone at the source goes here. */
  readonly removes: () => boolean;
  /** Told of a file that was kept beside another. */
  readonly conflicted: (path: BytePath, beside: BytePath) => void;
  /** Something stands there that otter has not looked at. */
  readonly hint: (path: BytePath) => void;
  readonly now: () => number;
}

/** A change, and the file that was made for it where it has a content that is not here. */
export interface Placed {
  readonly change: FileChange;
  readonly made: Made | null;
}

/** What is to be done for a change as things are now. */
export type Need = 'nothing' | 'note' | 'content' | 'likeness' | 'removal';

interface Job extends Placed {
  readonly merged: Exclude<Merge, { kind: 'nothing' }>;
  readonly before: Known | null;
}

interface Outcome {
  readonly job: Job;
  /** The inode, or why not. */
  readonly result: number | Error;
}

const AT_ONCE = 16;

export class Placing {
  readonly #options: PlacingOptions;

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  /** By what is known; nothing is looked at. */
  need(change: FileChange): Need {
    const merged = this.#merge(this.#options.catalogue.get(change.path), change);
    if (merged.kind !== 'take') return merged.kind === 'noted' ? 'note' : 'nothing';
    if (change.content === null) return 'removal';
    const here = this.#options.catalogue.get(change.path)?.content ?? null;
    return here?.hash === change.content.hash ? 'likeness' : 'content';
  }

  /** Errors by path, of those that could not be placed; the others are, and are on disk. */
  async place(directories: Directories, placed: readonly Placed[]): Promise<ReadonlyMap<BytePath, unknown>> {
    const { tree, catalogue } = this.#options;
    using _locks = await tree.locks.take(placed.map(({ change }) => change.path));
    const failed = new Map<BytePath, unknown>();
    const jobs = await this.#jobs(directories, placed, failed);
    catalogue.together(() => {
      for (const { change, merged } of jobs)
        if (merged.kind === 'take' && change.content !== null)
          catalogue.comes(change.path, change.content.hash, merged.state.version);
    });
    const outcomes = await this.#done(directories, jobs);
    catalogue.together(() => {
      for (const { job, result } of outcomes) {
        const { change, merged } = job;
        if (typeof result === 'number') catalogue.put(change.path, merged.state, result);
        else failed.set(change.path, result);
        catalogue.came(change.path);
      }
    });
    if (outcomes.length > 0) tree.news();
    const used = new Set(outcomes.flatMap(({ job, result }) => (typeof result === 'number' ? [job.made] : [])));
    for (const { made } of placed) if (made !== null && !used.has(made)) await unlink(made.at).catch(() => undefined);
    return failed;
  }

  /** What is left to be done, as things are now. */
  async #jobs(directories: Directories, placed: readonly Placed[], failed: Map<BytePath, unknown>): Promise<Job[]> {
    const { tree, catalogue } = this.#options;
    const jobs: Job[] = [];
    await abreast(placed, AT_ONCE, async (one) => {
      const { path } = one.change;
      if ((await tree.lookLocked(directories, path)) === 'refused') {
        failed.set(path, new Error('no plain file stands there'));
        return;
      }
      const before = catalogue.get(path);
      const merged = this.#merge(before, one.change);
      if (merged.kind !== 'nothing') jobs.push({ ...one, merged, before });
    });
    return jobs;
  }

  /** Directories that are left empty go only when what comes has come. */
  async #done(directories: Directories, jobs: readonly Job[]): Promise<Outcome[]> {
    await using touched = new Touched(directories);
    const outcomes: Outcome[] = [];
    const one = async (job: Job): Promise<void> => {
      const result = await this.#one(directories, job, touched).catch((error: unknown) => error as Error);
      outcomes.push({ job, result });
    };
    const removes = ({ merged }: Job): boolean => merged.kind === 'take' && merged.state.content === null;
    await abreast(
      jobs.filter((job) => !removes(job)),
      AT_ONCE,
      one,
    );
    for (const job of jobs) if (removes(job)) await one(job);
    await touched.sync();
    return outcomes;
  }

  #merge(before: Known | null, change: FileChange): Merge {
    if (change.content === null && !this.#options.removes()) return { kind: 'nothing' };
    return merge(before, change, this.#options.rule());
  }

  /** The inode that is known of it from now on. */
  async #one(directories: Directories, job: Job, touched: Touched): Promise<number> {
    const { merged, before, change, made } = job;
    if (merged.kind === 'noted') return before?.inode ?? 0;
    const { directory, name } = split(change.path);
    const content = merged.state.content;
    if (before !== null && content !== null && isSame(before.content, content)) return before.inode;
    const within = await touched.enter(directory, content !== null);
    if (content === null) {
      if (within !== null && before !== null && before.content !== null)
        await this.#remove(directories, within, name, before);
      return 0;
    }
    if (before?.content?.hash === content.hash) return (await liken(within!, name, content)).inode;
    // It is another by now than the one that was fetched, and is told of again.
    if (made === null) throw new Error('it has changed meanwhile');
    const at = new Date(this.#options.now());
    const beside = merged.beside ? besideName(change.path, regionOf(before!.version.dot), at) : null;
    await this.#replace(within!, name, made, before, beside);
    return made.stat.inode;
  }

  /** The old file gets another name before it loses this one: whoever wrote it in that moment has not written in vain. */
  async #replace(
    within: Directory,
    name: BytePath,
    made: Made,
    before: Known | null,
    beside: BytePath | null,
  ): Promise<void> {
    const { aside, conflicted, hint, now } = this.#options;
    const at = within.at(name);
    if (before === null || before.content === null) return alone(made.at, at);
    const path = join(within.path, name);
    if (beside !== null) {
      await named(at, within.at(split(beside).name));
      await rename(made.at, at);
      conflicted(path, beside);
      return hint(beside);
    }
    const old = aside.place();
    await named(at, old);
    await rename(made.at, at);
    const directory = { ...within, at: () => old };
    const found = await plainAt(directory, name);
    if (found === null || isSameStat(found, { ...before.content, inode: before.inode })) {
      await unlink(old).catch(() => undefined);
      return;
    }
    const kept = besideName(path, regionOf(before.version.dot), new Date(now()));
    await rename(old, within.at(split(kept).name));
    conflicted(path, kept);
    hint(kept);
  }

  async #remove(directories: Directories, within: Directory, name: BytePath, before: Known): Promise<void> {
    const { aside } = this.#options;
    const at = within.at(name);
    try {
      const gone = await aside.put(at, before.content!);
      const found = await plainAt({ ...within, at: () => gone }, name);
      if (found !== null && !isSameStat(found, { ...before.content!, inode: before.inode })) {
        // Whoever wrote it in that moment has not written in vain.
        await alone(gone, at);
        throw new Error('it has changed meanwhile');
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    // A directory that is left empty goes with its last file.
    for (let path = within.path; path !== ''; path = split(path).directory) {
      using parent = await directories.enter(split(path).directory);
      if (parent === null) return;
      try {
        await rmdir(parent.at(split(path).name));
      } catch {
        // It holds something else, or must stay; empty or not, it does no harm.
        return;
      }
    }
  }
}

/** Directories in which something is changed, open until that is on disk. */
class Touched implements AsyncDisposable {
  readonly #directories: Directories;
  readonly #open = new Map<BytePath, Promise<Directory | null>>();

  constructor(directories: Directories) {
    this.#directories = directories;
  }

  async enter(path: BytePath, make: boolean): Promise<Directory | null> {
    const known = this.#open.get(path);
    if (known !== undefined) {
      const found = await known;
      if (found !== null || !make) return found;
    }
    const entering = this.#directories.enter(path, make);
    this.#open.set(path, entering);
    return entering;
  }

  async sync(): Promise<void> {
    for (const entering of this.#open.values()) await (await entering.catch(() => null))?.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entering of this.#open.values()) (await entering.catch(() => null))?.[Symbol.dispose]();
  }
}

/** The same content, with another time or other permissions. */
async function liken(within: Directory, name: BytePath, content: Parameters<typeof finish>[1]): Promise<PlainStat> {
  const handle = await openPlain(within, name);
  if (handle === null) throw new Error('it has changed meanwhile');
  try {
    return await finish(handle, content);
  } finally {
    await handle.close();
  }
}

/** Only where nothing stands: what was put there since it was looked at stays. */
async function alone(made: Buffer, at: Buffer): Promise<void> {
  try {
    await link(made, at);
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    return rename(made, at);
  }
  await unlink(made);
}

/** A second name, or where a file system has none the only one. */
async function named(at: Buffer, other: Buffer): Promise<void> {
  try {
    await link(at, other);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    await rename(at, other);
  }
}
