/**
 * Operational errors: something outside the program went wrong and a person may have to act.
 *
 * Findings about a user's files are values (`diagnostic.ts`); bugs are assertions. Every code is in `codes.ts`, which is
 * what `otter explain` prints. Row values and secrets never enter a message.
 */
import type { Code } from './codes.ts';

/** Whether the same attempt may succeed later without anyone doing anything. */
export type Retry = 'backoff' | 'never';

export interface ErrorFacts {
  /** What to type or change; one sentence. */
  readonly hint?: string | undefined;
  /** Where: channel, pipeline, table, row key, position, file. Never a value of a non-key column. */
  readonly where?: Readonly<Record<string, string | number>> | undefined;
  readonly retry?: Retry | undefined;
  readonly cause?: unknown;
}

export class OtterError extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly where: Readonly<Record<string, string | number>>;
  readonly retry: Retry;

  constructor(code: Code, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'OtterError';
    this.code = code;
    this.hint = facts.hint;
    this.where = facts.where ?? {};
    this.retry = facts.retry ?? 'never';
  }
}

/** A `switch` that should have been complete was not: a bug. */
export class UnreachableError extends Error {
  constructor(value: never) {
    super(`unreachable: ${JSON.stringify(value)}`);
    this.name = 'UnreachableError';
  }
}

/** A one-line text of anything thrown, for places that may only show a line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
