/**
 * File sets that somebody wants compared (`otter verify files.X`): the node that serves a side compares the flows into it, and writes down
 * what came of it.
 *
 * Rule kept: a record in the state store asks, so whoever asked may go away; it is done once for each side, one after the other, given up when
 * the record goes, and begun anew by whoever takes the side over. Names of files, which may be values of rows, stand in the node's log alone.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { RunningFiles } from '../model/file-link.ts';
import { parseSide } from '../model/files.ts';
import type { FilesCheckedRecord, FilesCheckRecord, FlowComparison } from '../model/files-check.ts';
import type { Condition, Logger, StateStore } from '../model/ports.ts';
import { checkedKey, checkedPrefix, checkKey, parseKey } from '../state/keys.ts';
import type { World } from './world.ts';

export interface FilesCheckingOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly node: string;
  readonly world: World;
  readonly now: () => number;
  readonly logger: Logger;
}

/** A side that this node serves. */
export interface ServedSide {
  readonly name: string;
  readonly owner: Condition | null;
  readonly runs: Pick<RunningFiles, 'compare'>;
}

/** How often it is written down how far a comparison is. */
const TELL_EVERY_MS = 5_000;

interface Job {
  readonly side: string;
  readonly set: string;
  readonly region: string;
  readonly asked: FilesCheckRecord;
  readonly owner: Condition;
  readonly runs: ServedSide['runs'];
}

export class FilesChecking {
  readonly #options: FilesCheckingOptions;
  #running: { readonly job: Job; readonly abort: AbortController; readonly done: Promise<void> } | null = null;

  constructor(options: FilesCheckingOptions) {
    this.#options = options;
  }

  /** Begins what is asked for, and gives up what is not any more. Returns at once. */
  look(served: readonly ServedSide[]): void {
    const jobs = served.flatMap((side) => this.#job(side) ?? []);
    const running = this.#running;
    if (running !== null) {
      const { side, asked, owner } = running.job;
      const stays = jobs.some(
        (one) => one.side === side && one.asked.id === asked.id && one.owner.revision === owner.revision,
      );
      if (!stays) running.abort.abort();
      return;
    }
    const [first] = jobs;
    if (first === undefined) return;
    const abort = new AbortController();
    const done = this.#run(first, abort.signal).finally(() => {
      this.#running = null;
    });
    this.#running = { job: first, abort, done };
  }

  /** Nothing is compared any more when this returns. */
  async stop(): Promise<void> {
    this.#running?.abort.abort();
    await this.#running?.done;
  }

  /** Deletes what came of comparisons that nobody waits for. */
  async sweep(): Promise<void> {
    const { store, topology, world } = this.#options;
    const { entries } = await store.list(checkedPrefix(topology));
    for (const { key, revision } of entries) {
      const parsed = parseKey(key);
      if (parsed?.at !== 'checked' || world.filesCheck(parsed.set) !== null) continue;
      await store.commit({ conditions: [{ key, revision }], puts: [], deletes: [key] });
    }
  }

  #job({ name, owner, runs }: ServedSide): Job | null {
    const { world } = this.#options;
    const { set, region } = parseSide(name)!;
    const asked = world.filesCheck(set)?.record ?? null;
    if (asked === null || owner === null) return null;
    const before = world.filesChecked(set, region);
    if (before?.id === asked.id && before.endedMs !== null) return null;
    return { side: name, set, region, asked, owner, runs };
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    const { node, now, logger } = this.#options;
    const { asked, side } = job;
    const startedMs = now();
    const flows: Record<string, FlowComparison> = {};
    const record = (endedMs: number | null, error: FilesCheckedRecord['error']): FilesCheckedRecord => ({
      id: asked.id,
      node,
      startedMs,
      endedMs,
      flows,
      error,
    });
    await this.#tell(job, record(null, null));
    const telling = setInterval(() => void this.#tell(job, record(null, null)), TELL_EVERY_MS);
    let error: FilesCheckedRecord['error'] = null;
    try {
      await job.runs.compare(asked, (flow, counts) => void Object.assign(flows, { [flow]: counts }), signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const known = thrown instanceof OtterError ? thrown : null;
      error = { code: known?.code ?? 'OT9001', message: messageOf(thrown), hint: known?.hint ?? null };
      logger.warn('files could not be compared', { side, code: error.code, error: error.message });
    } finally {
      clearInterval(telling);
    }
    for (const [flow, counts] of Object.entries(flows)) logger.info('files compared', { flow, ...counts });
    await this.#tell(job, record(now(), error));
  }

  /** A store that is away is told later, or not at all: then it is compared anew. */
  async #tell({ set, region, owner, asked }: Job, record: FilesCheckedRecord): Promise<void> {
    const { store, topology, world, logger } = this.#options;
    const key = checkedKey(topology, set, region);
    const value = JSON.stringify(record);
    const wanted = world.filesCheck(set);
    if (wanted?.record.id !== asked.id) return;
    const conditions = [owner, { key: checkKey(topology, set), revision: wanted.revision }];
    try {
      const result = await store.commit({ conditions, puts: [{ key, value }], deletes: [] });
      if (result.ok) world.wrote({ key, value, revision: result.revision, created: result.revision });
    } catch (error) {
      logger.warn('what was compared could not be kept', { side: `files.${set}@${region}`, error: messageOf(error) });
    }
  }
}
