/**
 * One direction of a set compared as its target sees it: everything that both sides have, path by path, and what differs looked at again
 * until it is known that it was not on its way.
 *
 * Rules: both sides look at every file anew, and with `hash` read it whole, so that a file whose bytes have changed while size, time,
 * permissions and inode are as they were is found too (`damaged`); nothing is held but what seems to differ, and of that only so much. What
 * is repaired goes the way of every other change: fetched, hashed, put in its place, and contents that are replaced are kept beside it.
 */
import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../model/error.ts';
import type { BytePath, FileChange, FileLink } from '../model/file-link.ts';
import { type FileFlow, sideName } from '../model/files.ts';
import type { FileComparison, FlowComparison } from '../model/files-check.ts';
import type { Logger } from '../model/ports.ts';
import { abreast } from './abreast.ts';
import type { Catalogue } from './catalogue.ts';
import { besideName, type Selection, shownPath, split } from './paths.ts';
import { codeOf, Directories, type Root } from './root.ts';
import { sound } from './sound.ts';
import { strange } from './strange.ts';
import type { Tree } from './tree.ts';
import { isSame } from './version.ts';

export interface ComparingOptions {
  readonly flow: FileFlow;
  readonly root: Root;
  readonly region: string;
  readonly tree: Tree;
  readonly catalogue: Catalogue;
  readonly link: FileLink;
  readonly selection: () => Selection;
  /** Whether the target's own changes count for less than the source's. */
  readonly sourceWins: boolean;
  /** Whether what is gone at one side goes at the other. */
  readonly removes: () => boolean;
  /** Has all of the root looked through, for what nobody has told of. */
  readonly scan: (signal: AbortSignal) => Promise<void>;
  /** Nothing that is known of is on its way. */
  readonly settled: () => boolean;
  /** Brings what is there at the source as it is now. */
  readonly bring: (paths: readonly BytePath[], signal: AbortSignal) => Promise<unknown>;
  /** Something stands there that was not looked at. */
  readonly hint: (path: BytePath) => void;
  readonly now: () => number;
  readonly logger: Logger;
}

export type Counts = { -readonly [K in keyof FlowComparison]: FlowComparison[K] };

const PAGE = 1_000;
const LOOKS_AT_ONCE = 16;
/** What seems to differ is looked at again when there is so much of it. */
const SUSPECTS_MAX = 2_000;
/** Of each flow, by name in the log. */
const NAMED_MAX = 100;
const FIRST_WAIT_MS = 500;
const WAIT_MS_MAX = 4_000;
const PATIENCE_MS = 60_000;

/** How a path differs: the source has it and the target does not, both have another, only the target has it. */
type Kind = 'missing' | 'different';

export class Comparing {
  readonly #options: ComparingOptions;
  readonly #counts: Counts;
  readonly #asked: FileComparison;
  readonly #signal: AbortSignal;
  #suspects = new Set<BytePath>();
  /** Damaged here: what is to be fetched again. */
  readonly #damaged = new Set<BytePath>();
  #named = 0;

  /** `counts` grow while it runs. */
  constructor(options: ComparingOptions, asked: FileComparison, counts: Counts, signal: AbortSignal) {
    this.#options = options;
    this.#asked = asked;
    this.#counts = counts;
    this.#signal = signal;
  }

