/**
 * Values as they are written in YAML.
 *
 * Rule kept here: what is read back is what was given, also where commas and brackets are signs of their own.
 */
import type { ScalarTree } from './tree.ts';

/** Words that are something else than text, in this version of YAML or in the one before. */
const OTHER_WORDS = /^(?:~|null|true|false|yes|no|on|off|y|n|\.inf|\.nan)$/i;
const SAFE = /^[A-Za-z_/][\w./*<>=+%@-]*$/;

/** A text without quotes where it may have none, else in double quotes. */
export function asPlain(text: string): string {
  return SAFE.test(text) && !OTHER_WORDS.test(text) ? text : JSON.stringify(text);
}

/** What stands in place of a scalar; `bare`: its quotes stay around it. */
export function asScalar(value: string | number | boolean, before: ScalarTree, bare: boolean): string {
  if (typeof value !== 'string' || bare) return String(value);
  const was = String(before.value);
  const plain =
    before.range.endColumn - before.range.column === was.length && before.range.line === before.range.endLine;
  // What stood without quotes with these signs can do so with the same ones.
  const known =
    plain && [...value.replaceAll(/\w/g, '')].every((sign) => was.includes(sign)) && /^[A-Za-z_]/.test(value);
  return known && !OTHER_WORDS.test(value) ? value : asPlain(value);
}
