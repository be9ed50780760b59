/**
 * Channels that are compared by themselves, every so often (`verify: { every }`): when, and what is kept of it.
 *
 * The node that owns a target compares the tables that channels write there, one channel at a time, so that its databases never
 * have two comparisons to bear. Rule kept: the result is written under the owner record that it rests on, and by a node
 * that loses the database it is given up; the next owner begins anew.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { VerifyMeasures } from '../model/measures.ts';
import { isCompared, type PipelineSpec } from '../model/pipeline.ts';
import type { Condition, Logger, StateStore } from '../model/ports.ts';
import type { ErrorRecord, VerifiedRecord } from '../model/records.ts';
import type { DatabaseSpec } from '../model/topology.ts';
import { parseKey, specKey, verifiedKey, verifiedPrefix } from '../state/keys.ts';
import type { OwnedSite } from './owned-sites.ts';
import type { World } from './world.ts';

/** What is to be compared. */
export interface VerifyJob {
  readonly lineage: string;
  readonly channel: string;
  /** What the channel writes is compared in this database alone. */
  readonly database: string;
  /** Of all channels. */
  readonly pipelines: readonly PipelineSpec[];
  readonly databases: Readonly<Record<string, DatabaseSpec>>;
  /** As the topology writes it; null: no limit. */
  readonly rate: string | null;
  /** Told of rows as they are looked at. */
  readonly looked: (rows: number) => void;
}

export type VerifyCounts = Pick<VerifiedRecord, 'tables' | 'skipped' | 'rows' | 'differing' | 'busy'>;

/** Compares. @throws OtterError when it cannot be done to its end */
export type VerifyChannel = (job: VerifyJob, signal: AbortSignal) => Promise<VerifyCounts>;

export interface VerifyingOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly node: string;
  readonly world: World;
  readonly verify: VerifyChannel;
  readonly now: () => number;
  readonly logger: Logger;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const EVERY_MS_MIN = 1_000;
/** A channel that was never compared is within this time, and not all of them at once. */
const FIRST_WITHIN_MS = 600_000;
/** What could not be done is tried again after this. */
const AGAIN_MS = 600_000;

/** When it is to begin. @param sinceMs when the wish was first seen here; `share`: of [0, 1), other for every channel and database */
export function dueMs(every: string, last: VerifiedRecord | null, sinceMs: number, share: number): number {
  const everyMs = Math.max(EVERY_MS_MIN, msOf(every));
  if (last === null) return sinceMs + share * Math.min(everyMs, FIRST_WITHIN_MS);
  if (last.error !== null) return last.endedMs + Math.min(everyMs, AGAIN_MS);
  return last.startedMs + everyMs;
}

function msOf(text: string): number {
  const [, count = '0', unit = 'ms'] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(count) * UNITS_MS[unit]!;
}

/** The same for the same text wherever it is asked. */
export function shareOf(text: string): number {
  let hash = 2_166_136_261;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619);
  return (hash >>> 0) / 2 ** 32;
}

interface Wish {
  readonly channel: string;
  readonly database: string;
  readonly owner: Condition;
  readonly dueMs: number;
}

export class Verifying {
  readonly #options: VerifyingOptions;
  readonly #since = new Map<string, number>();
  #running: { readonly wish: Wish; readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  /** Of what runs. */
  #rows = 0;

  constructor(options: VerifyingOptions) {
    this.#options = options;
  }

