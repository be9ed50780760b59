/**
 * Rows that somebody wants sent again (`otter.resync`), at their source.
 *
 * A request is seen in the log, so everything before it has been handed on, and its rows are read between two watermarks like those
 * of a copy: what the log changes in between comes by the log. What was not finished when a stream ended is done anew from its
 * beginning by the next one, which finds it in the table: sending a row twice does no harm. A request is done when its target has
 * written the last of it.
 *
 * Rule kept: rows are sent from where they count. One-way that is the source; two-way the site that decides, and there only where its
 * word is the last (`site-priority`). Everywhere else a request is refused, with the reason, in `otter.resynced`.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger, SourcePort } from '../model/ports.ts';
import { ResyncRefusal, type ResyncRequest, resyncCondition, resyncKeys } from '../model/resync.ts';
import { type Image, sameShape, type TableShape, tableName } from '../model/row.ts';
import { allTravelling, type Extract, keyText, travellingKey } from '../replication/load-table.ts';
import { untilDone } from './backoff.ts';
import { cascadeParents } from './cascade-parents.ts';
import type { Outbound } from './outbound.ts';
import { type AbsentKey, chunkBytes, type Parents, PendingChunk } from './pending-chunk.ts';

export interface ResyncOptions {
  readonly outbound: Outbound;
  readonly source: SourcePort;
  readonly own: Pick<TargetPort, 'watermark' | 'openResyncs' | 'resyncProgress'>;
  readonly logsCascades: boolean;
  /** See `CopyOptions`. */
  readonly lockKeys: ((table: TableShape, rows: readonly Image[]) => Promise<readonly string[]>) | null;
  readonly logger: Logger;
}

const CHUNK_ROWS = 500;
const CHUNK_BYTES = 4 << 20;
/** Chunks in a row that changes of the table have spoiled. */
const SPOILED_MAX = 50;
/** How many of those that are done are remembered. */
const DONE_MAX = 10_000;
const WHOLE_NUMBERS = /^(tiny|small|medium|big)?int\b|^integer\b/i;

