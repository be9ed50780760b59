/**
 * What a module named by `process` has as its default export: a function from a row to what travels of it.
 *
 * It is called by the node of the source for copied rows and for both images of what the log brings, so it must be
 * deterministic: an update or delete finds what the insert made only by making it again.
 */

/** A value of which nothing is known but that it is there (JSON, geometry, text that cannot be read): passed on as it is. */
export interface Kept {
  /** The type of its column, as the server prints it. */
  readonly kept: string;
}

/**
 * TINYINT to INT, YEAR, FLOAT and DOUBLE are numbers; BIGINT and BIT are bigints; DECIMAL is a text with all its digits; texts, ENUM
 * and SET are texts; bytes are a Uint8Array; dates and times are texts as SQL writes them, a TIMESTAMP in UTC.
 */
export type ProcessorValue = string | number | bigint | Uint8Array | Kept | null;

/** By the names that the columns have at the target. */
export type ProcessorRow = Readonly<Record<string, ProcessorValue>>;

/** The table at the source. */
export interface ProcessorTable {
  readonly schema: string;
  readonly name: string;
}

/** Null: the row does not travel. Several: all of them do. Not a promise. */
export type Processor = (row: ProcessorRow, table: ProcessorTable) => ProcessorRow | readonly ProcessorRow[] | null;

/** Modules are loaded from folders that are called so. */
export const MODULE_FOLDER = 'otter-processor-';

/** Whether a module threw it outside of its call: in a timer, or in a promise that nobody waits for. */
export function isOfModule(error: unknown): boolean {
  return error instanceof Error && error.stack?.includes(MODULE_FOLDER) === true;
}
