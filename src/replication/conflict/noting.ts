/** What the index keeps of a change in the serialiser's log, as the rule of its table asks for. */
import type { ConflictRule } from '../../model/pipeline.ts';
import type { LoggedAnswer, RowChange } from '../../model/row.ts';
import type { LockKeys } from './keys.ts';
import type { Noted, RecentWrites } from './recent.ts';
import { type Stamp, stampOf } from './stamp.ts';

/** Whether it matters which of several unseen writes of a key was later, or what columns they wrote. */
export function needsAll(rule: ConflictRule): boolean {
  return rule.policy !== 'site-priority' || merges(rule);
}

function merges({ merge, counters }: ConflictRule): boolean {
  return merge === 'column' || counters.length > 0;
}

/** @param clock commit time in microseconds, or the stamp that the write was given elsewhere */
export function notedOf(change: RowChange, rule: ConflictRule, clock: number | Stamp, keys: LockKeys): Noted {
  const { table } = change;
  const before = change.kind === 'insert' ? null : change.before;
  const after = change.kind === 'delete' ? null : change.after;
  const by = rule.by === null ? -1 : table.columns.findIndex(({ name }) => isSame(name, rule.by!));
  const stamp = typeof clock === 'number' ? stampOf(clock, by < 0 ? null : by, before, after) : clock;
  const inPlace =
    merges(rule) && before !== null && after !== null && keys.row(table, before) === keys.row(table, after);
  const columns = inPlace
    ? new Set(table.columns.flatMap(({ name }, index) => (before[index] === after[index] ? [] : [name])))
    : null;
  return { stamp, columns, all: needsAll(rule) };
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

const NO_TIME: Stamp = { order: 0, clock: 0 };

/** Notes an answer: what the spoke's changes lost there is the serialiser's until it has seen it. */
export function noteAnswer(
  recent: RecentWrites,
  gtid: string,
  { locks, lost, won }: Pick<LoggedAnswer, 'locks' | 'lost' | 'won'>,
  rule: ConflictRule,
): void {
  const common = { stamp: NO_TIME, all: needsAll(rule) };
  recent.note(gtid, 'answer', locks, { ...common, columns: lost });
  if (won === null || won.size > 0) recent.note(gtid, 'settled', locks, { ...common, columns: won });
}
