/**
 * Files that rows name, brought before the rows: what a pipeline asks the target's side of a file set for.
 *
 * Rule: with `order: file-first` nothing of a window is written before every file that its rows name is on disk at the target, whole; with
 * `row-first` it is written down there that they are wanted, and they come after. Files of the next window come while this one is
 * written.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink } from '../model/file-link.ts';
import { type FollowedFiles, sideName } from '../model/files.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger } from '../model/ports.ts';
import { type Delivery, type Image, type TableShape, tableName } from '../model/row.ts';
import { FileFault, fileTemplate, type PathsOf, pathsOf } from '../replication/file-paths.ts';
import { ruleFor } from '../replication/names.ts';

export interface FileGateOptions {
  readonly spec: () => PipelineSpec;
  readonly link: FileLink;
  /** Told what is waited for; null: nothing any more. */
  readonly waiting: (what: string | null) => void;
  readonly logger: Logger;
  /** Of the attempt. */
  readonly signal: AbortSignal;
}

/** How many paths one request names, and their length together: links take no request without end. */
const PATHS_MAX = 2_000;
const PATHS_LENGTH_MAX = 1 << 20;
const AGAIN_MS = { least: 100, most: 5_000 } as const;

export class FileGate {
  readonly #options: FileGateOptions;
  /** Of deliveries whose files are coming, or have come. */
  readonly #coming = new WeakMap<Delivery, Promise<void>>();
  readonly #readers = new WeakMap<TableShape, { readonly follows: readonly FollowedFiles[]; readonly all: Reader[] }>();

  constructor(options: FileGateOptions) {
    this.#options = options;
  }

