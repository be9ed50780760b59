/**
 * Digests of what decides how rows of a log are read, as they are recorded with a checkpoint.
 *
 * A record is *sure* when rows in this structure were read at the checkpoint, or when it was before; until then it is
 * *supposed*: what the server said while the log was still to be read, which a statement in between may have changed.
 */
import { hash } from 'node:crypto';
import { type TableShape, tableName } from '../model/row.ts';

const digests = new WeakMap<TableShape, string>();
const SUPPOSED = '~';

/** Of the columns in their order: names, types, charsets, and whether they are generated. */
export function structureOf(table: TableShape): string {
  let digest = digests.get(table);
  if (digest === undefined) {
    const columns = table.columns.map(({ name, type, charset, generated }) => [name, type, charset, generated]);
    digest = hash('sha256', JSON.stringify(columns)).slice(0, 32);
    digests.set(table, digest);
  }
  return digest;
}

export function supposed(structure: string): string {
  return SUPPOSED + structure;
}

export function isSupposed(recorded: string): boolean {
  return recorded.startsWith(SUPPOSED);
}

/** Whether a table surely was, where these were recorded, what it is now. */
export function surely(recorded: ReadonlyMap<string, string>, table: TableShape): boolean {
  return recorded.get(tableName(table)) === structureOf(table);
}

/** Without whether it is sure. */
export function plainStructure(recorded: string): string {
  return isSupposed(recorded) ? recorded.slice(SUPPOSED.length) : recorded;
}
