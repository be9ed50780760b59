/** Conflicts for people: a line each, or one side by side; and as JSON. Values are shown as the SQL literals that write them. */
import type { LoggedConflict, NamedImage } from '../model/conflict.ts';
import type { ConflictJson } from '../model/conflict-json.ts';
import { tableName, type Value } from '../model/row.ts';
import { clip, displayWidth, printable, wrap } from './width.ts';

export type FoundConflict = LoggedConflict & { readonly database: string };

const WIDTH = 80;
const KEY_WIDTH = 24;
const NAME_WIDTH = 20;
/** Longer values are for `--json`. */
const VALUE_LINES_MAX = 12;

export interface ListOptions {
  /** Databases whose logs were read. */
  readonly asked: readonly string[];
  readonly limit: number;
  readonly colour: boolean;
}

export function renderConflicts(found: readonly FoundConflict[], { asked, limit, colour }: ListOptions): string {
  if (found.length === 0) return asked.length === 0 ? '' : `No such conflict in the log of ${asked.join(', ')}.\n`;
  const heads = ['ID', 'DECIDED (UTC)', 'TABLE', 'KEY', 'KIND', 'WINNER', 'DECIDED BY'];
  const cells = found.map((one) => [
    idOf(one),
    timeOf(one.decidedMs),
    printable(tableName(one.table)),
    clip(keyText(one.key), 0, 0, KEY_WIDTH).text,
    one.kind,
    one.state === 'open' ? 'open' : one.winner,
    printable(one.rule),
  ]);
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => displayWidth(row[i]!))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => padded(cell, widths[i]!))
      .join('  ')
      .trimEnd();
  const lines = [colour ? `\u001b[2m${line(heads)}\u001b[0m` : line(heads), ...cells.map(line)];
  const more = found.length < limit ? [] : [`Not more than ${limit} are shown; --limit shows more.`];
  return `${[...lines, '', ...more, `One side by side: otter conflicts show ${idOf(found[0]!)}`].join('\n')}\n`;
}

