/**
 * What lies between two definitions of a table, for rows of before that are still on their way to it from elsewhere: what
 * stands in such a row's way, and what the rows that were there got in columns that are new.
 *
 * Rule kept: whatever a definition may say that is not understood here is an obstacle. Types and keys are not looked at but
 * for what only the text says: `replication/both-ways.ts` judges them by the shapes.
 */
import { isAmong } from '../model/column-names.ts';
import type { DefinitionStep, PastTable } from '../model/ports.ts';
import { constantDefault } from './alter-table.ts';
import { type CreateParts, type Part, partsOf } from './create-parts.ts';
import { endOf, keyOf, wordsOf } from './create-words.ts';
import { blurredDefault } from './printed-defaults.ts';
import { blurredMembers } from './printed-members.ts';
import { quoteName } from './sql.ts';

/** @param floats see `StatementHistory` */
export function definitionStep(
  before: PastTable,
  after: PastTable,
  floats: Readonly<Record<string, number>> = {},
): DefinitionStep {
  const [was, is] = [partsOf(before.create), partsOf(after.create)];
  if (was === null || is === null) return step('its definition has a part that is not known here');
  if (was.partitions !== is.partitions) return step('it changes partitions');
  const obstacle = keys(was, is) ?? constraints(was, is);
  if (obstacle !== null) return step(obstacle);
  const added: Record<string, string> = {};
  for (const { name, line } of is.columns) {
    const old = was.columns.find((column) => column.name === name);
    const members = old?.line === line ? null : blurredMembers(line, is.options);
    if (members !== null) return step(`column ${name} ${members}`);
    if (old !== undefined) {
      const found = old.line === line ? null : sameNature(name, old.line, line);
      if (found !== null) return step(found);
      continue;
    }
    const said = Object.entries(floats).find(([column]) => isAmong([column], name))?.[1];
    const { obstacle: found, value } = newColumn(name, line, said);
    if (found !== null) return step(found);
    added[name] = value;
  }
  const gone = was.columns.find(({ name }) => !is.columns.some((column) => column.name === name));
  return gone === undefined ? { obstacle: null, added } : step(`column ${gone.name} is not there any more`);
}

function step(obstacle: string): DefinitionStep {
  return { obstacle, added: {} };
}

/** Keys that take each value once say which rows are in each other's way. */
function keys(was: CreateParts, is: CreateParts): string | null {
  for (const { name } of [...was.keys, ...is.keys]) {
    const [old, now] = [was.keys, is.keys].map((parts) => parts.find((part) => part.name === name)?.line);
    if (old === now || ![old, now].some((line) => line !== undefined && /^(PRIMARY|UNIQUE) /.test(line))) continue;
    return name === 'PRIMARY' ? 'it changes the primary key' : `it changes unique key ${name}`;
  }
  return null;
}

function constraints(was: CreateParts, is: CreateParts): string | null {
  const differs = (one: readonly Part[], other: readonly Part[]): Part | undefined =>
    one.find(({ line }) => !other.some((part) => part.line === line));
  const foreign = differs(was.foreignKeys, is.foreignKeys) ?? differs(is.foreignKeys, was.foreignKeys);
  if (foreign !== undefined) return `it changes foreign key ${foreign.name}`;
  const check = differs(is.checks, was.checks);
  return check === undefined ? null : `rows on their way may not pass check ${check.name}`;
}

const GENERATED = ['AS', 'GENERATED'];

/** Whether what a column does by itself is as it was. */
function sameNature(name: string, was: string, is: string): string | null {
  const [old, now] = [wordsOf(was), wordsOf(is)];
  if (GENERATED.some((key) => has(old, key) || has(now, key))) return `it changes generated column ${name}`;
  if (onUpdate(old) !== onUpdate(now)) return `it changes what column ${name} becomes by an update`;
  if (has(old, 'AUTO_INCREMENT') !== has(now, 'AUTO_INCREMENT')) return `it changes the numbering of column ${name}`;
  if (has(old, 'INVISIBLE') !== has(now, 'INVISIBLE')) return `it shows or hides column ${name}`;
  const check = checkOf(now);
  return check === '' || check === checkOf(old) ? null : `rows on their way may not pass the check of column ${name}`;
}

function newColumn(
  name: string,
  line: string,
  said: number | undefined,
): { readonly obstacle: string | null; readonly value: string } {
  const words = wordsOf(line);
  const refuse = (why: string): { obstacle: string; value: string } => ({ obstacle: why, value: 'NULL' });
  if (GENERATED.some((key) => has(words, key))) return refuse(`the new column ${name} is generated`);
  if (onUpdate(words) !== '') return refuse(`the new column ${name} gets another value with every update`);
  if (has(words, 'INVISIBLE')) return refuse(`the new column ${name} is invisible`);
  const check = checkOf(words);
  if (check !== '' && check !== `json_valid(${quoteName(name)})`) return refuse(`the new column ${name} has a check`);
  const blurred = blurredDefault(line, said);
  if (blurred !== null) return refuse(`the new column ${name} has a default ${blurred}`);
  const value = constantDefault(line);
  if (value === null) return refuse(`the new column ${name} has a default that is reckoned, or is numbered`);
  if (value !== undefined) {
    const timed = value.toUpperCase() !== 'NULL' && /^`(?:[^`]|``)*` timestamp\b/i.test(line);
    return timed ? refuse(`the new column ${name} has a time of a zone for default`) : { obstacle: null, value };
  }
  if (endsIn(words, 'NOT', 'NULL')) return refuse(`the new column ${name} takes no NULL and has no default`);
  return { obstacle: null, value: 'NULL' };
}

function has(words: readonly string[], key: string): boolean {
  return words.some((word) => keyOf(word) === key);
}

function endsIn(words: readonly string[], ...keys: readonly string[]): boolean {
  return words.some((_, at) => endOf(words, at, ...keys) >= 0);
}

/** What stands behind ON UPDATE, empty where nothing does. */
function onUpdate(words: readonly string[]): string {
  const at = words.findIndex((_, index) => endOf(words, index, 'ON', 'UPDATE') >= 0);
  return at < 0
    ? ''
    : words
        .slice(at)
        .join('')
        .replace(/\s+COMMENT\s.*$/is, '');
}

/** What stands between the brackets of a column's own CHECK, and everything behind it; empty where there is none. */
function checkOf(words: readonly string[]): string {
  const at = words.findIndex((word) => keyOf(word) === 'CHECK');
  if (at < 0) return '';
  const text = words
    .slice(at + 1)
    .join('')
    .trim();
  return text.startsWith('(') && text.endsWith(')') ? text.slice(1, -1) : text;
}
