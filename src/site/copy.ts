/**
 * The copy of existing rows, source side: key-ordered chunks between two watermarks in the log, after DBLog (Andreakis
 * and Papapanagiotou, "DBLog: A Watermark Based Change-Data-Capture Framework", 2020).
 *
 * A chunk is read without locks after its low watermark was written and whatever stands before that in the log can be seen; rows that the log changes before the high one are
 * dropped from it, since the log brings them. It is delivered at the high watermark's place in the log. Rule kept: at
 * every position the target holds, of each table, the rows up to its cursor as the source had them there.
 *
 * Foreign keys that cascade without being logged would change rows unseen: a chunk during which a row of such a parent
 * was deleted or got another key is read again, and a table with such a parent is told only when its turn has come, its parents
 * being whole: before, a row of it that came by the log would not be there for the parent's cascade, nor the parent for it.
 * Where a cascade may give its rows another primary key, they may get behind the cursor unseen: then it is copied from its
 * beginning, and so it is when its copy was interrupted; and so is a table with a masked key, whose place nobody is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAmong } from '../model/column-names.ts';
import { OtterError } from '../model/error.ts';
import type { TargetPort } from '../model/load.ts';
import type { Logger, PipelineRequest, SourcePort } from '../model/ports.ts';
import { type Image, rowBytes, sameShape, type TableShape, tableName } from '../model/row.ts';
import { cascades } from '../replication/cascades.ts';
import type { Moved } from './carrying.ts';
import { cascadeParents } from './cascade-parents.ts';
import type { Outbound } from './outbound.ts';
import { chunkBytes, type Parents, PendingChunk } from './pending-chunk.ts';

/** In place of a key: somewhere in the midst of the table. */
const UNTOLD: Image = [];

export interface CopyOptions {
  readonly outbound: Outbound;
  readonly source: SourcePort;
  /** This site's own writer of watermarks. */
  readonly own: TargetPort;
  readonly copied: PipelineRequest['copied'];
  readonly logsCascades: boolean;
  /** Lock keys of a row for the index of the serialiser; none are listed where nobody asks. */
  readonly lockKeys: ((table: TableShape, rows: readonly Image[]) => Promise<readonly string[]>) | null;
  readonly logger: Logger;
}

/** Rows of a first chunk, and of any; rows that are large come in fewer, at the latest when a chunk has so many bytes. */
const FIRST_CHUNK_ROWS = 200;
const CHUNK_ROWS = 2_000;
const CHUNK_BYTES = 4 << 20;
/** Until a table that the server has changed is looked at again. */
const BEHIND_MS = 50;