/** Fits into 80 columns. */
export function renderConflict(one: FoundConflict, { colour }: { readonly colour: boolean }): string {
  const facts: [name: string, fact: string][] = [
    ['table', `${tableName(one.table)}, ${keyText(one.key)}`],
    [one.state === 'decided' ? 'decided' : 'parked', `${timeOf(one.decidedMs)} UTC at ${one.database}`],
    ...(one.state === 'decided' ? [] : [['state', stateOf(one)] as [string, string]]),
    ['winner', one.state === 'open' ? `none yet, by ${one.rule}` : `${one.winner}, by ${one.rule}`],
    ['incoming', `by ${one.pipeline}, ${transaction(one.incomingGtid, one.incomingMs)}`],
    ['here', transaction(one.localGtid, null)],
    ...(one.state === 'decided' ? [['had seen', one.token ?? 'nothing of this database'] as [string, string]] : []),
    ...(one.incomingClock === null && one.localClock === null
      ? []
      : [['versions', `incoming ${one.incomingClock ?? '-'}, here ${one.localClock ?? '-'}`] as [string, string]]),
  ];
  const lines = [
    `${idOf(one)}  ${one.kind}`,
    ...facts.flatMap(([name, fact]) =>
      wrap(printable(fact), WIDTH - 12).map((part, i) => `  ${(i === 0 ? name : '').padEnd(10)}${part}`),
    ),
    '',
    ...(one.images === 'none' ? ['The rows were not kept: `conflict.log` of the table says so.'] : sides(one, colour)),
    ...(one.state === 'open'
      ? ['', `To decide: otter conflicts resolve ${idOf(one)} --take incoming|local|base|FILE`]
      : []),
    ...(one.images === 'cut' ? ['', 'Long values were cut when they were recorded.'] : []),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** A table of columns; `*` stands before what is not as it was, or without a base, before what differs. */
function sides({ incoming, local, base }: FoundConflict, colour: boolean): string[] {
  const names = [...new Set([incoming, local, base].flatMap((image) => Object.keys(image ?? {})))];
  const nameWidth = Math.min(NAME_WIDTH, Math.max(6, ...names.map((name) => displayWidth(printable(name)))));
  const width = Math.floor((WIDTH - nameWidth - 9) / 3);
  const line = (name: string, cells: readonly (readonly [text: string, marked: boolean])[]): string =>
    padded(name, nameWidth) +
    cells
      .map(([text, marked]) => {
        const cell = ` ${marked ? '*' : ' '} ${padded(text, width)}`;
        return marked && colour ? `\u001b[33m${cell}\u001b[0m` : cell;
      })
      .join('');
  const head = (['INCOMING', 'HERE', 'BASE'] as const).map((title, i) => {
    const none = [incoming, local, base][i] === null;
    return [none ? `${title} (no row)` : title, false] as const;
  });
  return [
    line('COLUMN', head),
    ...names.flatMap((name) => {
      const from = base === null ? [local, incoming] : [base, base];
      const images = [incoming, local, base];
      const marks = [differs(incoming, from[0]!, name), differs(local, from[1]!, name), false];
      const cells = images.map((image) => lines(image, name, width));
      const title = wrap(printable(name), nameWidth);
      const height = Math.max(title.length, ...cells.map((cell) => cell.length));
      return Array.from({ length: height }, (_, row) =>
        line(
          title[row] ?? '',
          cells.map((cell, i) => [cell[row] ?? '', row === 0 && marks[i]!] as const),
        ),
      );
    }),
  ];
}

function differs(image: NamedImage | null, other: NamedImage | null, name: string): boolean {
  if (image === null || other === null || !Object.hasOwn(image, name) || !Object.hasOwn(other, name)) return false;
  return image[name] !== other[name];
}

/** Nothing where the row is not there, or says nothing of the column. */
export function lines(image: NamedImage | null, name: string, width: number): readonly string[] {
  if (image === null || !Object.hasOwn(image, name)) return [];
  const all = wrap(printable(literal(image[name]!)), width);
  return all.length <= VALUE_LINES_MAX
    ? all
    : [...all.slice(0, VALUE_LINES_MAX - 1), '… (--json has it all)'.slice(0, width)];
}

function literal(value: Value): string {
  return value ?? 'NULL';
}

/** @param rows also the rows, and what had been seen */
export function conflictJson(one: FoundConflict, rows: boolean): ConflictJson {
  return {
    id: idOf(one),
    database: one.database,
    channel: one.channel,
    pipeline: one.pipeline,
    table: tableName(one.table),
    key: one.key,
    kind: one.kind,
    winner: one.winner,
    rule: one.rule,
    state: one.state,
    decided: isoOf(one.decidedMs),
    ...(one.resolvedMs === null ? {} : { resolved: isoOf(one.resolvedMs), resolved_by: one.resolvedBy }),
    incoming_transaction: one.incomingGtid,
    incoming_committed: one.incomingMs === null ? null : isoOf(one.incomingMs),
    incoming_clock: one.incomingClock,
    local_transaction: one.localGtid,
    local_clock: one.localClock,
    images: one.images,
    ...(rows ? { token: one.token, incoming: one.incoming, local: one.local, base: one.base } : {}),
  };
}

function idOf({ database, id }: FoundConflict): string {
  return `${database}:${id}`;
}

export function keyText(key: NamedImage): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${literal(value)}`)
    .join(', ');
}

function stateOf({ state, resolvedMs, resolvedBy }: FoundConflict): string {
  if (state === 'open' || resolvedMs === null) return state === 'open' ? 'open: waits for a decision' : state;
  return `resolved ${timeOf(resolvedMs)} UTC, ${resolvedBy ?? ''}`;
}

function transaction(gtid: string | null, committedMs: number | null): string {
  if (gtid === null) return 'no write is known';
  return `transaction ${gtid}${committedMs === null ? '' : `, committed ${timeOf(committedMs)} UTC`}`;
}

function timeOf(ms: number): string {
  return isoOf(ms).slice(0, 19).replace('T', ' ');
}

/** Whatever a clock said. */
function isoOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.valueOf()) ? String(ms).padEnd(19) : date.toISOString();
}

export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}