  /** Begins what is due, and gives up what is not this node's any more. Returns at once. */
  look(owned: readonly OwnedSite[]): void {
    const wishes = owned.flatMap((site) => this.#wishes(site));
    const running = this.#running;
    if (running !== null) {
      const { channel, database, owner } = running.wish;
      const stays = wishes.some(
        (one) => one.channel === channel && one.database === database && one.owner.revision === owner.revision,
      );
      if (!stays) running.abort.abort();
      return;
    }
    const now = this.#options.now();
    const [first] = wishes.filter((wish) => wish.dueMs <= now).sort((a, b) => a.dueMs - b.dueMs);
    if (first === undefined) return;
    const abort = new AbortController();
    const done = this.#run(first, abort.signal).finally(() => {
      this.#running = null;
    });
    this.#running = { wish: first, abort, done };
  }

  measures(owned: readonly OwnedSite[]): VerifyMeasures[] {
    const { world } = this.#options;
    return owned.flatMap(({ database }) =>
      this.#compared(database).map(({ channel }) => {
        const running = this.#running?.wish.channel === channel && this.#running.wish.database === database;
        return { channel, database, last: world.verified(channel, database), rows: running ? this.#rows : null };
      }),
    );
  }

  /** Nothing is compared any more when this returns. */
  async stop(): Promise<void> {
    this.#running?.abort.abort();
    await this.#running?.done;
  }

  /** Deletes what is kept of channels and databases that are not in the topology. */
  async sweep(): Promise<void> {
    const { store, topology, world } = this.#options;
    const { entries } = await store.list(verifiedPrefix(topology));
    for (const { key, revision } of entries) {
      const parsed = parseKey(key);
      if (parsed?.at !== 'verified') continue;
      const { channel, database } = parsed;
      const spec = world.spec('channel', channel);
      if (spec?.record.spec.verify !== undefined && world.spec('database', database) !== null) continue;
      const seen = { key: specKey(topology, 'channel', channel), revision: spec?.revision ?? null };
      await store.commit({ conditions: [{ key, revision }, seen], puts: [], deletes: [key] });
    }
  }

  #wishes({ database, figures, owner }: OwnedSite): Wish[] {
    const { world, now } = this.#options;
    if (owner === null) return [];
    return this.#compared(database).flatMap(({ channel, every, pipelines }) => {
      // What rests, copies or stands does not come on, which a comparison waits for.
      if (!pipelines.every(({ name }) => figures[name]?.phase === 'streaming')) return [];
      const name = `${channel}/${database}`;
      const sinceMs = this.#since.get(name) ?? now();
      this.#since.set(name, sinceMs);
      return [
        {
          channel,
          database,
          owner,
          dueMs: dueMs(every, world.verified(channel, database), sinceMs, shareOf(name)),
        },
      ];
    });
  }

  /** Channels that compare their tables there, with the pipelines that write them. */
  #compared(
    database: string,
  ): readonly { readonly channel: string; readonly every: string; readonly pipelines: readonly PipelineSpec[] }[] {
    const { world } = this.#options;
    const written = (world.siteSpec(database)?.pipelines ?? []).filter(({ spec }) => spec.target === database);
    return [...Map.groupBy(written, ({ spec }) => spec.channel)].flatMap(([channel, desired]) => {
      const verify = world.spec('channel', channel)?.record.spec.verify;
      const pipelines = desired.map(({ spec }) => spec);
      return verify === undefined || !pipelines.some(isCompared) ? [] : [{ channel, every: verify.every, pipelines }];
    });
  }

  #pipelines(): readonly PipelineSpec[] {
    const { world } = this.#options;
    const all = world.names('database').flatMap((database) => world.siteSpec(database)?.pipelines ?? []);
    return [...new Map(all.map(({ spec }) => [spec.name, spec])).values()];
  }

  async #run(wish: Wish, signal: AbortSignal): Promise<void> {
    const { world, verify, now, logger, node } = this.#options;
    const { channel, database } = wish;
    const startedMs = now();
    const databases = world.names('database').map((name) => [name, world.spec('database', name)!.record.spec] as const);
    const rate = world.spec('channel', channel)?.record.spec.verify?.rate ?? null;
    const job: VerifyJob = {
      lineage: world.meta?.lineage ?? '',
      channel,
      database,
      pipelines: this.#pipelines(),
      databases: Object.fromEntries(databases),
      rate,
      looked: (rows) => {
        this.#rows += rows;
      },
    };
    this.#rows = 0;
    let counts: VerifyCounts = { tables: 0, skipped: 0, rows: 0, differing: 0, busy: 0 };
    let error: ErrorRecord | null = null;
    try {
      counts = await verify(job, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      error =
        thrown instanceof OtterError
          ? { code: thrown.code, message: thrown.message, hint: thrown.hint ?? null }
          : { code: 'OT9001', message: messageOf(thrown), hint: null };
    }
    const facts = {
      channel,
      database,
      ...counts,
      ...(error === null ? {} : { code: error.code, error: error.message }),
    };
    if (error !== null) logger.warn('channel could not be compared', facts);
    else if (counts.differing > 0) logger.warn('channel compared', facts);
    else logger.info('channel compared', facts);
    await this.#keep(wish, { node, startedMs, endedMs: now(), ...counts, error });
  }

  /** A store that is away takes it later, or not at all: then it is compared anew. */
  async #keep({ channel, database, owner }: Wish, record: VerifiedRecord): Promise<void> {
    const { store, topology, world, logger } = this.#options;
    const key = verifiedKey(topology, channel, database);
    const value = JSON.stringify(record);
    try {
      const result = await store.commit({ conditions: [owner], puts: [{ key, value }], deletes: [] });
      if (result.ok) world.wrote({ key, value, revision: result.revision, created: result.revision });
    } catch (error) {
      logger.warn('what was compared could not be kept', { channel, database, error: messageOf(error) });
      // Not at once.
      this.#since.set(`${channel}/${database}`, record.endedMs + AGAIN_MS);
    }
  }
}
