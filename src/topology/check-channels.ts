/**
 * Which databases a channel joins, and whether its conflict rule has one answer for every conflict.
 */

import { rateOf } from '../model/rate.ts';
import { SPEC_BYTES_MAX } from '../model/records.ts';
import { listed, onlyNearest } from '../model/suggest.ts';
import type { ChannelSpec, ConflictSpec } from '../model/topology.ts';
import { checkRule, checkRuleColumns } from './check-conflict.ts';
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';
import { locate, valuePlace } from './tree.ts';

export function checkChannels(checked: Checked): void {
  for (const [name, channel] of Object.entries(checked.topology.channel)) {
    checkEnds(checked, name, channel);
    checkConflicts(checked, name, channel);
    checkRate(checked, name, channel);
    checkSize(checked, name, channel);
  }
}

/** What no state store takes would be refused in the middle of an apply. */
function checkSize({ report }: Checked, name: string, channel: ChannelSpec): void {
  const bytes = new TextEncoder().encode(JSON.stringify(channel)).length;
  if (bytes <= SPEC_BYTES_MAX) return;
  const summary = `channel \`${name}\` takes ${bytes} bytes, and the state store keeps at most ${SPEC_BYTES_MAX} of one`;
  const detail = `It has ${channel.tables.length} entries. Name many tables by one entry with wildcards, or make two channels of it.`;
  report({ code: 'OT1003', summary, detail, path: ['channels', name], at: 'key' });
}

/** What a variable gave, and nothing at all. */
function checkRate({ report }: Checked, name: string, { rate }: ChannelSpec): void {
  if (rate === undefined || rateOf(rate) !== null) return;
  const summary = `\`${rate}\` is no rate`;
  const detail = 'Write a rate like `5000 rows/s` or `50MB/s`; to carry nothing for a while, `enabled: false`.';
  report({ code: 'OT1014', summary, detail, path: ['channels', name, 'rate'], at: 'value' });
}

interface End {
  readonly database: string;
  readonly path: Path;
  readonly side: 'between' | 'from' | 'to';
}

function endsOf({ root }: Checked, name: string, channel: ChannelSpec): End[] {
  const ends = (side: End['side'], databases: readonly string[]): End[] => {
    const key: Path = ['channels', name, side];
    const single = locate(root, key).tree.kind === 'scalar';
    return databases.map((database, i) => ({ database, side, path: single ? key : [...key, i] }));
  };
  const { direction } = channel;
  return direction.kind === 'two-way'
    ? ends('between', direction.between)
    : [...ends('from', direction.from), ...ends('to', direction.to)];
}

function checkEnds(checked: Checked, name: string, channel: ChannelSpec): void {
  const { topology, root, report, refer } = checked;
  const seen = new Map<string, End>();
  for (const end of endsOf(checked, name, channel)) {
    if (!refer('databases', 'database', end.database, end.path)) continue;
    const first = seen.get(end.database);
    if (first === undefined) seen.set(end.database, end);
    else {
      const summary =
        first.side === end.side
          ? `database \`${end.database}\` stands twice in \`${end.side}\``
          : `database \`${end.database}\` is both source and target`;
      const related = [{ message: 'first named here', range: valuePlace(root, first.path) }];
      report({ code: 'OT1040', summary, path: end.path, at: 'value', related });
    }
    const engine = Object.hasOwn(topology.database, end.database) ? topology.database[end.database]!.engine : null;
    if (engine === 'oracle' && end.side !== 'to') {
      const summary = `Oracle database \`${end.database}\` can only be a target (\`to\`)`;
      report({ code: 'OT1043', summary, path: end.path, at: 'value' });
    }
  }
}

function checkConflicts(checked: Checked, name: string, channel: ChannelSpec): void {
  const { root, report, names } = checked;
  const base: Path = ['channels', name];
  const { direction, conflict } = channel;
  if (direction.kind === 'one-way' || conflict === null) {
    channel.tables.forEach((_, i) => {
      const path: Path = [...base, 'tables', i, 'conflict'];
      if (locate(root, path).depth < path.length) return;
      const summary = '`conflict` has no meaning in a one-way channel';
      report({ code: 'OT1015', summary, detail: 'The target of a one-way channel has no say.', path, at: 'key' });
    });
    return;
  }
  const { between } = direction;
  // A database that stands twice was reported; the default order would repeat it.
  if (new Set(between).size < between.length) return;
  // Nor is anything said of what refers to a misspelt one.
  if (between.some((database) => !names('databases').includes(database))) return;
  checkPriority(checked, conflict, between, [...base, 'conflict', 'priority']);
  checkCopySource(checked, channel, conflict, between, [...base, 'conflict', 'priority']);
  channel.tables.forEach((table, i) => {
    const path: Path = [...base, 'tables', i, 'conflict', 'priority'];
    if (table.conflict === null || locate(root, path).depth < path.length) return;
    checkPriority(checked, table.conflict, between, path);
    checkCopySource(checked, channel, table.conflict, between, path);
  });
  checkShape(checked, channel, conflict, between, base);
  checkMesh(checked, channel, conflict, base);
  const where = { mesh: channel.shape === 'mesh', databases: between.length, channel: conflict.policy };
  checkRule(checked, conflict, where, [...base, 'conflict']);
  channel.tables.forEach((table, i) => {
    const path: Path = [...base, 'tables', i];
    if (table.conflict !== null) checkRule(checked, table.conflict, where, [...path, 'conflict']);
    checkRuleColumns(checked, table, table.conflict ?? conflict, path);
  });
}

