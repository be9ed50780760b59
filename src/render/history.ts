/** What was applied and by whom, as text: the list of serials, one of them, what differs between two, and the audit. */
import type { AuditRecord, HistoryRecord } from '../model/records.ts';
import type { Change } from '../planner/change.ts';
import { symbolOf, valueText } from './text.ts';
import { printable } from './width.ts';

export type ShownChange = Pick<Change, 'address' | 'actions' | 'attributes'>;

/** A line per serial, ending in line ends. */
export function renderHistory(records: readonly HistoryRecord[]): string {
  const rows = records.map((record) => {
    const { serial, at, by, summary } = record;
    const count = `+${summary.add} ~${summary.change} -${summary.destroy}`;
    return [String(serial), at, by, count, record.operation ?? '', commitText(record) ?? ''];
  });
  const widths = [0, 1, 2, 3, 4].map((n) => Math.max(0, ...rows.map((row) => printable(row[n]!).length)));
  return rows
    .map((row) => {
      const cells = row.map((cell, n) => {
        const text = printable(cell);
        return n === 0 ? text.padStart(Math.max(4, widths[0]!)) : text.padEnd(widths[n] ?? 0);
      });
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** Seven letters of it, and whether there was more than it has. */
function commitText({ commit, dirty }: HistoryRecord): string | null {
  return commit === null ? null : `${commit.slice(0, 7)}${dirty === true ? ' and uncommitted changes' : ''}`;
}

/** One serial with what it changed; without a plan its addresses. */
export function renderSerial(record: HistoryRecord, changes: readonly ShownChange[] | null): string {
  const { serial, at, by, host, author, commit, dirty, planDigest, operation, summary, addresses } = record;
  const where = host === undefined ? '' : ` on ${host}`;
  const person = author == null ? '' : `\nAuthor ${author}`;
  const commits = commit === null ? '' : `, commit ${commit}${dirty === true ? ' with uncommitted changes' : ''}`;
  const head = `Serial ${serial}, applied ${at} by ${by}${where}${commits}${person}\n`;
  const what = operation === undefined || operation === 'apply' ? '' : `By otter ${operation}\n`;
  const list =
    changes === null ? addresses.map((address) => `  ${printable(address)}\n`).join('') : changesText(changes);
  const count = `${summary.add} added, ${summary.change} changed, ${summary.destroy} destroyed:\n`;
  return `${head.split('\n').map(printable).join('\n')}${what}Plan ${planDigest}\n${count}${list}`;
}

/** What differs between two serials. */
export function renderDifferences(from: number, to: number, changes: readonly ShownChange[]): string {
  if (changes.length === 0) return `Serials ${from} and ${to} declare the same.\n`;
  return `From serial ${from} to serial ${to}:\n\n${changesText(changes)}`;
}

/** Objects, and below each its attributes, as a plan shows them. */
export function changesText(changes: readonly ShownChange[]): string {
  return changes
    .map((change) => {
      const symbol = symbolOf(change as Change);
      const head = `  ${symbol} ${printable(change.address)}\n`;
      if (symbol === '-') return head;
      const lines = change.attributes.map(({ path, action, before, after }) => {
        const sign = action === 'add' ? '+' : action === 'remove' ? '-' : '~';
        const value =
          action === 'add'
            ? valueText(after)
            : action === 'remove'
              ? valueText(before)
              : `${valueText(before)} -> ${valueText(after)}`;
        return `      ${sign} ${printable(path)} = ${value}\n`;
      });
      return `${head}${lines.join('')}`;
    })
    .join('');
}

/** A line per command, ending in line ends. */
export function renderAudit(records: readonly AuditRecord[]): string {
  const ends = (record: AuditRecord): string => {
    if (record.result === 'begun') return 'begun, and not ended';
    return record.code === null ? record.result : `${record.result} (${record.code})`;
  };
  return records
    .map((record) => {
      const { at, by, host, command, what } = record;
      return `${printable(`${at}  ${by}@${host}  ${command}: ${what}: ${ends(record)}`)}\n`;
    })
    .join('');
}
