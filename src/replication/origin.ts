/**
 * What otter's own rows in a log mean: loop marks, answers, beats and watermarks.
 *
 * Rule kept: a transaction whose first row is a checkpoint row of this topology was applied by otter, for the pipeline
 * that the row names; everything else is a user's.
 */
import type { ResyncRequest } from '../model/resync.ts';
import type {
  AppliedTouches,
  Definition,
  Image,
  LoggedAnswer,
  RowChange,
  TableShape,
  TouchKind,
  Value,
  Version,
} from '../model/row.ts';

export type OtterRow =
  /** The transaction applied `pipeline` up to `position` of its source; `lane`: or only the share of that one of its lanes. */
  | {
      readonly kind: 'mark';
      readonly pipeline: string;
      readonly lane: number;
      readonly position: string;
      readonly clock: number;
    }
  | {
      readonly kind: 'answer';
      readonly pipeline: string;
      readonly schema: string;
      readonly table: string;
      readonly key: Image;
      readonly image: Image | null;
      /** Lock keys that are the serialiser's from here on. */
      readonly locks: readonly string[];
      readonly lost: LoggedAnswer['lost'];
      readonly won: LoggedAnswer['won'];
    }
  /** More of an answer follows. One for a pipeline *out of* this database begins what a person has decided. */
  | { readonly kind: 'piece'; readonly pipeline: string }
  | { readonly kind: 'version'; readonly pipeline: string; readonly versions: readonly Version[] }
  | { readonly kind: 'touches'; readonly pipeline: string; readonly touches: readonly AppliedTouches[] }
  /** What is taken down here of how a table of the pipeline's source was made; null: nothing any more. */
  | {
      readonly kind: 'definition';
      readonly pipeline: string;
      readonly table: string;
      readonly definition: Definition | null;
    }
  /** Somebody wants rows of this database sent again. */
  | { readonly kind: 'resync'; readonly request: ResyncRequest }
  | { readonly kind: 'beat'; readonly site: string; readonly sentMs: number }
  | {
      readonly kind: 'watermark';
      readonly pipeline: string;
      readonly chunk: string;
      readonly level: 'low' | 'high';
      readonly keys: readonly string[];
    };

/** Reads otter's rows in the order of the log. The answer to a long row comes in several. */
export class OtterRows {
  readonly #lineage: string;
  /** What has come of an answer's image. */
  #image = '';

  constructor(lineage: string) {
    this.#lineage = lineage;
  }

  /** A transaction begins, for the first time or again. */
  begin(): void {
    this.#image = '';
  }

