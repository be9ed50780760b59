/**
 * A person's decision about an open conflict, written at the database where it waits, whoever owns that.
 *
 * Rule kept: one transaction sets the row, closes all that is open of it, and leaves the row in the log for the pipeline to
 * the other site (`otter.answer`), ahead of everything a word that it does so. It is this database's own write: no
 * checkpoint moves. It falls between two windows: locks of rows would not keep the loader out where there is no row.
 */
import {
  type ConflictLogLevel,
  DEFAULT_CONFLICT_LOG,
  type LoggedConflict,
  type NamedImage,
} from '../model/conflict.ts';
import { messageOf, OtterError } from '../model/error.ts';
import {
  DuplicateKey,
  type LoadSession,
  type LoadTable,
  RowRefused,
  type TargetPort,
  type Write,
} from '../model/load.ts';
import { type PipelineSpec, reverseName } from '../model/pipeline.ts';
import type { ConflictResolver, ResolutionPlan, ResolvedBy, Take } from '../model/resolution.ts';
import { type Image, type LoggedAnswer, tableName } from '../model/row.ts';
import { fullImage } from '../replication/conflict/answers.ts';
import { chosenRow, givenColumns, untaken } from '../replication/conflict/manual/chosen.ts';
import { named, namedKey } from '../replication/conflict/record.ts';
import { extract, loadTable } from '../replication/load-table.ts';
import { ruleFor } from '../replication/names.ts';
import { type KeyedRow, KnownKeys } from './known-keys.ts';
import { type Broken, brokenKeys } from './referring.ts';

/** How often it is tried again when the server ends it for another's sake. */
const BUSY_TRIES = 5;

/** A plan, and what carries it out. */
interface Found extends ResolutionPlan {
  readonly table: LoadTable;
  /** The key of the row. */
  readonly key: Image;
  readonly present: Image | null;
  readonly image: Image | null;
  /** Rows that have a value of the chosen row, or of the one that was parked; the first give way. */
  readonly holders: readonly { readonly image: Image; readonly givesWay: boolean }[];
}

export class Resolving implements ConflictResolver {
  readonly #target: TargetPort & AsyncDisposable;
  readonly #known: KnownKeys;

  constructor(target: TargetPort & AsyncDisposable) {
    this.#target = target;
    this.#known = new KnownKeys(target);
  }