export class Resyncer {
  readonly #options: ResyncOptions;
  readonly #waiting = new Map<number, ResyncRequest>();
  /** Those that have been done, which the log may show later than the table did. */
  readonly #done = new Set<number>();
  #wake: (() => void) | null = null;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  /** Seen in the log. */
  ask(request: ResyncRequest): void {
    const { pipeline } = request;
    if (pipeline !== null && pipeline !== this.#options.outbound.spec.name) return;
    if (this.#done.has(request.id)) return;
    this.#waiting.set(request.id, request);
    this.#wake?.();
  }

  /** Carries out what was left, and what is asked for later, until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { own, outbound, logger } = this.#options;
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      const left = async (): Promise<void> => {
        for (const request of await own.openResyncs(outbound.spec.name)) this.ask(request);
      };
      await untilDone(left, signal, (error) => logger.warn('resyncs could not be looked up', { error }));
      while (!signal.aborted) {
        const [next] = [...this.#waiting.keys()].sort((a, b) => a - b);
        if (next !== undefined) await this.#serve(this.#waiting.get(next)!, signal);
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wake = resolve;
          await promise;
          this.#wake = null;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async #serve(request: ResyncRequest, signal: AbortSignal): Promise<void> {
    const { own, outbound, logger } = this.#options;
    const { name } = outbound.spec;
    let rows = 0;
    const tell = async (count: number): Promise<void> => {
      rows += count;
      await own.resyncProgress(name, request.id, { state: 'running', rows, said: null });
    };
    try {
      await this.#send(request, tell, signal);
      await outbound.chunks.whenApplied(signal);
      if (signal.aborted) return;
      await own.resyncProgress(name, request.id, { state: 'done', rows, said: null });
      logger.info('rows were sent again', { request: request.id, table: request.table, rows });
    } catch (error) {
      if (signal.aborted) return;
      const said = refusalIn(error);
      if (said === null) throw error;
      await own.resyncProgress(name, request.id, { state: 'refused', rows, said });
      logger.warn('a resync is refused', { request: request.id, table: request.table, why: said });
    }
    this.#waiting.delete(request.id);
    this.#done.add(request.id);
    if (this.#done.size > DONE_MAX) this.#done.delete(this.#done.values().next().value!);
  }

  /** @throws ResyncRefusal */
  async #send(request: ResyncRequest, tell: (rows: number) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { outbound, source, logsCascades } = this.#options;
    const elsewhere = decidedElsewhere(outbound.spec);
    if (elsewhere !== null) throw new ResyncRefusal(elsewhere);
    const table = outbound.toldNamed(request.table);
    if (table === undefined || outbound.leaves(table.schema, table.name))
      throw new ResyncRefusal(`${outbound.spec.name} has no table ${request.table}, or not yet`);
    const policy = outbound.ruleOf(table.schema, table.name)?.conflict.policy ?? 'no policy';
    if (outbound.spec.role !== 'one-way' && policy !== 'site-priority')
      throw new ResyncRefusal(`under ${policy} rows are not sent again yet`);
    if (table.primaryKey.length === 0) throw new ResyncRefusal(`${request.table} has no primary key`);
    const parents = await cascadeParents(table, source, logsCascades);
    if (request.keys === null) return this.#sendWhere(table, parents, request.where, tell, signal);
    const keys = resyncKeys(request.keys, table.primaryKey.length);
    for (let start = 0; start < keys.length && !signal.aborted; start += CHUNK_ROWS) {
      const some = keys.slice(start, start + CHUNK_ROWS);
      await this.#chunk(table, parents, async () => ({ rows: await source.rowsOf(table, some), keys: some }), signal);
      await tell(some.length);
    }
  }

  async #sendWhere(
    table: TableShape,
    parents: Parents,
    where: string | null,
    tell: (rows: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { source } = this.#options;
    const condition = where === null ? null : resyncCondition(where);
    for (let after: Image | null = null; !signal.aborted; ) {
      const from: Image | null = after;
      const read = async (): Promise<Read> => ({
        rows: await source.readChunk(table, from, CHUNK_ROWS, CHUNK_BYTES, condition),
        keys: [],
      });
      const rows = await this.#chunk(table, parents, read, signal);
      await tell(rows.length);
      if (rows.length < CHUNK_ROWS && chunkBytes(rows) < CHUNK_BYTES) return;
      after = table.primaryKey.map((index) => rows.at(-1)![index]!);
    }
  }

  /** Sends one, however often it must be read. Returns what was read. @throws ResyncRefusal */
  async #chunk(
    table: TableShape,
    parents: Parents,
    read: () => Promise<Read>,
    signal: AbortSignal,
  ): Promise<readonly Image[]> {
    const { outbound, source } = this.#options;
    for (let spoiled = 0; spoiled < SPOILED_MAX && !signal.aborted; spoiled += 1) {
      if (outbound.full) await outbound.whenRoom(signal);
      await outbound.chunks.whenRoom(signal);
      const now = await source.shape(table.schema, table.name);
      const told = outbound.toldNamed(tableName(table));
      if (now === null || told === undefined || !sameShape(now, told) || !sameShape(now, table))
        throw new ResyncRefusal(`${tableName(table)} was changed meanwhile: ask again`);
      const rows = await outbound.chunks.alone(() => this.#once(table, parents, read, signal));
      if (rows !== null) return rows;
    }
    if (signal.aborted) return [];
    throw new ResyncRefusal(`${tableName(table)} changes so fast that what is not there cannot be told: ask again`);
  }

  /** Null when it was spoiled. */
  async #once(
    table: TableShape,
    parents: Parents,
    read: () => Promise<Read>,
    signal: AbortSignal,
  ): Promise<readonly Image[] | null> {
    const { outbound, source, own, lockKeys } = this.#options;
    const route = outbound.chunks.routeOf(table);
    if (route === null) throw new ResyncRefusal(`${outbound.spec.name} has no table ${tableName(table)} any more`);
    const pending = new PendingChunk(table, parents);
    const spoil = (): void => pending.settle('spoiled');
    signal.addEventListener('abort', spoil, { once: true });
    try {
      outbound.chunks.pending = pending;
      const { name, reverse } = outbound.spec;
      await own.watermark(name, { chunk: pending.id, level: 'low', keys: [], between: null });
      await source.seen(pending.begun, signal);
      const { rows, keys } = await read().catch((error: unknown) => {
        throw isPassing(error) ? error : new ResyncRefusal(messageOf(error));
      });
      // What goes wrong with a row is said of the request, and does not stop the pipeline.
      allTravelling(rows, route);
      const missing = absentOf(table, rows, keys);
      pending.absent = route.processes === null ? missing.map((key) => absentKey(table, route, key)) : [];
      pending.chunk = { table, rows, cursor: null, rowsDone: 0, rowsEstimate: 0 };
      const partial = missing.map((key) => partialRow(table, key));
      const locks = lockKeys === null ? [] : await lockKeys(table, [...rows, ...partial]);
      const between = lockKeys === null ? null : reverse;
      await own.watermark(name, { chunk: pending.id, level: 'high', keys: locks, between });
      return (await pending.outcome) === 'sent' ? rows : null;
    } finally {
      signal.removeEventListener('abort', spoil);
      if (outbound.chunks.pending === pending) outbound.chunks.pending = null;
    }
  }
}

