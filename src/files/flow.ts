/**
 * One direction of a set as its target sees it: told of changes by the source, it fetches what it needs and puts it in its place.
 *
 * Rule: how far it has come moves only over changes that are done, or that failed and are written down to be tried again. So after any
 * cut or kill it goes on there, and what is done twice is done once. Several groups of files are under way at a time, so that a
 * long line is used.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { BytePath, FileChange, FileLink } from '../model/file-link.ts';
import { type FileFlow, sideName } from '../model/files.ts';
import type { Logger } from '../model/ports.ts';
import type { FileFlowFigures } from '../model/records.ts';
import { abreast } from './abreast.ts';
import type { Aside } from './aside.ts';
import type { Catalogue, Owed } from './catalogue.ts';
import { Fetching, LARGE_BYTES, type Wanted } from './fetching.ts';
import { Figures } from './figures.ts';
import type { Locks } from './locks.ts';
import { faultOf, type Selection, shownPath } from './paths.ts';
import { type Placed, Placing, type PlacingOptions } from './placing.ts';
import { Directories, type Root } from './root.ts';
import { sound } from './sound.ts';
import { strange } from './strange.ts';

export interface FlowOptions extends Omit<PlacingOptions, 'conflicted'> {
  readonly flow: FileFlow;
  readonly root: Root;
  readonly aside: Aside;
  /** Of large files that are coming, by path: one at a time goes on with what is here of it. */
  readonly parts: Locks;
  readonly catalogue: Catalogue;
  readonly link: FileLink;
  readonly selection: () => Selection;
  readonly generation: () => number;
  /** Paths at the root that are not touched. */
  readonly refused: () => number;
  /** Between two times that what is owed is asked for. */
  readonly retryEveryMs: number;
  readonly logger: Logger;
}

const GROUP_FILES = 200;
const LOOKS_AT_ONCE = 16;
const GROUP_BYTES = 16 << 20;
const GROUPS_AT_ONCE = 4;
const BACKOFF_MS = { least: 200, most: 10_000 } as const;

/** Changes that are done together. */
interface Group {
  readonly changes: FileChange[];
  bytes: number;
  /** How far the flow has come when it is done, and all before it. */
  seq: number;
}

export class Flow {
  readonly #options: FlowOptions;
  readonly #figures = new Figures();
  readonly #placing: Placing;
  readonly #fetching: Fetching;
  /** Aborted when something is left for later. */
  #soon = new AbortController();