export class Copier {
  readonly #options: CopyOptions;
  readonly #waiting: TableShape[] = [];
  readonly #known = new Set<string>();
  /** Tables that left since the request: what was copied of them before no longer counts. */
  readonly #anew = new Set<string>();
  #current: { readonly name: string; left: boolean } | null = null;
  #wake: (() => void) | null = null;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  /** Whether everything that was added is whole. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#current === null;
  }

  /** The table is copied after those that wait already; nothing when it was copied before. */
  add(table: TableShape): void {
    const name = tableName(table);
    if (this.#known.has(name)) return;
    this.#known.add(name);
    if (this.#options.copied[name]?.done === true && !this.#anew.has(name)) return;
    this.#waiting.push(table);
    this.#wake?.();
  }

  /** Tables go on under other names, which may be each other's: those that are not whole from their beginning. */
  move(moves: readonly Moved[]): void {
    const open = new Set(this.#waiting.map(tableName));
    if (this.#current !== null) open.add(this.#current.name);
    for (const { name } of moves) this.leave(name);
    for (const { name, to } of moves) {
      this.#anew.add(tableName(to));
      if (open.has(name)) this.add(to);
      else this.#known.add(tableName(to));
    }
  }

  /** The table left the pipeline; when it comes back it is copied from its beginning. */
  leave(name: string): void {
    this.#known.delete(name);
    this.#anew.add(name);
    const at = this.#waiting.findIndex((table) => tableName(table) === name);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#current?.name === name) this.#current.left = true;
  }

  /** Copies what waits, and what is added later, until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const table = this.#waiting.shift();
        if (table !== undefined) {
          await this.#table(table, signal);
          this.#current = null;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = null;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async #table(added: TableShape, signal: AbortSignal): Promise<void> {
    const { outbound, source, copied, logger } = this.#options;
    const current = { name: tableName(added), left: false };
    this.#current = current;
    let table = outbound.holds(added) ? await this.#tell(added, signal) : added;
    if (table === null) return;
    if (table.primaryKey.length === 0) {
      throw new OtterError('OT5022', `${tableName(table)} has no primary key, so its rows cannot be copied in chunks`, {
        where: { table: tableName(table), pipeline: outbound.spec.name },
        hint: 'Add a primary key, or set `initial: none`.',
      });
    }
    const parents = await cascadeParents(table, source, this.#options.logsCascades);
    const movers = keyFollowsParent(table) ? { parents, moved: false } : null;
    // What moved while nobody read the log, or was read and not copied again yet, is not known any more.
    const begun =
      this.#anew.has(current.name) || movers !== null || this.#isKeyMasked(table) ? undefined : copied[current.name];
    let told = false;
    let cursor = begun?.cursor ?? null;
    let rowsDone = begun?.rows ?? 0;
    let limit = FIRST_CHUNK_ROWS;
    const rowsEstimate = await source.estimateRows(table.schema, table.name);
    outbound.chunks.movers = movers;
    while (!signal.aborted && !current.left) {
      if (outbound.full) await outbound.whenRoom(signal);
      await outbound.chunks.whenRoom(signal);
      if (signal.aborted) return;
      // Where changes are carried a chunk is read in the columns that the log has come to, once the server has them too.
      const now: TableShape = outbound.toldNamed(current.name) ?? table;
      if (keyOf(now) !== keyOf(table)) {
        cursor = null;
        rowsDone = 0;
      }
      table = now;
      const [from, most, progress] = [cursor, limit, { rowsDone, rowsEstimate }];
      const rows: readonly Image[] | null = !(await this.#isAsTold(table, signal))
        ? null
        : await outbound.chunks.alone(() => this.#chunk(now, parents, from, most, progress, signal));
      if (rows === null && movers?.moved === true) {
        logger.info('copy of table begins again: its rows got other keys with their parents', { table: current.name });
        movers.moved = false;
        cursor = null;
        rowsDone = 0;
        continue;
      }
      if (rows === null) {
        // Spoiled by a cascade, or the reader was reopened: a smaller one is less likely to be.
        limit = Math.max(Math.min(50, limit), Math.floor(limit / 2));
        continue;
      }
      // No more is read for a target that then refuses another of the tables, and so everything, at every attempt.
      await outbound.taken;
      if (signal.aborted) return;
      if (!told)
        logger.info('copy of table begins', { table: current.name, rowsEstimate, resumed: begun !== undefined });
      told = true;
      rowsDone += rows.length;
      if (isLast(rows, limit)) break;
      cursor = table.primaryKey.map((index) => rows.at(-1)![index]!);
      limit = Math.max(1, Math.min(CHUNK_ROWS, Math.floor((CHUNK_BYTES * rows.length) / chunkBytes(rows))));
    }
    outbound.chunks.movers = null;
    if (!signal.aborted && !current.left)
      logger.info('copy of table is whole', { table: current.name, rows: rowsDone });
  }

  async #isAsTold(table: TableShape, signal: AbortSignal): Promise<boolean> {
    const { outbound, source } = this.#options;
    if (!outbound.follows) return true;
    const now = await source.shape(table.schema, table.name);
    if (now !== null && sameShape(now, table)) return true;
    // The log is not there yet.
    await sleep(BEHIND_MS, undefined, { signal }).catch(() => undefined);
    return false;
  }

  /** As it is now; null when it is gone, or has left. */
  async #tell(added: TableShape, signal: AbortSignal): Promise<TableShape | null> {
    const { outbound, source } = this.#options;
    for (;;) {
      const table = await source.shape(added.schema, added.name);
      if (signal.aborted) return null;
      if (table === null || outbound.ruleOf(added.schema, added.name) === null) {
        outbound.telling.giveUp(added);
        return null;
      }
      const known = outbound.knownNow(table);
      if (known !== null || !outbound.follows) return (await outbound.telling.release(table, known)) ? table : null;
      // The log is not there yet.
      await sleep(BEHIND_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Null when the chunk was not sent and must be read again. */
  async #chunk(
    table: TableShape,
    parents: Parents,
    cursor: Image | null,
    limit: number,
    progress: { readonly rowsDone: number; readonly rowsEstimate: number },
    signal: AbortSignal,
  ): Promise<readonly Image[] | null> {
    const { outbound, source, own, lockKeys } = this.#options;
    const pending = new PendingChunk(table, parents);
    const spoil = (): void => pending.settle('spoiled');
    signal.addEventListener('abort', spoil, { once: true });
    try {
      outbound.chunks.pending = pending;
      await own.watermark(outbound.spec.name, { chunk: pending.id, level: 'low', keys: [], between: null });
      await source.seen(pending.begun, signal);
      const rows = await source.readChunk(table, cursor, limit, CHUNK_BYTES).catch(async (error: unknown) => {
        if (await this.#isAsTold(table, signal)) throw error;
        return null;
      });
      if (rows === null) return null;
      const last = isLast(rows, limit);
      pending.chunk = {
        table,
        rows,
        cursor: last ? null : this.#isKeyMasked(table) ? UNTOLD : table.primaryKey.map((i) => rows.at(-1)![i]!),
        rowsDone: progress.rowsDone + rows.length,
        rowsEstimate: Math.max(progress.rowsEstimate, progress.rowsDone + rows.length),
      };
      const keys = lockKeys === null ? [] : await lockKeys(table, rows);
      // A window from the spoke that was judged before this mark and commits after it would be lost under the chunk.
      const between = lockKeys === null ? null : outbound.spec.reverse;
      await own.watermark(outbound.spec.name, { chunk: pending.id, level: 'high', keys, between });
      return (await pending.outcome) === 'sent' ? rows : null;
    } finally {
      signal.removeEventListener('abort', spoil);
      if (outbound.chunks.pending === pending) outbound.chunks.pending = null;
    }
  }

  /** The target keeps how far a copy has come, and must not have the key as it is here. */
  #isKeyMasked({ schema, name, primaryKey, columns }: TableShape): boolean {
    const masked = Object.keys(this.#options.outbound.ruleOf(schema, name)?.rows?.mask ?? {});
    return masked.length > 0 && primaryKey.some((index) => isAmong(masked, columns[index]!.name));
  }
}

/** Whether no rows were left when these were read. */
function isLast(rows: readonly Image[], limit: number): boolean {
  return rows.length < limit && rows.reduce((bytes, row) => bytes + rowBytes(row), 0) < CHUNK_BYTES;
}

/** Columns by which rows are read in their order. */
function keyOf({ primaryKey, columns }: TableShape): string {
  return JSON.stringify(primaryKey.map((index) => [columns[index]!.name, columns[index]!.type]));
}

/** Whether a row gets another primary key when its parent does. */
function keyFollowsParent({ primaryKey, foreignKeys }: TableShape): boolean {
  return foreignKeys.some(
    ({ onUpdate, columns }) =>
      cascades({ onUpdate, onDelete: 'NO ACTION' }) && columns.some((column) => primaryKey.includes(column)),
  );
}
