/** What is said of a finding beside its summary. */
import type { Diagnostic } from '../model/diagnostic.ts';

/** The detail and what `--fix` would do, a line each: a guess that is the fix is not said twice. */
export function moreOf({ detail, fix }: Pick<Diagnostic, 'detail' | 'fix'>): string[] {
  const rest = fix === undefined ? detail : detail.replace(/^Did you mean `[^`]*`\? ?/, '');
  return [...(rest === '' ? [] : rest.split('\n')), ...(fix === undefined ? [] : [`help: ${fix.title}`])];
}
