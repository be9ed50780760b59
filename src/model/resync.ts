/**
 * A request to send rows again, as it stands in `otter.resync` of the database that they are in.
 *
 * Rule kept: what a request says is checked before a server sees it. Keys are literals and nothing else, a condition is an
 * expression of a topology (`expression-parser.ts`), which has no way to another table or to the server.
 */
import { messageOf } from './error.ts';
import { ExpressionProblem, parseExpression } from './expression-parser.ts';
import type { Image } from './row.ts';

export interface ResyncRequest {
  /** Of the row in `otter.resync`. */
  readonly id: number;
  /** Only by this pipeline; null: by every one that has the table. */
  readonly pipeline: string | null;
  /** `schema.table`, here. */
  readonly table: string;
  /** JSON: primary keys, each the SQL literals of its columns in their order; null: not by keys. */
  readonly keys: string | null;
  /** Only rows for which it holds; null, without keys: all of the table. */
  readonly where: string | null;
}

export type ResyncState = 'running' | 'done' | 'refused';

/** How far a pipeline has come with a request. */
export interface ResyncProgress {
  readonly state: ResyncState;
  /** Rows sent, and keys of rows that are not there. */
  readonly rows: number;
  /** Why it is refused, or null. */
  readonly said: string | null;
}

/** Why a request cannot be carried out: for whoever wrote it. */
export class ResyncRefusal extends Error {}

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LITERAL = /^(?:_[a-z0-9]+ )?(?:x'(?:[0-9a-fA-F]{2})*'|'(?:[^'\\]|\\[\s\S]|'')*')$/;

/** @param columns of the primary key. @throws ResyncRefusal */
export function resyncKeys(text: string, columns: number): readonly Image[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ResyncRefusal(`row_keys is no JSON: ${messageOf(error)}`);
  }
  if (!Array.isArray(parsed)) throw new ResyncRefusal('row_keys is no list of keys: write [["42"], ["43"]]');
  return parsed.map((key: unknown) => {
    if (!Array.isArray(key) || key.length !== columns)
      throw new ResyncRefusal(`a key of row_keys is no list of ${columns} literals`);
    return key.map(literal);
  });
}

function literal(value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && (NUMBER.test(text) || LITERAL.test(text))) return text;
  throw new ResyncRefusal(`a value of row_keys is no literal: write "42", "'a text'" or "x'00ff'"`);
}

/** The condition, for a server. @throws ResyncRefusal */
export function resyncCondition(text: string): string {
  try {
    parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionProblem)) throw error;
    throw new ResyncRefusal(`where_sql is not understood: ${error.message} (at character ${error.at + 1})`);
  }
  // Two signs to the one, a comment to the other.
  if (/--/.test(text)) throw new ResyncRefusal('where_sql has `--` in it, which servers take for a comment');
  return text;
}
