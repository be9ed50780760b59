/** Which tables entries mean, as text for people. */
import type { MatchedEntry, TablesReport } from '../model/status.ts';
import { printable } from './width.ts';

export function renderTables({ topology, serial, channels, away }: TablesReport): string {
  const lines = [`${topology}  serial ${serial}`];
  for (const { name, entries } of channels) {
    lines.push('', `channel ${name}`);
    for (const entry of entries) lines.push(...entryLines(entry));
  }
  if (away.length > 0) lines.push('');
  for (const { database, code, message } of away)
    lines.push(`${database} was not asked: ${code}: ${printable(message)}`);
  return `${lines.join('\n')}\n`;
}

function entryLines({ from, to, tables }: MatchedEntry): string[] {
  const head = `  ${printable(from)}${to === from ? '' : ` -> ${printable(to)}`}`;
  if (tables.length === 0) return [`${head}: no table`];
  const width = Math.max(...tables.map(({ database }) => database.length));
  return [
    head,
    ...tables.map(({ database, table, target }) => {
      const goes = target === table ? '' : ` -> ${printable(target)}`;
      return `    ${database.padEnd(width)}  ${printable(table)}${goes}`;
    }),
  ];
}
