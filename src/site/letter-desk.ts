/**
 * What people do with dead letters, at the target where they are, whoever owns that: applied after all, or given up.
 *
 * Rule kept: it falls between two windows of the pipeline (its checkpoint row is locked), and letters that hang together are
 * settled together: applied in one transaction that removes them, so that each is written exactly once; or given up all.
 */
import type { NamedImage } from '../model/conflict.ts';
import { chainsOf, type LetterDesk, type LettersSettled, type LoggedLetter } from '../model/dead-letter.ts';
import { messageOf, OtterError } from '../model/error.ts';
import { DuplicateKey, type LoadSession, type LoadTable, RowRefused, type TargetPort } from '../model/load.ts';
import { type Image, tableName } from '../model/row.ts';
import { replays, type Waiting } from '../replication/replaying.ts';
import { isRefusal } from './setting-aside.ts';

/** How often it is tried again when the server ends it for another's sake. */
const BUSY_TRIES = 5;
const READ_AT_ONCE = 500;

export class Desk implements LetterDesk {
  readonly #target: TargetPort & AsyncDisposable;

  constructor(target: TargetPort & AsyncDisposable) {
    this.#target = target;
  }

  async retry(pipeline: string, ids: readonly number[]): Promise<LettersSettled> {
    const done: number[] = [];
    const refused: { id: number; error: string }[] = [];
    await using session = await this.#target.session(pipeline);
    for (const id of ids) {
      if (done.includes(id) || refused.some((one) => one.id === id)) continue;
      const outcome = await this.#retried(session, pipeline, id);
      done.push(...outcome.done);
      // Of those that hang together one is told.
      for (const each of outcome.refused) if (!refused.some((one) => one.id === each.id)) refused.push(each);
    }
    return { done, refused };
  }

  async drop(pipeline: string, ids: readonly number[]): Promise<LettersSettled> {
    await using session = await this.#target.session(pipeline);
    await this.#between(session, pipeline, async () => {
      const wanted = new Set(ids);
      const touched = (await this.#chains(pipeline)).filter((chain) => chain.some(({ id }) => wanted.has(id))).flat();
      if (touched.length !== wanted.size || touched.some(({ id }) => !wanted.has(id))) {
        throw new OtterError('OT7030', `the dead letters of ${pipeline} have changed since you looked at them`, {
          hint: 'Nothing was dropped. Look again: the same command shows what it would do now.',
        });
      }
      await session.removeLetters(ids);
      await session.commit();
    });
    return { done: ids, refused: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]();
  }

  /** The letters that hang together with this one, in the first way that the target takes. */
  async #retried(session: LoadSession, pipeline: string, id: number): Promise<LettersSettled> {
    let first: string | null = null;
    for (let way = 0; ; way += 1) {
      const chain = await this.#chain(pipeline, id);
      // Somebody else has settled it.
      if (chain.length === 0) return { done: [], refused: [] };
      const refused = (error: string): LettersSettled => ({ done: [], refused: [{ id: chain[0]!.id, error }] });
      try {
        const done = await this.#between(session, pipeline, async () => {
          // What has come behind it since goes with it.
          const now = await this.#chain(pipeline, id);
          const ways = replays(await this.#waiting(now));
          const writes = ways[way];
          if (writes === undefined) return null;
          session.careful = true;
          session.rowByRow = true;
          await session.write(writes);
          const ids = now.map((letter) => letter.id);
          await session.removeLetters(ids);
          await session.commit();
          return ids;
        });
        return done === null ? refused(first!) : { done, refused: [] };
      } catch (error) {
        if (error instanceof OtterError && error.code === 'OT7031') return refused(error.message);
        if (!isRefusal(error)) throw error;
        first ??= inWords(error);
      }
    }
  }

  async #between<T>(session: LoadSession, pipeline: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await session.beginOwn(pipeline);
        const result = await work();
        await session.rollback();
        return result;
      } catch (error) {
        await session.rollback();
        const busy = error instanceof OtterError && error.code === 'OT4005';
        if (!busy || attempt === BUSY_TRIES) throw error;
      }
    }
  }

  async #chain(pipeline: string, id: number): Promise<readonly LoggedLetter[]> {
    return (await this.#chains(pipeline)).find((chain) => chain.some((letter) => letter.id === id)) ?? [];
  }

  async #chains(pipeline: string): Promise<LoggedLetter[][]> {
    const all: LoggedLetter[] = [];
    for (let behind = 0; ; ) {
      const page = await this.#target.letters(pipeline, behind, READ_AT_ONCE);
      all.push(...page);
      if (page.length < READ_AT_ONCE) return chainsOf(all);
      behind = page.at(-1)!.id;
    }
  }

  /** @throws OtterError OT7031 where a table has not the columns of a letter any more */
  async #waiting(letters: readonly LoggedLetter[]): Promise<Waiting[]> {
    const tables = new Map<string, LoadTable>();
    const waiting: Waiting[] = [];
    for (const { kind, table, before, after, checks } of letters) {
      const names = Object.keys(after ?? before!);
      const by = JSON.stringify([tableName(table), names]);
      let loaded = tables.get(by);
      if (loaded === undefined) {
        loaded = await this.#table(table, names);
        tables.set(by, loaded);
      }
      const image = (row: NamedImage | null): Image | null => row && names.map((name) => row[name] ?? null);
      waiting.push({
        change: { kind, table: loaded, before: image(before), after: image(after), fkChecks: true },
        checks,
      });
    }
    return waiting;
  }

  async #table({ schema, name }: LoggedLetter['table'], names: readonly string[]): Promise<LoadTable> {
    const shape = await this.#target.shape(schema, name);
    if (shape === null) throw unfit(`there is no table ${schema}.${name} any more`);
    const columns = names.map((wanted) => {
      const column = shape.columns.find((one) => one.name === wanted);
      if (column === undefined || column.generated) throw unfit(`${schema}.${name} has no column ${wanted} any more`);
      return column;
    });
    const placed = (indexes: readonly number[]): number[] | null => {
      const places = indexes.map((index) => columns.indexOf(shape.columns[index]!));
      return places.includes(-1) ? null : places;
    };
    const key = placed(shape.primaryKey);
    if (key === null) throw unfit(`the primary key of ${schema}.${name} is another one now`);
    const uniques = shape.uniques.flatMap((unique) => {
      const places = placed(unique.columns);
      return places === null ? [] : [{ ...unique, columns: places }];
    });
    const extras = shape.columns.filter((column) => !column.generated && !columns.includes(column));
    return { source: shape, target: shape, columns, key, uniques, extras, cuts: true };
  }
}

function unfit(message: string): OtterError {
  return new OtterError('OT7031', message, { hint: 'Make it as it was for the moment, or drop the letter.' });
}

/** What a server says, for a person. */
function inWords(error: unknown): string {
  if (!(error instanceof RowRefused) && !(error instanceof DuplicateKey)) return messageOf(error);
  const { row } = error;
  const said = messageOf(error.cause);
  if (row === null) return said;
  return row.key === null ? `a row of ${row.table}: ${said}` : `the row ${row.key} of ${row.table}: ${said}`;
}