  constructor(options: FlowOptions) {
    this.#options = options;
    const { flow, logger } = options;
    this.#placing = new Placing({
      ...options,
      conflicted: (path, beside) => {
        this.#figures.conflicts += 1;
        logger.warn('a file was written in two regions; one is kept beside the other', {
          path: shownPath(path),
          beside: shownPath(beside),
        });
      },
    });
    this.#fetching = new Fetching({ ...options, from: sideName(flow.set, flow.source), figures: this.#figures });
  }

  /** Region. */
  get source(): string {
    return this.#options.flow.source;
  }

  get name(): string {
    return this.#options.flow.name;
  }

  get declared(): FileFlow {
    return this.#options.flow;
  }

  /** Nothing that is known of is on its way. */
  get settled(): boolean {
    const { phase, backlogFiles } = this.#figures;
    return phase === 'streaming' && backlogFiles === 0;
  }

  figures(): FileFlowFigures {
    const { refused, catalogue } = this.#options;
    const figures = this.#figures.read({
      refused: refused(),
      failures: catalogue.owedCount(this.name, 'failed'),
      missing: catalogue.owedCount(this.name, 'missing'),
    });
    // Whatever the topology says counts at once.
    return figures.phase === 'pending' ? figures : { ...figures, observedGeneration: this.#options.generation() };
  }

  /** Until the signal; whatever goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.#once(signal, () => {
          attempt = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
      }
      const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** attempt);
      await slept(most / 2 + Math.random() * (most / 2), signal);
    }
  }

  /** A file that is to be here as it is at the source, and is not. Not at once: whoever writes it all the while has it kept beside each time. */
  wants(path: BytePath): void {
    this.#options.catalogue.owe(this.name, 'failed', path);
  }

  /** In place of `run`, where rows say what is to come: only what was left for later, failed or was missing is brought by itself. */
  async follow(signal: AbortSignal): Promise<void> {
    this.#figures.phase = 'streaming';
    await this.#retry(signal, ['failed', 'missing']);
  }

  /** Files that rows name. Those that the source does not have are returned. @throws OtterError */
  async bring(paths: readonly BytePath[], later: boolean, signal: AbortSignal): Promise<readonly BytePath[]> {
    const { root, tree, catalogue, logger, selection } = this.#options;
    const good = paths.filter((path) => {
      if (!selection().has(path)) return false;
      const fault = faultOf(path);
      if (fault !== null)
        logger.warn('a row names what is no path', { code: 'OT8011', path: shownPath(path), why: fault });
      return fault === null;
    });
    if (later) {
      catalogue.together(() => {
        for (const path of good) catalogue.owe(this.name, 'failed', path);
      });
      this.#soon.abort();
      return [];
    }
    await using directories = new Directories(root);
    await abreast(good, LOOKS_AT_ONCE, async (path) => tree.look(directories, path));
    return await this.#lookFor(good, signal);
  }

  /** Of what rows name, with what is not there written down. */
  async #lookFor(paths: readonly BytePath[], signal: AbortSignal): Promise<readonly BytePath[]> {
    const missing = await this.look(paths, signal, true);
    const { catalogue } = this.#options;
    const absent = new Set(missing);
    const away = paths.find((path) => !absent.has(path) && this.#options.selection().has(path) && !catalogue.has(path));
    if (away !== undefined) throw broken(`\`${shownPath(away)}\` is not here, though it came`);
    catalogue.together(() => {
      for (const path of paths) if (!absent.has(path)) catalogue.settle(this.name, 'missing', path);
    });
    return missing;
  }

  #failed(error: unknown): void {
    const before = this.#figures.error;
    const { code, message } = this.#figures.failed(error);
    if (before?.code === code && before.message === message) return;
    this.#options.logger.warn('flow interrupted; it will go on', { flow: this.name, code, error: message });
  }

  async #once(signal: AbortSignal, progress: () => void): Promise<void> {
    const { catalogue, link, flow } = this.#options;
    const cursor = catalogue.cursor(this.name) ?? { epoch: '', seq: 0 };
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const line = new Line(GROUPS_AT_ONCE, (error) => over.abort(error));
    let told = 0;
    const retrying = this.#retry(both, ['failed']);
    retrying.catch(() => undefined);
    try {
      const request = { op: 'changes', epoch: cursor.epoch, after: cursor.seq } as const;
      for await (const { head } of link.ask(sideName(flow.set, flow.source), request, both)) {
        if (head.kind !== 'changes') throw strange();
        const changes = head.changes.map(sound);
        if (head.anew) {
          await line.empty();
          catalogue.moveCursor(this.name, { epoch: head.epoch, seq: 0 });
        }
        this.#begins(head);
        for (const group of groupsOf(changes)) {
          await line.add({
            work: this.#group(group, both).then(() => undefined),
            done: () => {
              catalogue.moveCursor(this.name, { epoch: head.epoch, seq: group.seq });
              progress();
            },
          });
        }
        told += 1;
        const mine = told;
        const settle = (): void => {
          // What was told since counts.
          if (mine === told) this.#settled(head.behind.files === 0, head.whole);
        };
        void line.empty().then(settle, () => undefined);
        progress();
      }
      await line.empty();
      both.throwIfAborted();
      throw new OtterError('OT6002', `the source of ${this.name} ended the stream`, { retry: 'backoff' });
    } finally {
      over.abort();
      await line.leave();
      await retrying.catch(() => undefined);
    }
  }

  #begins({
    changes,
    behind,
  }: {
    readonly changes: readonly FileChange[];
    readonly behind: { files: number; bytes: number };
  }): void {
    const figures = this.#figures;
    figures.waiting = null;
    if (changes.length > 0 || behind.files > 0) {
      figures.backlogFiles = behind.files + changes.filter(({ content }) => content !== null).length;
      figures.backlogBytes = behind.bytes + changes.reduce((sum, { content }) => sum + (content?.size ?? 0), 0);
      if (figures.phase !== 'streaming') figures.phase = 'copying';
    }
  }

  /** @param all of what is known at the source; `whole`: the source knows all that it has */
  #settled(all: boolean, whole: boolean): void {
    this.#figures.error = null;
    this.#figures.waiting = whole ? null : 'the source, which is looking through its root';
    if (!all || !whole) {
      this.#figures.phase = 'copying';
      return;
    }
    this.#figures.backlogFiles = 0;
    this.#figures.backlogBytes = 0;
    this.#figures.phase = 'streaming';
  }

  /** Errors by path, of what could not be brought: it is written down to be tried again. */
  async #group({ changes }: Group, signal: AbortSignal): Promise<ReadonlyMap<BytePath, unknown>> {
    const { root, selection, parts } = this.#options;
    const large = changes.flatMap(({ path, content }) => ((content?.size ?? 0) < LARGE_BYTES ? [] : [path]));
    using _parts = await parts.take(large);
    await using directories = new Directories(root);
    const placed: Placed[] = [];
    const wanted: Wanted[] = [];
    for (const change of changes) {
      const fault = faultOf(change.path);
      if (fault !== null) this.#options.logger.warn('a path was refused', { path: shownPath(change.path), why: fault });
      if (fault !== null || !selection().has(change.path)) continue;
      const need = this.#placing.need(change);
      if (need === 'nothing') this.#figures.done(0);
      else if (need === 'content') wanted.push({ change, content: change.content! });
      else placed.push({ change, made: null });
    }
    const failures = new Map<BytePath, unknown>();
    const fetched = await this.#fetching.fetch(directories, wanted, signal);
    for (const one of wanted) {
      const result = fetched.get(one) ?? 'changed';
      if (typeof result === 'object') placed.push({ change: one.change, made: result });
      else failures.set(one.change.path, result === 'changed' ? CHANGED : new Error(WHY[result]));
    }
    // In their order, so that what was renamed is there before the other name goes.
    placed.sort((a, b) => a.change.seq - b.change.seq);
    for (const [path, error] of await this.#placing.place(directories, placed)) failures.set(path, error);
    for (const { change } of placed) this.#figures.done(change.content?.size ?? 0);
    this.#note(changes, failures);
    return failures;
  }

  #note(changes: readonly FileChange[], failures: ReadonlyMap<BytePath, unknown>): void {
    const { catalogue, logger } = this.#options;
    catalogue.together(() => {
      for (const { path } of changes) {
        if (failures.has(path)) catalogue.owe(this.name, 'failed', path);
        else catalogue.settle(this.name, 'failed', path);
      }
    });
    for (const [path, error] of failures)
      logger[error === CHANGED ? 'debug' : 'warn']('a file was not brought, and is tried again', {
        code: error instanceof OtterError ? error.code : 'OT8012',
        flow: this.name,
        path: shownPath(path),
        error: messageOf(error),
      });
  }

  /** What is owed is asked for again from time to time. */
  async #retry(signal: AbortSignal, lists: readonly Owed[]): Promise<void> {
    while (!signal.aborted) {
      await slept(this.#options.retryEveryMs, AbortSignal.any([signal, this.#soon.signal]));
      this.#soon = new AbortController();
      for (const list of lists) await this.#retryAll(list, lists.includes('missing'), signal);
    }
  }

  /** @param named whether rows name what is asked for */
  async #retryAll(list: Owed, named: boolean, signal: AbortSignal): Promise<void> {
    const { catalogue, flow, logger } = this.#options;
    for (let after = ''; !signal.aborted; ) {
      const paths = catalogue.owed(this.name, list, after, GROUP_FILES);
      if (paths.length === 0) return;
      after = paths.at(-1)!;
      try {
        await (named ? this.#lookFor(paths, signal) : this.look(paths, signal));
      } catch (error) {
        if (!signal.aborted) logger.debug('not mended yet', { flow: flow.name, error: messageOf(error) });
      }
    }
  }

  /**
   * Has these paths looked at here and there, and brings what is needed. Those that the source does not know are returned, and where rows
   * name them written down at once, so that none is forgotten by a kill.
   */
  async look(paths: readonly BytePath[], signal: AbortSignal, named = false): Promise<readonly BytePath[]> {
    const { link, flow } = this.#options;
    const known: FileChange[] = [];
    const request = { op: 'look', paths: [...new Set(paths)] } as const;
    for await (const { head } of link.ask(sideName(flow.set, flow.source), request, signal)) {
      if (head.kind !== 'known') throw strange();
      known.push(...head.changes.map(sound));
    }
    const failed: unknown[] = [];
    for (const group of groupsOf(known)) failed.push(...(await this.#group(group, signal)).values());
    const { catalogue } = this.#options;
    if (failed.length > 0) throw broken(failed[0]);
    const there = new Set(known.flatMap(({ path, content }) => (content === null ? [] : [path])));
    const missing = paths.filter((path) => !there.has(path));
    catalogue.together(() => {
      for (const path of missing) {
        catalogue.settle(this.name, 'failed', path);
        if (named) catalogue.owe(this.name, 'missing', path);
      }
    });
    return missing;
  }
}

function broken(error: unknown): OtterError {
  if (error instanceof OtterError) return error;
  return new OtterError('OT8012', `a file was not brought: ${messageOf(error)}`, { retry: 'backoff', cause: error });
}

/** Mostly it is told of again; not where it is as before when it is looked at, and not to who asked for it once. */
const CHANGED = new Error('it was written, or away, when it was to be read');
const WHY = {
  unreadable: 'the source cannot read it',
  wrong: 'it came with other contents than it should have',
} as const;

/** As many as are fetched well together, in their order. */
function* groupsOf(changes: readonly FileChange[]): Generator<Group, void> {
  let group: Group = { changes: [], bytes: 0, seq: 0 };
  for (const change of changes) {
    group.changes.push(change);
    group.bytes += change.content?.size ?? 0;
    group.seq = change.seq;
    if (group.changes.length < GROUP_FILES && group.bytes < GROUP_BYTES) continue;
    yield group;
    group = { changes: [], bytes: 0, seq: 0 };
  }
  if (group.changes.length > 0) yield group;
}

/** Work that goes on side by side and counts as done in the order in which it came. */
class Line {
  readonly #most: number;
  readonly #failed: (error: unknown) => void;
  readonly #jobs: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();

  /** `failed`: told of it at once, also while nobody adds or waits. */
  constructor(most: number, failed: (error: unknown) => void) {
    this.#most = most;
    this.#failed = failed;
  }

  /** Returns when there is room for another. @throws what earlier work failed with */
  async add({ work, done }: { readonly work: Promise<void>; readonly done: () => void }): Promise<void> {
    const before = this.#last;
    const job = Promise.all([before, work]).then(() => done());
    job.catch((error: unknown) => this.#failed(error));
    this.#last = job;
    this.#jobs.push(job);
    while (this.#jobs.length >= this.#most) {
      await this.#jobs[0];
      void this.#jobs.shift();
    }
  }

  /** @throws what work failed with */
  async empty(): Promise<void> {
    await this.#last;
  }

  /** Whatever is under way has ended, well or not. */
  async leave(): Promise<void> {
    await Promise.allSettled(this.#jobs);
  }
}

async function slept(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
