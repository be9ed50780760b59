/** What `otter verify` found, as text and as JSON. */
import { leftOf, type TableResult } from '../model/comparing.ts';
import type { VerifyJson } from '../model/verify-json.ts';
import { printable } from './width.ts';

export interface VerifyReport {
  readonly topology: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly tables: readonly TableResult[];
}

/** One table, with a line for each difference that is kept. */
export function renderTable(result: TableResult): string {
  const { target, table, skipped, unlooked, unrepaired, differences } = result;
  const head = `  ${printable(`${target} ${table}`)}: ${inWords(result)}\n`;
  const notes = [
    ...(skipped === null || result.rows === 0 ? [] : [`not all of it: ${skipped}`]),
    ...(unlooked === null ? [] : [`rows that only ${target} has were not looked for: ${unlooked}`]),
    ...(unrepaired === null ? [] : [`not all were sent again: ${unrepaired}`]),
  ];
  const keys = differences.map(({ kind, key }) => {
    const text = Object.entries(key).map(([column, value]) => `${column}=${value ?? 'NULL'}`);
    return `${kind.padEnd(9)} ${text.join(', ')}`;
  });
  const more = differing(result) - differences.length;
  const rest = more > 0 && differences.length > 0 ? [`and ${more} more`] : [];
  return head + [...notes, ...keys, ...rest].map((line) => `      ${printable(line)}\n`).join('');
}

/** The last lines. */
export function renderSummary({ tables }: VerifyReport): string {
  if (tables.length === 0) return 'There is no table to compare.\n';
  const rows = sum(tables, ({ rows: one }) => one);
  const left = sum(tables, leftOf);
  const repaired = sum(tables, (one) => one.repaired);
  const busy = sum(tables, (one) => one.busy);
  const skipped = tables.filter((one) => one.skipped !== null).length;
  const parts = [
    left === 0 ? 'nothing differs' : `${rowsOf(left)} ${left === 1 ? 'differs' : 'differ'}`,
    ...(repaired === 0 ? [] : [`${rowsOf(repaired)} repaired`]),
    ...(busy === 0 ? [] : [`${rowsOf(busy)} too busy to tell`]),
    ...(skipped === 0 ? [] : [`${tablesOf(skipped)} not compared, or not to the end`]),
  ];
  return `${tablesOf(tables.length)}, ${rowsOf(rows)}: ${parts.join(', ')}.\n`;
}

export function verifyJson({ topology, startedMs, endedMs, tables }: VerifyReport): VerifyJson {
  const total = (of: (one: TableResult) => number): number => sum(tables, of);
  return {
    format_version: '1.0',
    topology,
    started: new Date(startedMs).toISOString(),
    ended: new Date(endedMs).toISOString(),
    equal: tables.every((one) => leftOf(one) === 0),
    complete: tables.every(({ skipped, unlooked, busy }) => skipped === null && unlooked === null && busy === 0),
    rows: total((one) => one.rows),
    missing: total((one) => one.missing),
    extra: total((one) => one.extra),
    different: total((one) => one.different),
    repaired: total((one) => one.repaired),
    busy: total((one) => one.busy),
    tables,
  };
}

function inWords(result: TableResult): string {
  const { rows, missing, extra, different, repaired, busy, skipped } = result;
  if (skipped !== null && rows === 0) return `not compared: ${printable(skipped)}`;
  const parts = [
    ...(differing(result) === 0 ? ['nothing differs'] : []),
    ...(missing === 0 ? [] : [`${missing} missing`]),
    ...(extra === 0 ? [] : [`${extra} extra`]),
    ...(different === 0 ? [] : [`${different} different`]),
    ...(repaired === 0 ? [] : [`${repaired} of them repaired`]),
    ...(busy === 0 ? [] : [`${busy} too busy to tell`]),
  ];
  return `${rowsOf(rows)}, ${parts.join(', ')}`;
}

function differing({ missing, extra, different }: TableResult): number {
  return missing + extra + different;
}

function sum(tables: readonly TableResult[], of: (one: TableResult) => number): number {
  return tables.reduce((total, one) => total + of(one), 0);
}

function rowsOf(count: number): string {
  return `${count} ${count === 1 ? 'row' : 'rows'}`;
}

function tablesOf(count: number): string {
  return `${count} ${count === 1 ? 'table' : 'tables'}`;
}
