/**
 * What otter's own rows in a log mean: loop marks, answers, beats and watermarks.
 *
 * Rule kept: a transaction whose first row is a checkpoint row of this topology was applied by otter, for the pipeline
 * that the row names; everything else is a user's.
 */
import type { Image, RowChange, TableShape, Value } from '../model/row.ts';

export type OtterRow =
  /** The transaction applied `pipeline` up to `position` of its source. */
  | { readonly kind: 'mark'; readonly pipeline: string; readonly position: string }
  | {
      readonly kind: 'answer';
      readonly pipeline: string;
      readonly schema: string;
      readonly table: string;
      readonly key: Image;
      readonly image: Image | null;
      /** Lock keys that are the serialiser's from here on. */
      readonly locks: readonly string[];
    }
  | { readonly kind: 'beat'; readonly site: string; readonly sentMs: number }
  | {
      readonly kind: 'watermark';
      readonly pipeline: string;
      readonly chunk: string;
      readonly level: 'low' | 'high';
      readonly keys: readonly string[];
    };

/** Null for rows of other topologies, deletions, and tables that say nothing to a reader. */
export function otterRow(change: RowChange, lineage: string): OtterRow | null {
  if (change.kind === 'delete') return null;
  const { table, after } = change;
  const text = (column: string): string => literalText(after[indexOf(table, column)] ?? null);
  if (text('lineage') !== lineage) return null;
  switch (table.name) {
    case 'checkpoint':
      return { kind: 'mark', pipeline: text('pipeline'), position: text('position') };
    case 'answer': {
      if (change.kind !== 'insert') return null;
      const image = after[indexOf(table, 'image')] ?? null;
      return {
        kind: 'answer',
        pipeline: text('pipeline'),
        schema: text('table_schema'),
        table: text('table_name'),
        key: JSON.parse(text('row_key')) as Image,
        image: image === null ? null : (JSON.parse(literalText(image)) as Image),
        locks: JSON.parse(text('lock_keys')) as string[],
      };
    }
    case 'heartbeat':
      return { kind: 'beat', site: text('site'), sentMs: Number(text('sent_ms')) };
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