  async plan(conflict: LoggedConflict, take: Take): Promise<ResolutionPlan> {
    return this.#inOne(conflict, async (session) => {
      const found = await this.#find(session, conflict, take);
      // What the server says of it is said before anybody agrees.
      await this.#place(session, found, take);
      await session.rollback();
      const { closes, now, chosen, removes } = found;
      return { conflict, closes, now, chosen, removes };
    });
  }

  async write(plan: ResolutionPlan, take: Take, by: ResolvedBy): Promise<void> {
    const { conflict } = plan;
    await this.#inOne(conflict, async (session) => {
      const found = await this.#find(session, conflict, take);
      if (fingerprint(found) !== fingerprint(plan)) throw changed(conflict);
      const towards = by.towards.name;
      await session.tellResolution(towards);
      await this.#place(session, found, take);
      const winner = winnerOf(take);
      const { closes: ids } = found;
      await session.closeConflicts({ ids, winner, level: levelOf(conflict, by.towards), by: by.who, atMs: by.nowMs });
      await session.answer(towards, await this.#answers(session, towards, found));
      await session.commit();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]();
  }

  async #inOne<T>({ pipeline }: LoggedConflict, work: (session: LoadSession) => Promise<T>): Promise<T> {
    await using session = await this.#target.session(reverseName(pipeline));
    for (let attempt = 1; ; attempt += 1) {
      try {
        await session.beginOwn(pipeline);
        return await work(session);
      } catch (error) {
        await session.rollback();
        const busy = error instanceof DuplicateKey || (error instanceof OtterError && error.code === 'OT4005');
        if (!busy || attempt === BUSY_TRIES) throw inWords(error);
      }
    }
  }

  /** @throws OtterError OT7011 when the row then holds something else than was chosen */
  async #place(session: LoadSession, found: Found, take: Take): Promise<void> {
    const { conflict, table, present, image, holders } = found;
    await session.write(writesOf(found));
    const gone = holders.flatMap((each) => (each.givesWay ? [{ before: each.image, after: null }] : []));
    const broken = await brokenKeys(this.#target, session, table, [{ before: present, after: image }, ...gone]);
    if (broken !== null) throw breaks(conflict, broken);
    if (image === null) return;
    const [bent] = await session.differing(table, image, givenColumns(table, take));
    if (bent === undefined) return;
    const { name, type } = table.columns[bent]!;
    throw untaken(
      `column ${name} is ${type} and would hold something else than was written`,
      'Write the value as the server shows it: `otter conflicts show` does.',
    );
  }

  async #find(session: LoadSession, conflict: LoggedConflict, take: Take): Promise<Found> {
    const table = await this.#table(conflict);
    const keys = this.#known.keys;
    const key = table.columns.map(({ name }) => conflict.key[name] ?? null);
    const [present = null] = await session.lock(table, table.key, [key]);
    const closes = await this.#open(session, conflict, table, key);
    if (!closes.includes(conflict.id)) throw notOpen(conflict);
    const image = chosenRow(table, conflict, take, present);
    const claims = [image, parkedRow(table, conflict)].flatMap((each) => (each === null ? [] : [each]));
    await this.#learnt(table, [key, ...claims]);
    const row = keys.row(table, key);
    if (image !== null && keys.row(table, image) !== row)
      throw untaken('the row has another key than the conflict', 'Leave the columns of the key out.');
    const holding = new Map<string, Image>();
    for (const { columns } of table.uniques) {
      const asked = claims.filter((each) => columns.every((index) => each[index] !== null));
      for (const found of await session.lock(table, columns, asked)) {
        await this.#learnt(table, [found]);
        if (keys.row(table, found) !== row) holding.set(keys.row(table, found), found);
      }
    }
    await this.#learnt(table, [...claims, ...holding.values()]);
    const values = new Set(image === null ? [] : keys.uniques(table, image));
    const holders = [...holding.values()].map((each) => ({
      image: each,
      givesWay: keys.uniques(table, each).some((value) => values.has(value)),
    }));
    return {
      conflict,
      table,
      key,
      present,
      image,
      holders,
      closes,
      now: present === null ? null : named(table, present),
      chosen: image === null ? null : named(table, image),
      removes: holders.flatMap(({ image: each, givesWay }) => (givesWay ? [namedKey(table, each)] : [])),
    };
  }

  /** @throws OtterError OT5021 */
  async #table({ table: { schema, name } }: LoggedConflict): Promise<LoadTable> {
    const shape = await this.#target.shape(schema, name);
    if (shape === null) throw new OtterError('OT5021', `there is no table ${schema}.${name} any more`);
    // Generated columns do not travel.
    return loadTable(extract({ omit: [], only: null }, shape).shape, shape, {}, true);
  }

  /** No window is under way, so nothing is being parked. */
  async #open(session: LoadSession, conflict: LoggedConflict, table: LoadTable, key: Image): Promise<number[]> {
    const all = await this.#target.openConflicts(conflict.pipeline);
    const mine = all.filter((each) => tableName(each.table) === tableName(conflict.table));
    const images = mine.map((each) => table.columns.map(({ name }) => each.key[name] ?? null));
    await this.#learnt(table, [key, ...images]);
    const row = this.#known.keys.row(table, key);
    const ids = mine.flatMap(({ id }, index) => (this.#known.keys.row(table, images[index]!) === row ? [id] : []));
    return [...(await session.stillOpen(ids))].sort((a, b) => a - b);
  }

  /** As they are now, spelled as the log spells them. */
  async #answers(session: LoadSession, pipeline: string, { table, key, holders }: Found): Promise<LoggedAnswer[]> {
    const rows = [key, ...holders.map(({ image }) => image)];
    const now = await session.lock(table, table.key, rows);
    await this.#learnt(table, [...rows, ...now]);
    const keys = this.#known.keys;
    const byRow = new Map(now.map((image) => [keys.row(table, image), image]));
    return rows.map((row) => {
      const image = byRow.get(keys.row(table, row)) ?? null;
      return {
        pipeline,
        table: table.target,
        key: table.key.map((index) => row[index]!),
        image: image === null ? null : fullImage(table, image),
        locks: [],
        lost: null,
        won: new Set(),
      };
    });
  }

  #learnt(table: LoadTable, images: readonly Image[]): Promise<void> {
    return this.#known.learnt(images.map((image): KeyedRow => ({ table, image })));
  }
}

