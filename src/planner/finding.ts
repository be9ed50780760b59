/** What the analyzers, a topology's own rules, and waivers of what its files were found to have, say about a plan. */
import type { Code } from '../model/codes.ts';
import type { Source } from './change.ts';

export type FindingSeverity = 'error' | 'warning';

export interface Finding {
  readonly code: Code;
  /** Of the topology's own rules: its name. */
  readonly rule: string | null;
  readonly severity: FindingSeverity;
  readonly address: string;
  /** A sentence without a full stop. */
  readonly message: string;
  readonly source: Source | null;
  /** It is let pass until that day, and why. */
  readonly waived: { readonly until: string; readonly reason: string } | null;
  /** A waiver that let it pass until that day, which is over. */
  readonly lapsed: string | null;
}
