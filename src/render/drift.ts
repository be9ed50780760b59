/** Differences between what is declared, applied and there, as text and as JSON. */
import type { Difference } from '../planner/drift.ts';
import { printable } from './width.ts';

export interface DriftReport {
  readonly topology: string;
  readonly serial: number;
  readonly differences: readonly Difference[];
  /** How many databases were asked; null: they were not to be. */
  readonly asked: number | null;
  /** Whether files were compared, and not a name only given. */
  readonly files: boolean;
  /** Databases of channels that are on which no node owns: nothing is reported of what runs into them. */
  readonly unowned: readonly string[];
}

const TITLES: readonly (readonly [Difference['class'], string])[] = [
  ['declared', 'The files and what was applied:'],
  ['reported', 'What nodes report and what was applied:'],
  ['database', 'The databases and what runs on them:'],
];

export function driftText(report: DriftReport, colour: boolean): string {
  const { differences } = report;
  if (differences.length === 0) return noDrift(report);
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

/** Only what was looked at is said to be as it was applied. */
function noDrift({ topology, serial, asked, files, unowned }: DriftReport): string {
  const looked = [...(files ? ['files'] : []), 'nodes', ...(asked === null ? [] : ['databases'])];
  const list = looked.length < 2 ? looked.join('') : `${looked.slice(0, -1).join(', ')} and ${looked.at(-1)}`;
  const databases =
    asked === null ? 'databases were not asked' : `${asked} ${asked === 1 ? 'database was' : 'databases were'} asked`;
  const away =
    unowned.length === 0 ? '' : ` No node owns ${unowned.join(', ')}, so nothing is reported of what runs there.`;
  return `No drift. ${topology} (serial ${serial}): ${list} are as it was applied; ${databases}.${away}\n`;
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

export function driftJson({ topology, serial, differences, asked, unowned }: DriftReport): string {
  const drift = differences.filter(({ kind }) => kind !== 'unknown');
  const unknown = differences
    .filter(({ kind }) => kind === 'unknown')
    .map(({ address, message }) => ({ address, message }));
  const told = { format_version: '1.0', topology, serial, databases_asked: asked, unowned, drift, unknown };
  return JSON.stringify(told, null, 2);
}
