/** Dead letters for people: a line each, or one with its row; and as JSON. Values are shown as the SQL literals that write them. */
import type { NamedImage } from '../model/conflict.ts';
import type { ListedLetter, LoggedLetter } from '../model/dead-letter.ts';
import type { LetterJson } from '../model/dead-letter-json.ts';
import { tableName } from '../model/row.ts';
import { lines } from './conflicts.ts';
import { clip, displayWidth, printable, wrap } from './width.ts';

export type Found<T extends ListedLetter = ListedLetter> = T & { readonly database: string };

const WIDTH = 80;
const KEY_WIDTH = 24;
const NAME_WIDTH = 20;
const ERROR_WIDTH = 60;

export function letterId({ database, id }: Pick<Found, 'database' | 'id'>): string {
  return `${database}:${id}`;
}

export function renderLetters(
  found: readonly Found[],
  { asked, limit, colour }: { readonly asked: readonly string[]; readonly limit: number; readonly colour: boolean },
): string {
  if (found.length === 0) return asked.length === 0 ? '' : `No dead letters in ${asked.join(', ')}.\n`;
  const heads = ['ID', 'SET ASIDE (UTC)', 'PIPELINE', 'TABLE', 'KEY', 'CHANGE', 'WHY'];
  const cells = found.map((one) => [
    letterId(one),
    timeOf(one.parkedMs),
    one.pipeline,
    printable(tableName(one.table)),
    clip(keyText(one.key), 0, 0, KEY_WIDTH).text,
    one.kind,
    one.error === null
      ? `waits behind ${one.behind.slice(0, 3).join(', ')}${one.behind.length > 3 ? ', …' : ''}`
      : clip(one.error, 0, 0, ERROR_WIDTH).text,
  ]);
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => displayWidth(row[i]!))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell + ' '.repeat(Math.max(0, widths[i]! - displayWidth(cell))))
      .join('  ')
      .trimEnd();
  const more = found.length < limit ? [] : [`Not more than ${limit} are shown; --limit shows more.`];
  const first = found[0]!;
  const address = first.pipeline.replace('>', ':');
  return `${[
    ...(colour ? [`\u001b[2m${line(heads)}\u001b[0m`] : [line(heads)]),
    ...cells.map(line),
    '',
    ...more,
    `With its row: otter deadletter show ${letterId(first)}`,
    `When the cause is mended: otter deadletter retry ${address}`,
  ].join('\n')}\n`;
}

/** Fits into 80 columns. */
export function renderLetter(one: Found<LoggedLetter>): string {
  const facts: [name: string, fact: string][] = [
    ['table', `${tableName(one.table)}, ${keyText(one.key)}`],
    ['from', `${one.sourceTable} by ${one.pipeline}, transaction ${one.gtid}`],
    ['position', one.position],
    ['set aside', `${timeOf(one.parkedMs)} UTC at ${one.database}`],
    one.error === null
      ? ['waits', `behind ${one.behind.map((id) => letterId({ ...one, id })).join(', ')}`]
      : ['refused', one.error],
  ];
  const names = [...new Set([one.before, one.after].flatMap((image) => Object.keys(image ?? {})))];
  const nameWidth = Math.min(NAME_WIDTH, Math.max(6, ...names.map((name) => displayWidth(printable(name)))));
  const width = Math.floor((WIDTH - nameWidth - 4) / 2);
  const row = (name: string, before: string, after: string): string =>
    [padded(name, nameWidth), padded(before, width), after].join('  ').trimEnd();
  const head = (title: string, image: NamedImage | null): string => (image === null ? `${title} (no row)` : title);
  return `${[
    `${letterId(one)}  ${one.kind}`,
    ...facts.flatMap(([name, fact]) =>
      wrap(printable(fact), WIDTH - 12).map((part, i) => `  ${(i === 0 ? name : '').padEnd(10)}${part}`.trimEnd()),
    ),
    '',
    row('COLUMN', head('BEFORE', one.before), head('AFTER', one.after)),
    ...names.flatMap((name) => {
      const [title, before, after] = [
        wrap(printable(name), nameWidth),
        lines(one.before, name, width),
        lines(one.after, name, width),
      ];
      const height = Math.max(title.length, before.length, after.length);
      return Array.from({ length: height }, (_, i) => row(title[i] ?? '', before[i] ?? '', after[i] ?? ''));
    }),
    '',
    `When the cause is mended: otter deadletter retry ${letterId(one)}`,
    `To give it up: otter deadletter drop ${letterId(one)}`,
  ].join('\n')}\n`;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

function keyText(key: NamedImage): string {
  const parts = Object.entries(key).map(([name, value]) => `${name}=${value ?? 'NULL'}`);
  return parts.length === 0 ? 'without a key' : printable(parts.join(', '));
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** @param rows also the row */
export function letterJson(one: Found<ListedLetter | LoggedLetter>, rows: boolean): LetterJson {
  return {
    id: letterId(one),
    database: one.database,
    channel: one.channel,
    pipeline: one.pipeline,
    table: tableName(one.table),
    key: one.key,
    kind: one.kind,
    transaction: one.gtid,
    position: one.position,
    error: one.error,
    behind: one.behind.map((id) => letterId({ ...one, id })),
    parked: new Date(one.parkedMs).toISOString(),
    ...(rows && 'after' in one ? { before: one.before, after: one.after } : {}),
  };
}