  /** Begins to bring what these will need. */
  ahead(deliveries: readonly Delivery[]): void {
    const wanted = deliveries.filter((delivery) => !this.#coming.has(delivery));
    if (wanted.length === 0 || this.#follows.length === 0) return;
    const coming = this.#bring(wanted);
    // Who comes to it sees how it failed.
    coming.catch(() => undefined);
    for (const delivery of wanted) this.#coming.set(delivery, coming);
  }

  /** Settles when the files that these name are there. @throws OtterError OT8020 to OT8022 */
  async before(deliveries: readonly Delivery[]): Promise<void> {
    if (this.#follows.length === 0) return;
    this.ahead(deliveries);
    await Promise.all(new Set(deliveries.map((delivery) => this.#coming.get(delivery))));
  }

  get #follows(): readonly FollowedFiles[] {
    const { follows = [], dryRun } = this.#options.spec();
    return dryRun === true ? [] : follows;
  }

  async #bring(deliveries: readonly Delivery[]): Promise<void> {
    const wanted = new Map<FollowedFiles, Set<string>>();
    for (const delivery of deliveries) {
      for (const { table, rows } of rowsOf(delivery)) {
        for (const { follow, paths } of this.#readersOf(table)) {
          const named = wanted.get(follow) ?? new Set();
          wanted.set(follow, named);
          for (const row of rows) for (const path of this.#told(paths, row)) named.add(path);
        }
      }
    }
    for (const [follow, paths] of wanted) {
      const all = [...paths].map((path) => Buffer.from(path, 'utf8').toString('latin1'));
      for (const some of portions(all)) await this.#ask(follow, some);
    }
  }

  #told(paths: PathsOf, row: Image): readonly string[] {
    try {
      return paths(row);
    } catch (error) {
      throw error instanceof FileFault ? this.#untold(error) : error;
    }
  }

  #untold(fault: FileFault): OtterError {
    return new OtterError('OT8021', `the files of a row cannot be told: ${fault.message}`, {
      where: { pipeline: this.#options.spec().name },
    });
  }

  #readersOf(table: TableShape): readonly Reader[] {
    const follows = this.#follows;
    const known = this.#readers.get(table);
    if (known?.follows === follows) return known.all;
    const { tables, forward } = this.#options.spec();
    const rule = ruleFor(tables, table.schema, table.name);
    // As the channel's entry has it: by the names at its first database.
    const entry = rule === null ? null : forward ? rule.from : (rule.to ?? rule.from);
    const all = follows.flatMap((follow) => {
      if (follow.table !== entry && follow.table !== tableName(table)) return [];
      try {
        return [{ follow, paths: pathsOf(follow.paths.map(fileTemplate), table) }];
      } catch (error) {
        throw error instanceof FileFault ? this.#untold(error) : error;
      }
    });
    this.#readers.set(table, { follows, all });
    return all;
  }

  /** Until they are there, or one is missing and is not to be waited for. */
  async #ask(follow: FollowedFiles, paths: readonly string[]): Promise<void> {
    const { link, signal, waiting, logger } = this.#options;
    const { set, from, to, order, missing: policy } = follow;
    const name = this.#options.spec().name;
    let left = paths;
    let said = false;
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted();
      const missing: string[] = [];
      try {
        const request = { op: 'bring', source: from, paths: left, later: order === 'row-first' } as const;
        for await (const { head } of link.ask(sideName(set, to), request, signal))
          if (head.kind === 'brought') missing.push(...head.missing);
      } catch (error) {
        signal.throwIfAborted();
        const code = error instanceof OtterError ? error.code : 'OT8022';
        waiting(`files.${set}: ${messageOf(error)}`);
        if (!said) logger.warn('rows wait for their files', { set, code, error: messageOf(error) });
        said = true;
        await slept(attempt, signal);
        continue;
      }
      if (missing.length === 0 || policy === 'continue') {
        if (missing.length > 0)
          logger.warn('rows go on without their files', {
            code: 'OT8020',
            set,
            missing: missing.length,
            first: shown(missing[0]!),
          });
        if (said) waiting(null);
        return;
      }
      const what = `${missing.length === 1 ? 'the file' : `${missing.length} files, the first of them`} \`${shown(missing[0]!)}\` of files.${set} in ${from}`;
      if (policy === 'stop')
        throw new OtterError('OT8020', `a row names ${what}, which is not there`, {
          where: { pipeline: name },
          hint: 'Put the file there; the pipeline goes on by itself. With `missing: continue` rows go on without.',
        });
      waiting(what);
      if (!said)
        logger.warn('rows wait for a file that is not at its source', {
          code: 'OT8020',
          set,
          path: shown(missing[0]!),
        });
      said = true;
      left = missing;
      await slept(attempt, signal);
    }
  }
}

interface Reader {
  readonly follow: FollowedFiles;
  readonly paths: PathsOf;
}

/** Rows that are to be written as they are here. */
function rowsOf(delivery: Delivery): { readonly table: TableShape; readonly rows: readonly Image[] }[] {
  switch (delivery.kind) {
    case 'changes': {
      const byTable = new Map<TableShape, Image[]>();
      for (const change of delivery.changes) {
        if (change.kind === 'delete') continue;
        const rows = byTable.get(change.table);
        if (rows === undefined) byTable.set(change.table, [change.after]);
        else rows.push(change.after);
      }
      return [...byTable].map(([table, rows]) => ({ table, rows }));
    }
    case 'answers':
      return delivery.answers.flatMap(({ table, image }) => (image === null ? [] : [{ table, rows: [image] }]));
    case 'chunk':
      return [{ table: delivery.chunk.table, rows: delivery.chunk.rows }];
    case 'resync':
      return [{ table: delivery.table, rows: delivery.rows }];
    case 'table':
    case 'definition':
    case 'kept':
    case 'beat':
      return [];
    default:
      return delivery satisfies never;
  }
}

function* portions(paths: readonly string[]): Generator<readonly string[], void> {
  let some: string[] = [];
  let length = 0;
  for (const path of paths) {
    if (some.length >= PATHS_MAX || (some.length > 0 && length + path.length > PATHS_LENGTH_MAX)) {
      yield some;
      [some, length] = [[], 0];
    }
    some.push(path);
    length += path.length;
  }
  if (some.length > 0) yield some;
}

function shown(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

async function slept(attempt: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.min(AGAIN_MS.most, AGAIN_MS.least * 2 ** attempt), undefined, { signal }).catch(() => undefined);
}
