/** What a guard refuses, for a person. */
import type { Code } from '../model/codes.ts';

export interface Refusal {
  readonly code: Code;
  readonly message: string;
  readonly hint?: string | undefined;
}
