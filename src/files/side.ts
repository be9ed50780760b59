/**
 * One region's side of a file set, alive: its catalogue kept, its files told to others, and what others tell brought here.
 *
 * Rule: whatever goes wrong with the root, everything of the side ends and begins anew after a while: nothing is decided by a root that
 * is not there. Stopping leaves files and catalogue as they are after whole changes.
 */
import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileFrame, FileLink, FileRequest, FileService, RunningFiles } from '../model/file-link.ts';
import { compileFiles, type FileSetSpec, type FileSideSpec } from '../model/files.ts';
import { type FileComparison, type FlowComparison, NOTHING_COMPARED } from '../model/files-check.ts';
import type { Logger } from '../model/ports.ts';
import { rateOf } from '../model/rate.ts';
import type { ErrorRecord, FileFlowFigures } from '../model/records.ts';
import { Aside } from './aside.ts';
import { Catalogue } from './catalogue.ts';
import { Comparing, type ComparingOptions, type Counts } from './comparing.ts';
import { Figures } from './figures.ts';
import { Flow } from './flow.ts';
import { Locks } from './locks.ts';
import { OWN_DIRECTORY, type Selection, selection, shownPath } from './paths.ts';
import { Directories, findRoot, type Root, rootUnusable } from './root.ts';
import { Serving, type ServingOptions } from './serving.ts';
import { Tree } from './tree.ts';
import { ruleOf } from './version.ts';
import { TIMING, Watching, type WatchTiming } from './watching.ts';

export interface SideOptions {
  readonly spec: FileSideSpec;
  readonly link: FileLink;
  readonly logger: Logger;
  readonly now: () => number;
  readonly timing?: Partial<WatchTiming> | undefined;
}

const BACKOFF_MS = { least: 200, most: 10_000 } as const;
const TIDY_EVERY_MS = 60_000;

/** What runs while the root is there. */
interface Life {
  readonly serving: Serving;
  readonly comparing: (flow: Flow) => ComparingOptions;
  readonly flows: readonly Flow[];
  /** Whoever is answered is let go with it. */
  readonly over: AbortSignal;
}

export class Side implements RunningFiles {
  readonly #options: SideOptions;
  readonly #abort = new AbortController();
  #spec: FileSideSpec;
  #selection: Selection;
  #life: Life | null = null;
  /** That was served last. */
  #root: Root | null = null;
  #error: ErrorRecord | null = null;
  readonly #done: Promise<void>;
  #anew = new AbortController();

  constructor(options: SideOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#selection = selected(options.spec.spec);
    this.#done = this.#run();
  }