/** Rows, and the keys that were asked for. */
interface Read {
  readonly rows: readonly Image[];
  readonly keys: readonly Image[];
}

/** Why a pipeline sends nothing again, in words; null: it does. */
function decidedElsewhere({ role, mesh, source, target }: PipelineSpec): string | null {
  if (mesh) return 'where every site decides rows are not sent again yet';
  return role === 'to-serialiser' ? `${target} decides, not ${source}: ask there` : null;
}

/** What is wrong with the request, or with a row of it; null: something else, which passes. */
function refusalIn(error: unknown): string | null {
  if (error instanceof ResyncRefusal) return error.message;
  // An expression that has no answer for a row.
  if (error instanceof OtterError && /^OT505\d$/.test(error.code)) return messageOf(error);
  return null;
}

/** Whether the server may say something else another time; not of a column that is not there, nor of a value that is none. */
function isPassing(error: unknown): boolean {
  return !(error instanceof OtterError) || /^OT400[1345]$/.test(error.code);
}

/** Keys that none of the rows has. A server may have found a row under a key that is spelled otherwise: then each counts as there. */
function absentOf({ primaryKey }: TableShape, rows: readonly Image[], keys: readonly Image[]): readonly Image[] {
  const found = new Set(rows.map((row) => keyText(row, primaryKey)));
  const texts = keys.map((key) => keyText(key, [...key.keys()]));
  const asked = new Set(texts);
  const missing = keys.filter((_, at) => !found.has(texts[at]!));
  const odd = [...found].some((text) => !asked.has(text));
  return odd ? [] : missing;
}

function absentKey(table: TableShape, route: Extract, key: Image): AbsentKey {
  const exact = table.primaryKey.every((index, at) => {
    const number = WHOLE_NUMBERS.test(table.columns[index]!.type);
    return number && /^(0|-?[1-9]\d*)$/.test(key[at]!);
  });
  return {
    text: exact ? keyText(key, [...key.keys()]) : null,
    travels: travellingKey(partialRow(table, key), route),
  };
}

/** A row of which no more is known. */
function partialRow({ columns, primaryKey }: TableShape, key: Image): Image {
  const row: (string | null)[] = columns.map(() => null);
  for (const [at, index] of primaryKey.entries()) row[index] = key[at]!;
  return row;
}