/** What a server says of rows, for a person. */
function inWords(error: unknown): unknown {
  if (error instanceof RowRefused) return untaken(`the server refuses the row: ${messageOf(error.cause)}`);
  if (error instanceof DuplicateKey) return untaken(`another row has a value of this one: ${messageOf(error.cause)}`);
  return error;
}

function breaks({ table }: LoggedConflict, { kind, table: other }: Broken): OtterError {
  return kind === 'child'
    ? untaken(
        `rows of ${other} refer to a row of ${tableName(table)} that would be deleted or changed`,
        'Delete those rows or let them refer to another, or decide otherwise.',
      )
    : untaken(
        `the row refers to a row of ${other} that is not there`,
        `Make that row, or decide its own conflict first: otter conflicts --open`,
      );
}

/** What was parked, with NULL for columns that came since; null: a delete. */
function parkedRow(table: LoadTable, { incoming }: LoggedConflict): Image | null {
  return incoming === null ? null : table.columns.map(({ name }) => incoming[name] ?? null);
}

function writesOf({ table, present, image, holders }: Found): Write[] {
  const gone = holders.flatMap((holder) => (holder.givesWay ? [holder.image] : []));
  const writes: Write[] = gone.length === 0 ? [] : [{ kind: 'delete', table, rows: gone }];
  if (image === null && present !== null) writes.push({ kind: 'delete', table, rows: [present] });
  else if (image !== null && present === null) writes.push({ kind: 'insert', table, rows: [image] });
  else if (image !== null && present !== null && image.some((value, index) => value !== present[index]))
    writes.push({ kind: 'update', table, before: present, after: image });
  return writes;
}

function winnerOf(take: Take): 'incoming' | 'local' | 'none' | 'merged' {
  if (typeof take !== 'string') return 'merged';
  return take === 'base' ? 'none' : take;
}

function levelOf({ table: { schema, name } }: LoggedConflict, { tables, conflictLog }: PipelineSpec): ConflictLogLevel {
  return (ruleFor(tables, schema, name)?.conflictLog ?? conflictLog ?? DEFAULT_CONFLICT_LOG).log;
}

function fingerprint({ closes, now, chosen, removes }: ResolutionPlan): string {
  const sorted = (image: NamedImage): string => JSON.stringify(Object.entries(image).sort());
  return JSON.stringify([closes, now, chosen, removes.map(sorted).sort()]);
}

function notOpen({ id }: LoggedConflict): OtterError {
  return new OtterError('OT7010', `conflict ${id} does not wait for a decision`, {
    hint: '`otter conflicts --open` lists those that do.',
  });
}

function changed({ id }: LoggedConflict): OtterError {
  return new OtterError(
    'OT7012',
    `conflict ${id}, or its row, has changed since you looked at it; nothing was written`,
    {
      hint: 'Look again: the same command shows what it would do now.',
    },
  );
}
