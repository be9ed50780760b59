/** Whether the parts of a conflict rule go together, so that every conflict has one answer. */
import { isAmong } from '../model/column-names.ts';
import type { ConflictPolicy, ConflictSpec, TableSpec } from '../model/topology.ts';
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';
import { locate } from './tree.ts';

interface Problem {
  readonly key: keyof ConflictSpec;
  readonly summary: string;
  readonly detail: string;
}

interface Where {
  readonly mesh: boolean;
  readonly databases: number;
  /** The channel's own policy; for the channel's rule the same. */
  readonly channel: ConflictPolicy;
}

/** @param base the path of the rule. What is not written there, but comes from the channel, is told there. */
export function checkRule({ root, report }: Checked, conflict: ConflictSpec, where: Where, base: Path): void {
  const isWritten = (path: Path): boolean => locate(root, path).depth === path.length;
  if (!isWritten(base)) return;
  const problems = [
    ...problemsOf(conflict),
    ...(where.mesh ? meshProblemsOf(conflict) : []),
    ...manualProblemsOf(conflict, where),
  ];
  for (const { key, summary, detail } of problems) {
    const path = [...base, key];
    report({ code: 'OT1049', summary, detail, path: isWritten(path) ? path : base, at: 'key' });
  }
}

/** Columns that the rule names must travel. */
export function checkRuleColumns(
  { root, report }: Checked,
  table: TableSpec,
  conflict: ConflictSpec,
  base: Path,
): void {
  const { only, omit } = table.columns;
  const stays = (name: string): boolean => isAmong(omit, name) || (only !== null && !isAmong(only, name));
  const named = [
    ['by', conflict.by === null ? [] : [conflict.by]] as const,
    ['groups', conflict.groups.flat()] as const,
  ];
  for (const [key, columns] of [...named, ['counters', conflict.counters] as const]) {
    const column = columns.find(stays);
    if (column === undefined) continue;
    const path = [...base, 'conflict', key];
    report({
      code: 'OT1049',
      summary: `\`${key}\` names \`${column}\`, which does not travel`,
      detail: 'A column that is left out is not there to be compared.',
      path: locate(root, path).depth === path.length ? path : base,
      at: 'key',
    });
  }
}

/** Where every site decides by itself, all must come to the same from whatever has arrived in whatever order. */
function meshProblemsOf({ by, merge, counters }: ConflictSpec): Problem[] {
  const star = 'Every site decides by itself here, from what has arrived in whatever order: use `shape: star`.';
  return [
    ...(by === null ? [] : [{ key: 'by' as const, summary: '`by` cannot be kept in a mesh', detail: star }]),
    ...(merge === 'row'
      ? []
      : [{ key: 'merge' as const, summary: '`merge: column` cannot be kept in a mesh', detail: star }]),
    ...(counters.length === 0
      ? []
      : [{ key: 'counters' as const, summary: '`counters` cannot be kept in a mesh', detail: star }]),
  ];
}

/** What waits for a person waits at two sites, as whole rows. */
function manualProblemsOf({ policy, merge, counters }: ConflictSpec, { databases, channel }: Where): Problem[] {
  if (policy !== channel && (policy === 'manual' || channel === 'manual')) {
    const detail =
      'Under `manual` both sites decide and keep what waits, under the others one site does: give these tables a channel of their own.';
    return [{ key: 'policy', summary: '`manual` is for all tables of a channel, or for none', detail }];
  }
  if (policy !== 'manual') return [];
  const problems: Problem[] = [];
  if (databases > 2) {
    const detail =
      'A decision at one site closes what waits at the other; of three, two could be decided otherwise. Use `site-priority` or `last-write-wins`, or a channel for two of them.';
    problems.push({ key: 'policy', summary: `\`manual\` is for two databases, and there are ${databases}`, detail });
  }
  const rows = 'What waits for a person is a whole row: nothing is merged before somebody has looked at it.';
  if (merge !== 'row')
    problems.push({ key: 'merge', summary: '`merge: column` has no meaning under `manual`', detail: rows });
  if (counters.length > 0)
    problems.push({ key: 'counters', summary: '`counters` cannot be kept under `manual`', detail: rows });
  return problems;
}

function problemsOf({ policy, by, merge, groups, counters }: ConflictSpec): Problem[] {
  const problems: Problem[] = [];
  const add = (key: keyof ConflictSpec, summary: string, detail: string): void => {
    problems.push({ key, summary, detail });
  };
  if (by !== null && policy !== 'last-write-wins')
    add('by', `\`by\` has no meaning under \`${policy}\``, 'Only `last-write-wins` asks which write was later.');
  if (groups.length > 0 && merge !== 'column')
    add('groups', '`groups` have no meaning without `merge: column`', 'Row by row all columns are one group.');
  if (by !== null && isAmong(counters, by))
    add('counters', `\`${by}\` cannot both tell the time and add up`, 'Take it out of `by` or of `counters`.');
  const both = counters.find((column) => groups.some((group) => isAmong(group, column)));
  if (both !== undefined)
    add(
      'counters',
      `\`${both}\` is in a group and a counter`,
      'What adds up is neither won nor lost; take it out of the group.',
    );
  return problems;
}
