/** Differences between what is declared, applied and there, as text and as JSON. */
import type { Difference } from '../planner/drift.ts';
import { printable } from './width.ts';

export interface DriftReport {
  readonly topology: string;
  readonly serial: number;
  readonly differences: readonly Difference[];
  /** How many databases were asked; null: they were not to be. */
  readonly asked: number | null;
}

const TITLES: readonly (readonly [Difference['class'], string])[] = [
  ['declared', 'The files and what was applied:'],
  ['reported', 'What nodes report and what was applied:'],
  ['database', 'The databases and what runs on them:'],
];

export function driftText({ topology, serial, differences, asked }: DriftReport, colour: boolean): string {
  if (differences.length === 0) {
    const databases =
      asked === null ? 'databases were not asked' : `${asked} ${asked === 1 ? 'database was' : 'databases were'} asked`;
    return `No drift. ${topology} (serial ${serial}): files, nodes and databases are as it was applied; ${databases}.\n`;
  }
  const mark = colour ? '\u001b[35m!\u001b[0m' : '!';
  const blocks = TITLES.flatMap(([kind, title]) => {
    const some = differences.filter((one) => one.class === kind);
    return some.length === 0 ? [] : [`${title}\n\n${some.map((one) => lines(one, mark)).join('')}`];
  });
  const unknown = differences.filter(({ kind }) => kind === 'unknown').length;
  const count = differences.length - unknown;
  const rest = unknown === 0 ? '' : `, ${unknown} not to be told`;
  return `${blocks.join('\n')}\nDrift: ${count} ${count === 1 ? 'difference' : 'differences'}${rest}.\n`;
}

function lines({ address, message, attributes, by }: Difference, mark: string): string {
  const who =
    by === null
      ? ''
      : ` (serial ${by.serial}, ${by.by}, ${by.at}${by.commit === null ? '' : `, commit ${by.commit.slice(0, 12)}`})`;
  const head = `  ${mark} ${printable(`${address}: ${message}${who}`)}\n`;
  const more = attributes.map(({ path, before, after }) => {
    const text = (value: unknown): string => (value === null ? '(nothing)' : JSON.stringify(value));
    return `      ${printable(`${path}: applied ${text(before)}, declared ${text(after)}`)}\n`;
  });
  return head + more.join('');
}

export function driftJson({ topology, serial, differences, asked }: DriftReport): string {
  const drift = differences.filter(({ kind }) => kind !== 'unknown');
  const unknown = differences
    .filter(({ kind }) => kind === 'unknown')
    .map(({ address, message }) => ({ address, message }));
  return JSON.stringify({ format_version: '1.0', topology, serial, databases_asked: asked, drift, unknown }, null, 2);
}