  /** Null for rows of other topologies, deletions of most, and tables that say nothing to a reader. */
  read(change: RowChange): OtterRow | null {
    if (change.kind === 'delete') return this.#gone(change.table, change.before);
    const { table, after } = change;
    if (table.name === 'resync') return change.kind === 'insert' ? this.#asked(table, after) : null;
    if (textOf(table, after, 'lineage') !== this.#lineage) return null;
    if (table.name !== 'answer') return shortRow(table, after);
    if (change.kind !== 'insert') return null;
    const image = after[indexOf(table, 'image')] ?? null;
    if (image !== null) this.#image += literalText(image);
    if (textOf(table, after, 'more') === '1') return { kind: 'piece', pipeline: textOf(table, after, 'pipeline') };
    const whole = this.#image;
    this.#image = '';
    return {
      kind: 'answer',
      pipeline: textOf(table, after, 'pipeline'),
      schema: textOf(table, after, 'table_schema'),
      table: textOf(table, after, 'table_name'),
      key: JSON.parse(textOf(table, after, 'row_key')) as Image,
      image: whole === '' ? null : (JSON.parse(whole) as Image),
      ...settledBy(JSON.parse(textOf(table, after, 'lock_keys')) as Settled),
    };
  }

  /** By a person mostly, who says nothing of topologies. */
  #asked(table: TableShape, after: Image): OtterRow | null {
    const text = (column: string): string | null => {
      const value = after[indexOf(table, column)] ?? null;
      return value === null ? null : literalText(value);
    };
    const lineage = text('lineage');
    if (lineage !== null && lineage !== this.#lineage) return null;
    const request = {
      id: Number(text('id')),
      pipeline: text('pipeline'),
      table: text('table_name') ?? '',
      keys: text('row_keys'),
      where: text('where_sql'),
    };
    return { kind: 'resync', request };
  }

  #gone(table: TableShape, before: Image): OtterRow | null {
    if (table.name !== 'definition' || textOf(table, before, 'lineage') !== this.#lineage) return null;
    return definitionRow(table, before, false);
  }
}

function definitionRow(table: TableShape, image: Image, there: boolean): OtterRow {
  const text = (column: string): string => textOf(table, image, column);
  const definition = there ? { create: text('created_by'), position: text('position') } : null;
  return { kind: 'definition', pipeline: text('pipeline'), table: text('source_table'), definition };
}

type Names = readonly string[] | null;
type Settled = readonly string[] | { readonly locks: readonly string[]; readonly lost: Names; readonly won: Names };

function settledBy(settled: Settled): Pick<LoggedAnswer, 'locks' | 'lost' | 'won'> {
  const set = (names: Names): ReadonlySet<string> | null => (names === null ? null : new Set(names));
  if (!('locks' in settled)) return { locks: settled, lost: null, won: new Set() };
  return { locks: settled.locks, lost: set(settled.lost), won: set(settled.won) };
}

type WrittenVersion = readonly [locks: readonly string[], order: number | null, clock: number, columns: Names];

interface WrittenTouches {
  readonly touches: readonly (readonly [
    clock: number,
    touched: readonly (readonly [digest: string, kind: string])[],
  ])[];
}

const TOUCH_KINDS: Readonly<Record<string, TouchKind>> = { d: 'delete', p: 'put', c: 'claim' };

function versionRow(pipeline: string, written: readonly WrittenVersion[] | WrittenTouches): OtterRow {
  if ('touches' in written) {
    const touches = written.touches.map(([clock, touched]) => ({
      clock,
      touched: new Map(touched.map(([digest, kind]) => [bytesOf(digest), TOUCH_KINDS[kind]!])),
    }));
    return { kind: 'touches', pipeline, touches };
  }
  const versions = written.map(([locks, order, clock, columns]) => ({
    locks,
    stamp: { order: order ?? Number.NEGATIVE_INFINITY, clock },
    columns,
  }));
  return { kind: 'version', pipeline, versions };
}

/** As `Digest` gives them: a character for each byte. */
function bytesOf(digest: string): string {
  return Buffer.from(digest, 'base64').toString('latin1');
}

function textOf(table: TableShape, image: Image, column: string): string {
  return literalText(image[indexOf(table, column)] ?? null);
}

function shortRow(table: TableShape, after: Image): OtterRow | null {
  const text = (column: string): string => textOf(table, after, column);
  switch (table.name) {
    case 'checkpoint':
      return {
        kind: 'mark',
        pipeline: text('pipeline'),
        lane: Number(text('lane')),
        position: text('position'),
        clock: Number(text('clock')),
      };
    case 'definition':
      return definitionRow(table, after, true);
    case 'heartbeat':
      return { kind: 'beat', site: text('site'), sentMs: Number(text('sent_ms')) };
    case 'version':
      return versionRow(text('pipeline'), JSON.parse(text('versions')) as WrittenVersion[] | WrittenTouches);
    case 'watermark':
      return {
        kind: 'watermark',
        pipeline: text('pipeline'),
        chunk: text('chunk'),
        level: text('kind') === 'low' ? 'low' : 'high',
        keys: JSON.parse(text('row_keys')) as string[],
      };
    default:
      return null;
  }
}

const columnIndexes = new WeakMap<TableShape, Map<string, number>>();

function indexOf(table: TableShape, column: string): number {
  let indexes = columnIndexes.get(table);
  if (indexes === undefined) {
    indexes = new Map(table.columns.map(({ name }, index) => [name, index]));
    columnIndexes.set(table, indexes);
  }
  return indexes.get(column) ?? -1;
}

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r', t: '\t', Z: '\x1a', b: '\b' };

/** The text that a literal writes: quotes and escapes undone. Numbers are returned as they stand. */
export function literalText(value: Value): string {
  if (value === null) return '';
  if (!value.startsWith("'")) return value;
  const body = value.slice(1, -1);
  return body.includes('\\') || body.includes("''")
    ? body.replace(/\\([\s\S])|''/g, (_, escaped: string | undefined) =>
        escaped === undefined ? "'" : (ESCAPES[escaped] ?? escaped),
      )
    : body;
}