  /** @throws OtterError when the source cannot be asked to its end */
  async run(): Promise<void> {
    const { root, flow, link } = this.#options;
    await using directories = new Directories(root);
    await this.#options.scan(this.#signal);
    const ours = new Ours(this.#options, directories, this.#asked.hash, (path) => this.#isDamaged(path));
    const request = { op: 'list', after: '', hash: this.#asked.hash } as const;
    for await (const { head } of link.ask(sideName(flow.set, flow.source), request, this.#signal)) {
      if (head.kind !== 'known') throw strange();
      for (const path of head.damaged ?? []) this.#damagedThere(path);
      for (const change of head.changes.map(sound)) {
        for await (const mine of ours.upTo(change.path)) this.#extra(mine);
        this.#pair(change, await ours.at(change.path));
        if (this.#suspects.size >= SUSPECTS_MAX) await this.#lookAgain(directories);
      }
    }
    for await (const mine of ours.upTo(null)) this.#extra(mine);
    await this.#lookAgain(directories);
  }

  #pair(theirs: FileChange, mine: FileChange | null): void {
    if (!this.#options.selection().has(theirs.path) || theirs.content === null) {
      if (mine !== null) this.#extra(mine);
      return;
    }
    this.#counts.files += 1;
    this.#counts.bytes += theirs.content.size;
    if (this.#differs(theirs, mine) !== null) this.#suspects.add(theirs.path);
  }

  /** Null: it does not, or it is meant to. */
  #differs(theirs: FileChange, mine: FileChange | null): Kind | null {
    if (this.#damaged.has(theirs.path)) return 'different';
    if (theirs.content === null) return null;
    if (mine === null || mine.content === null) {
      // Deleted here by somebody who knew it, where what is deleted at one side stays at the other.
      const kept = mine !== null && !this.#options.sourceWins && !this.#options.removes() && isKnown(mine, theirs);
      return kept ? null : 'missing';
    }
    return isSame(mine.content, theirs.content) ? null : 'different';
  }

  #extra({ content, path }: FileChange): void {
    if (content === null || !this.#options.selection().has(path) || !this.#options.sourceWins) return;
    this.#counts.extra += 1;
  }

  #isDamaged(path: BytePath): void {
    this.#damaged.add(path);
    this.#counts.damaged += 1;
    this.#tell('its bytes have changed on disk, though nobody wrote it', path, this.#options.region);
  }

  /** Both ways it is the other flow's to tell, and to have brought again. */
  #damagedThere(path: BytePath): void {
    if (!this.#options.sourceWins) return;
    this.#counts.damaged_at_source += 1;
    this.#tell('its bytes have changed on disk, though nobody wrote it', path, this.#options.flow.source);
  }

  /** Until nothing differs any more, or what differs stays as it is while nothing is on its way. */
  async #lookAgain(directories: Directories): Promise<void> {
    const suspects = this.#suspects;
    this.#suspects = new Set();
    const { now, settled } = this.#options;
    const giveUpMs = now() + PATIENCE_MS;
    let before = new Map<BytePath, string>();
    const found = new Map<BytePath, Kind>();
    for (let waitMs = FIRST_WAIT_MS; suspects.size > 0; waitMs = Math.min(WAIT_MS_MAX, 2 * waitMs)) {
      const steady = settled();
      await sleep(waitMs, undefined, { signal: this.#signal });
      const seen = new Map<BytePath, string>();
      for (const { path, kind, text } of await this.#look(directories, [...suspects])) {
        if (kind === null) suspects.delete(path);
        else if (steady && settled() && before.get(path) === text) {
          suspects.delete(path);
          found.set(path, kind);
        } else seen.set(path, text);
      }
      before = seen;
      if (now() < giveUpMs) continue;
      this.#counts.busy += suspects.size;
      break;
    }
    for (const [path, kind] of found) {
      this.#counts[kind] += 1;
      this.#tell(kind === 'missing' ? 'is not at the target' : 'is another at the target', path, this.#options.region);
    }
    if (this.#asked.repair && found.size > 0) await this.#repair(directories, [...found.keys()]);
  }

  /** How each is now, at both sides. */
  async #look(
    directories: Directories,
    paths: readonly BytePath[],
  ): Promise<{ readonly path: BytePath; readonly kind: Kind | null; readonly text: string }[]> {
    const { link, flow, tree, catalogue } = this.#options;
    const theirs = new Map<BytePath, FileChange>();
    for (let at = 0; at < paths.length; at += PAGE) {
      const request = { op: 'look', paths: paths.slice(at, at + PAGE) } as const;
      for await (const { head } of link.ask(sideName(flow.set, flow.source), request, this.#signal)) {
        if (head.kind !== 'known') throw strange();
        for (const change of head.changes.map(sound)) theirs.set(change.path, change);
      }
    }
    await abreast(paths, LOOKS_AT_ONCE, async (path) => tree.look(directories, path));
    return paths.map((path) => {
      const [there, here] = [theirs.get(path) ?? null, catalogue.get(path)];
      const kind = there === null ? null : this.#differs(there, here);
      return { path, kind, text: JSON.stringify([there?.version, here?.version]) };
    });
  }

  async #repair(directories: Directories, paths: readonly BytePath[]): Promise<void> {
    const { bring, logger, sourceWins } = this.#options;
    for (const path of paths) if (sourceWins || this.#damaged.has(path)) await this.#giveWay(directories, path);
    for (let at = 0; at < paths.length; at += PAGE) {
      try {
        await bring(paths.slice(at, at + PAGE), this.#signal);
      } catch (error) {
        this.#signal.throwIfAborted();
        logger.warn('not all could be brought', { error: messageOf(error) });
      }
    }
    for (const path of paths) this.#damaged.delete(path);
    const left = (await this.#look(directories, paths)).filter(({ kind }) => kind !== null).length;
    this.#counts.repaired += paths.length - left;
  }

  /** Nothing is known any more of what is here, so that the source's counts; bytes that nobody wrote get another name. */
  async #giveWay(directories: Directories, path: BytePath): Promise<void> {
    const { catalogue, tree, now, region, hint } = this.#options;
    using _lock = await tree.locks.take([path]);
    const { directory, name } = split(path);
    using within = this.#damaged.has(path) ? await directories.enter(directory) : null;
    if (within !== null) {
      const beside = besideName(path, region, new Date(now()));
      await rename(within.at(name), within.at(split(beside).name)).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
      hint(beside);
    }
    catalogue.forget(path);
  }

  #tell(what: string, path: BytePath, region: string): void {
    if (this.#named >= NAMED_MAX) return;
    this.#named += 1;
    this.#options.logger.warn(`compared: a file ${what}`, { path: shownPath(path), region });
  }
}

/** Whether who made `mine` what it is had seen the other. */
function isKnown(mine: FileChange, { version: { dot } }: FileChange): boolean {
  return (mine.version.clock[dot.actor] ?? 0) >= dot.count;
}

/** What this side has, in the order of paths, looked at as it goes. */
class Ours {
  readonly #options: Pick<ComparingOptions, 'catalogue' | 'tree'>;
  readonly #directories: Directories;
  readonly #hash: boolean;
  readonly #damaged: (path: BytePath) => void;
  #page: FileChange[] = [];
  #after: BytePath = '';
  #ended = false;

  constructor(
    options: Pick<ComparingOptions, 'catalogue' | 'tree'>,
    directories: Directories,
    hash: boolean,
    damaged: (path: BytePath) => void,
  ) {
    this.#options = options;
    this.#directories = directories;
    this.#hash = hash;
    this.#damaged = damaged;
  }

  /** Those before a path, or all that are left. */
  async *upTo(path: BytePath | null): AsyncGenerator<FileChange, void> {
    for (let first = await this.#first(); first !== null && (path === null || first.path < path); ) {
      this.#page.shift();
      yield first;
      first = await this.#first();
    }
  }

  /** The one of this path. */
  async at(path: BytePath): Promise<FileChange | null> {
    const first = await this.#first();
    if (first?.path !== path) return null;
    this.#page.shift();
    return first;
  }

  async #first(): Promise<FileChange | null> {
    if (this.#page.length === 0 && !this.#ended) {
      const { catalogue, tree } = this.#options;
      const page = catalogue.after(this.#after, PAGE);
      this.#ended = page.length < PAGE;
      if (page.length > 0) this.#after = page.at(-1)!.path;
      for (const path of await tree.proved(this.#directories, page, this.#hash)) this.#damaged(path);
      this.#page = page.map(({ path }) => catalogue.get(path)!).filter((one) => one !== null);
    }
    return this.#page[0] ?? null;
  }
}