/** Under site-priority every write passes through the site that decides. */
function checkShape(
  checked: Checked,
  channel: ChannelSpec,
  conflict: ConflictSpec,
  between: readonly string[],
  base: Path,
): void {
  if (between.length < 3) return;
  checkHub(checked, channel, conflict, between, [...base, 'conflict', 'priority']);
  channel.tables.forEach((table, i) => {
    const path: Path = [...base, 'tables', i, 'conflict', 'priority'];
    if (table.conflict === null || locate(checked.root, path).depth < path.length) return;
    checkHub(checked, channel, table.conflict, between, path);
  });
}

/** Where every site decides nobody is preferred. */
function checkMesh(
  { root, report }: Checked,
  { shape, tables }: ChannelSpec,
  conflict: ConflictSpec,
  base: Path,
): void {
  if (shape !== 'mesh') return;
  const tell = (path: Path): void => {
    const detail = 'Every write has to pass through the preferred site: use `shape: star`.';
    const summary = '`site-priority` cannot be a mesh';
    report({ code: 'OT1046', summary, detail, path, at: 'value' });
  };
  const isWritten = (path: Path): boolean => locate(root, path).depth === path.length;
  const at: Path = [...base, 'shape'];
  const preferring = tables.findIndex((table) => table.conflict?.policy === 'site-priority');
  if (conflict.policy === 'site-priority') tell(at);
  // Where the shape is not said, the table is what does not fit.
  else if (preferring >= 0) tell(isWritten(at) ? at : [...base, 'tables', preferring, 'conflict', 'policy']);
}

function checkHub(
  { report }: Checked,
  { initial }: ChannelSpec,
  { priority }: ConflictSpec,
  between: readonly string[],
  path: Path,
): void {
  const [hub, preferred] = [between[0]!, priority[0]!];
  // Which site is copied from was reported already.
  if (initial === 'copy' || !between.includes(preferred) || preferred === hub) return;
  report({
    code: 'OT1046',
    summary: `\`${hub}\` is the hub of the star, but \`${preferred}\` is preferred`,
    detail: `Put \`${preferred}\` first in \`between\`, or \`${hub}\` first in \`priority\`.`,
    path: [...path, 0],
    at: 'value',
  });
}

function checkPriority(
  { topology, root, report }: Checked,
  conflict: ConflictSpec,
  between: readonly string[],
  path: Path,
): void {
  const { priority } = conflict;
  const missing = between.filter((database) => !priority.includes(database));
  const strange = priority.findIndex((database) => !between.includes(database));
  const twice = priority.findIndex((database, i) => priority.indexOf(database) !== i);
  if (strange >= 0) {
    const summary = `\`${priority[strange]}\` is not a database of this channel`;
    const related = [
      { message: 'the databases of the channel', range: valuePlace(root, [path[0]!, path[1]!, 'between']) },
    ];
    const declared = Object.hasOwn(topology.database, priority[strange]!);
    const near = declared ? null : onlyNearest(priority[strange]!, between);
    report({
      code: 'OT1041',
      summary,
      detail: `The channel joins ${listed(between)}.`,
      path: [...path, strange],
      at: 'value',
      related,
      instead: near === null || priority.includes(near) ? null : near,
    });
  } else if (twice >= 0) {
    report({
      code: 'OT1041',
      summary: `\`${priority[twice]}\` stands twice in \`priority\``,
      path: [...path, twice],
      at: 'value',
    });
  } else if (missing.length > 0) {
    report({
      code: 'OT1041',
      summary: `${listed(missing)} ${missing.length === 1 ? 'has' : 'have'} no place in \`priority\``,
      path,
      at: 'key',
    });
  }
}

function checkCopySource(
  { root, report }: Checked,
  channel: ChannelSpec,
  conflict: ConflictSpec,
  between: readonly string[],
  path: Path,
): void {
  const [first, preferred] = [between[0]!, conflict.priority[0]];
  if (channel.initial !== 'copy' || preferred === undefined || preferred === first) return;
  // A list that names something else altogether was reported already.
  if (!between.includes(preferred)) return;
  const summary = `existing rows are copied from \`${first}\`, but \`${preferred}\` is preferred`;
  const detail = `Put \`${preferred}\` first in \`between\`, or \`${first}\` first in \`priority\`, or set \`initial: none\`.`;
  const related = [
    { message: 'the first one is copied from', range: valuePlace(root, [path[0]!, path[1]!, 'between', 0]) },
  ];
  report({ code: 'OT1042', summary, detail, path: [...path, 0], at: 'value', related });
}