  readonly service: FileService = { ask: (request, signal) => this.#ask(request, signal) };

  /** What a set is about, and between whom, is another life; limits and policies are looked at whenever they count. */
  update(spec: FileSideSpec): void {
    const before = this.#spec;
    this.#spec = spec;
    this.#selection = selected(spec.spec);
    if (JSON.stringify(shapeOf(before)) !== JSON.stringify(shapeOf(spec))) this.#anew.abort();
  }

  figures(): Readonly<Record<string, FileFlowFigures>> {
    const flows = compileFiles(this.#spec.set, this.#spec.spec).filter(({ target }) => target === this.#spec.region);
    return Object.fromEntries(
      flows.map(({ name }) => {
        const running = this.#life?.flows.find((one) => one.name === name);
        return [name, running?.figures() ?? this.#resting()];
      }),
    );
  }

  async compare(
    asked: FileComparison,
    began: (flow: string, counts: FlowComparison) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const life = this.#alive();
    const both = AbortSignal.any([signal, life.over]);
    try {
      for (const flow of life.flows) {
        const counts: Counts = { ...NOTHING_COMPARED };
        began(flow.name, counts);
        await new Comparing(life.comparing(flow), asked, counts, both).run();
      }
    } catch (error) {
      if (life.over.aborted && !signal.aborted) throw this.#silent();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async retire(): Promise<void> {
    await this.stop();
    const { set, region, spec } = this.#spec;
    const own = `${spec.roots[region]}/${OWN_DIRECTORY}`;
    for (const name of [set, `${set}.db`, `${set}.db-wal`, `${set}.db-shm`])
      await rm(`${own}/${name}`, { recursive: true, force: true });
    // Where another set has its own there too, it stays.
    await rmdir(own).catch(() => undefined);
  }

  #resting(): FileFlowFigures {
    const figures = new Figures();
    figures.error = this.#error;
    return figures.read({ refused: 0, failures: 0, missing: 0 });
  }

  #ask(request: FileRequest, signal: AbortSignal): AsyncIterable<FileFrame> {
    const life = this.#alive();
    return life.serving.ask(request, AbortSignal.any([signal, life.over]));
  }

  /** @throws OtterError OT8022 */
  #alive(): Life {
    if (this.#life === null) throw this.#silent();
    return this.#life;
  }

  #silent(): OtterError {
    const { set, region } = this.#spec;
    const why = this.#error === null ? 'it is just starting' : this.#error.message;
    return new OtterError('OT8022', `the side of files.${set} in ${region} does not answer: ${why}`, {
      retry: 'backoff',
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      this.#anew = new AbortController();
      try {
        await this.#live(AbortSignal.any([signal, this.#anew.signal]), () => {
          attempt = 0;
        });
      } catch (error) {
        if (!signal.aborted && !this.#anew.signal.aborted) this.#failed(error);
      }
      this.#life = null;
      if (this.#anew.signal.aborted) continue;
      await slept(Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** attempt), signal);
    }
  }

  #failed(error: unknown): void {
    const before = this.#error;
    const figures = new Figures();
    this.#error = figures.failed(error);
    if (before?.message === this.#error.message) return;
    this.#options.logger.error('the root cannot be served; it is tried again', {
      code: this.#error.code,
      error: messageOf(error),
    });
  }

  async #live(signal: AbortSignal, began: () => void): Promise<void> {
    const { logger, link, now, timing } = this.#options;
    const { set, region, spec } = this.#spec;
    const root = await this.#findRoot(spec.roots[region]!);
    await using aside = await Aside.open(root, set);
    const catalogue = new Catalogue(`${root.path}/${OWN_DIRECTORY}/${set}.db`, region);
    using _closed = { [Symbol.dispose]: () => catalogue.close() };
    catalogue.selects(JSON.stringify([spec.watch ?? null, spec.exclude]));
    if (spec.follow === undefined && spec.delete === 'mirror') await notEmptied(root, catalogue);
    const parts = new Locks();
    const tree = new Tree({
      root,
      region,
      catalogue,
      selection: () => this.#selection,
      refused: (path, why) => logger.warn('left alone', { code: 'OT8011', path: shownPath(path), why }),
      strayed: (path) => {
        if (spec.between === undefined && spec.follow === undefined) for (const flow of flows) flow.wants(path);
      },
    });
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const common = { root, tree, selection: () => this.#selection, logger };
    // Where rows say what is to come nothing is watched: files are looked at when they are named.
    const watching = spec.follow === undefined ? new Watching({ ...common, signal: both, timing }) : null;
    const hint = (path: string): void => watching?.hint(path);
    const flows: readonly Flow[] = compileFiles(set, spec)
      .filter(({ target }) => target === region)
      .map(
        (flow) =>
          new Flow({
            ...common,
            flow,
            aside,
            parts,
            catalogue,
            link,
            rule: () => ruleOf(this.#spec.spec, region),
            removes: () => this.#spec.spec.delete === 'mirror',
            generation: () => this.#spec.generation,
            refused: () => tree.refusedCount,
            retryEveryMs: timing?.retryEveryMs ?? TIMING.retryEveryMs,
            hint,
            now,
            logger: logger.child({ flow: flow.name }),
          }),
      );
    const limit = (): number | null => rateOf(this.#spec.spec.bandwidth ?? '')?.perSecond ?? null;
    const bring: ServingOptions['bring'] = async (source, paths, later, asked) => {
      const flow = flows.find((one) => one.source === source);
      if (flow === undefined)
        throw new OtterError('OT8022', `files.${set} has no flow from ${source}`, { retry: 'backoff' });
      return flow.bring(paths, later, asked);
    };
    const whole = (): boolean => watching?.whole ?? true;
    const scan = async (asked: AbortSignal): Promise<void> => {
      // Where rows say what is to come, what they do not name is nobody's matter.
      if (spec.follow !== undefined) return;
      await tree.scan('', { deep: true, pace: async () => undefined, again: hint, signal: asked });
    };
    const serving = new Serving({ root, tree, catalogue, whole, hint, limit, scan, bring });
    const comparing = (flow: Flow): ComparingOptions => ({
      ...common,
      ...{ flow: flow.declared, region, catalogue, link, hint, scan, now },
      sourceWins: spec.between === undefined,
      removes: () => this.#spec.spec.delete === 'mirror',
      settled: () => flow.settled,
      bring: async (paths, asked) =>
        spec.follow === undefined ? flow.look(paths, asked) : flow.bring(paths, false, asked),
      logger: logger.child({ flow: flow.name }),
    });
    this.#life = { serving, flows, comparing, over: both };
    this.#error = null;
    began();
    const work = [
      ...(watching === null ? [] : [watching.run()]),
      this.#tidy(aside, both),
      this.#pulse(root, aside, both),
      ...flows.map(async (flow) => this.#flow(flow, watching, tree, both)),
    ];
    try {
      await Promise.race(work);
    } finally {
      this.#life = null;
      over.abort();
      await Promise.allSettled(work);
    }
  }

  /** A disk that was taken away leaves an empty directory behind: that is not filled. @throws OtterError OT8001 */
  async #findRoot(path: string): Promise<Root> {
    const root = await findRoot(path);
    const { set } = this.#spec;
    const before = this.#root;
    const known = before === null || before.path !== root.path || before.identity === root.identity;
    if (!known && !existsSync(`${root.path}/${OWN_DIRECTORY}/${set}.db`)) {
      const why = new Error('another directory stands there than before; to begin with it, start the node again');
      throw rootUnusable(path, why);
    }
    this.#root = root;
    return root;
  }

  /** A flow begins when what is here is known: else what is here already would be sent. */
  async #flow(flow: Flow, watching: Watching | null, tree: Tree, signal: AbortSignal): Promise<void> {
    if (watching === null) return flow.follow(signal);
    while (!watching.whole && !signal.aborted) await tree.nextNews(signal);
    if (!signal.aborted) await flow.run(signal);
  }

  /** Fails when the root is not there any more, or is another, and when somebody has removed what otter keeps there. */
  async #pulse(root: Root, aside: Aside, signal: AbortSignal): Promise<void> {
    const { set } = this.#spec;
    while (!signal.aborted) {
      await slept(this.#options.timing?.pulseMs ?? TIMING.pulseMs, signal);
      await using directories = new Directories(root);
      using _root = await directories.enter('');
      if (!(await aside.stands()) || !existsSync(`${root.path}/${OWN_DIRECTORY}/${set}.db`))
        throw rootUnusable(root.path, new Error(`\`${OWN_DIRECTORY}\` was removed; it is made anew`));
    }
  }

  async #tidy(aside: Aside, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await aside.tidy(this.#options.now());
      await slept(TIDY_EVERY_MS, signal);
    }
  }
}

function selected({ watch, exclude }: FileSetSpec): Selection {
  return selection(watch ?? null, exclude);
}

/** Whoever finds nothing at all where files were does not delete them elsewhere: rather the disk is not what it was. @throws OtterError OT8001 */
async function notEmptied(root: Root, catalogue: Catalogue): Promise<void> {
  const known = catalogue.below('', '', 2);
  if (known.length < 2 || (await readdir(root.path)).some((name) => name !== OWN_DIRECTORY)) return;
  const why = 'it is empty, though files were there when it was served last; if they were deleted, put any file there';
  throw rootUnusable(root.path, new Error(why));
}

function shapeOf({ region, spec }: FileSideSpec): unknown {
  return [spec.roots[region], spec.between, spec.from, spec.to, spec.watch, spec.exclude, spec.follow];
}

async function slept(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
