/**
 * Values of MySQL's type JSON as literals.
 *
 * Rule kept: what the server prints of a value (`CAST(v AS CHAR)`) is what it prints of the value that comes of the
 * literal, and every scalar in it has the type that it had. Most values are written as that text. Decimals, times and
 * bytes are not: read back, 1.10 would become the double 1.1, and a time a string. A value that has such is written as
 * an expression which makes it, for MySQL, beside its text, for MariaDB, each in comments that only one family executes.
 */
import { OtterError } from '../model/error.ts';
import { quoteText } from './literal.ts';

/** A value, or a part of one: its text alone where that says all; else also the expression that makes it. */
export type JsonPart = string | MadeJson;

export interface MadeJson {
  readonly text: string;
  readonly made: string;
}

/** Types of bytes in JSON, by the numbers that `base64:typeN:` shows: those of a VARBINARY, which a literal in SQL has. */
const VARBINARY = 15;

export function jsonLiteral(part: JsonPart): string {
  if (typeof part === 'string') return quoteText(part);
  // A number or time of SQL is no JSON by itself.
  const made = part.made.startsWith('JSON_') ? part.made : `JSON_EXTRACT(JSON_ARRAY(${part.made}),'$[0]')`;
  return `/*M!_utf8mb4 x'${hex(part.text)}'*//*!50708 ${made}*/`;
}

export function jsonArray(elements: readonly JsonPart[]): JsonPart {
  const text = `[${elements.map(textOf).join(', ')}]`;
  return elements.every(isText) ? text : { text, made: `JSON_ARRAY(${elements.map(madeOf).join(',')})` };
}

/** @param keys quoted, as `jsonString` makes them */
export function jsonObject(keys: readonly string[], values: readonly JsonPart[]): JsonPart {
  const text = `{${values.map((value, i) => `${keys[i]!}: ${textOf(value)}`).join(', ')}}`;
  if (values.every(isText)) return text;
  const pairs = values.map((value, i) => `${sqlText(JSON.parse(keys[i]!) as string)},${madeOf(value)}`);
  return { text, made: `JSON_OBJECT(${pairs.join(',')})` };
}

/** As the server quotes: the short escapes where there are some, `\u00xx` for other control characters, no others. */
export function jsonString(value: string): string {
  // JSON.stringify does the same, but for DEL and beyond, where neither escapes, and lone surrogates, which UTF-8 has not.
  return JSON.stringify(value);
}

/** @param text as the server prints it, with the digits behind the point that it has */
export function jsonDecimal(text: string): MadeJson {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const digits = Math.max(whole.replace(/^0+/, '').length + fraction.length, 1);
  return { text, made: `CAST(${text} AS DECIMAL(${Math.max(digits, fraction.length)},${fraction.length}))` };
}

/** @param text as the server prints it, without quotes: the longest form there is */
export function jsonTime(type: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP', text: string): MadeJson {
  const quoted = `"${text}"`;
  if (type === 'DATE') return { text: quoted, made: `CAST('${text}' AS DATE)` };
  // CAST makes no TIMESTAMP; otter's sessions are in UTC, as what is printed.
  if (type === 'TIMESTAMP')
    return {
      text: quoted,
      made: `(SELECT t.v FROM JSON_TABLE('["${text}"]','$[0]' COLUMNS(v TIMESTAMP(6) PATH '$')) AS t)`,
    };
  return { text: quoted, made: `CAST('${text}' AS ${type}(6))` };
}

/** @throws OtterError OT4040 for bytes of a kind that no expression makes */
export function jsonBytes(type: number, bytes: Buffer): MadeJson {
  if (type !== VARBINARY) throw strange(`bytes of type ${type} (a BLOB, BINARY or BIT)`);
  // The server breaks the lines of base64.
  const lines = bytes.toString('base64').replace(/.{76}(?=.)/g, '$&\\n');
  return { text: `"base64:type${type}:${lines}"`, made: `x'${bytes.toString('hex')}'` };
}

export function strange(what: string): OtterError {
  return new OtterError('OT4040', `a JSON value has ${what}, which cannot be carried exactly yet`, {
    hint: 'make the value another one, or leave the column out of the channel',
  });
}

function isText(part: JsonPart): part is string {
  return typeof part === 'string';
}

function textOf(part: JsonPart): string {
  return typeof part === 'string' ? part : part.text;
}

/** Hexadecimal, since what stands in a comment may not hold its end. */
function madeOf(part: JsonPart): string {
  return typeof part === 'string' ? `CAST(${sqlText(part)} AS JSON)` : part.made;
}

function sqlText(text: string): string {
  return `_utf8mb4 x'${hex(text)}'`;
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
