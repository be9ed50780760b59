/**
 * What entries make of their rows on the way: expressions that can be read, masks that work, and none of it two-way.
 *
 * Whether columns are there and can be compared only the databases know; see `replication/row-work.ts`.
 */
import { isAmong } from '../model/column-names.ts';
import { ExpressionProblem, parseExpression } from '../model/expression-parser.ts';
import { nameNow } from '../model/renamed.ts';
import { didYouMean, onlyNearest } from '../model/suggest.ts';
import type { ChannelSpec, RowSpec, TableSpec } from '../model/topology.ts';
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';

export function checkRows(checked: Checked, channel: ChannelSpec, table: TableSpec, entry: Path): void {
  const { rows } = table;
  if (rows === undefined) return;
  if (channel.direction.kind === 'two-way') {
    for (const [what, path] of said(rows, entry)) {
      const summary = `\`${what}\` has no place in a two-way channel`;
      const detail = 'What it changes or leaves out could not be carried back, and the sites would differ.';
      checked.report({ code: 'OT1057', summary, detail, path, at: 'key' });
    }
    return;
  }
  if (rows.reread === true && rows.process !== undefined) {
    const summary = '`reread` and `process` exclude each other';
    const detail = 'What a module makes of a row that has changed again cannot be told from what it made before.';
    checked.report({ code: 'OT1015', summary, detail, path: [...entry, 'reread'], at: 'key' });
  }
  if (rows.where !== undefined) expression(checked, rows.where, [...entry, 'where']);
  for (const [name, text] of Object.entries(rows.set ?? {})) {
    const path: Path = [...entry, 'columns', 'set', name];
    expression(checked, text, path);
    checkName(checked, table, name, path);
  }
  checkMasks(checked, channel, table, rows, [...entry, 'columns', 'mask']);
}

function said(rows: RowSpec, entry: Path): (readonly [string, Path])[] {
  return [
    ...(['where', 'process', 'reread'] as const).flatMap((key) =>
      rows[key] === undefined ? [] : [[key, [...entry, key]] as const],
    ),
    ...(['set', 'mask'] as const).flatMap((key) =>
      rows[key] === undefined ? [] : [[`columns.${key}`, [...entry, 'columns', key]] as const],
    ),
  ];
}

function expression({ report }: Checked, text: string, path: Path): void {
  try {
    parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionProblem)) throw error;
    const { message, at, end } = error;
    const summary = `the expression \`${shown(text)}\` cannot be read`;
    report({ code: 'OT1056', summary, detail: sentence(message), path, at: 'value', part: { at, end } });
  }
}

/** The value would be written into a column into which another one goes. */
function checkName({ report }: Checked, { columns }: TableSpec, name: string, path: Path): void {
  if (!Object.hasOwn(columns.rename, name)) return;
  const summary = `\`${name}\` is set, and is the name of a column that is renamed to \`${columns.rename[name]}\``;
  const detail = 'Give the column that is set another name at the target, or leave the other out (`columns.omit`).';
  report({ code: 'OT1054', summary, detail, path, at: 'key' });
}

function checkMasks(
  { report }: Checked,
  channel: ChannelSpec,
  { columns }: TableSpec,
  rows: RowSpec,
  base: Path,
): void {
  const set = new Set(Object.keys(rows.set ?? {}).map((name) => name.toLowerCase()));
  for (const [name, kind] of Object.entries(rows.mask ?? {})) {
    const path: Path = [...base, name];
    const travels = !isAmong(columns.omit, name) && (columns.only === null || isAmong(columns.only, name));
    if (!travels) {
      const detail = columns.only === null ? '' : didYouMean(name, columns.only);
      const near = onlyNearest(name, columns.only ?? []);
      const instead = near === null || Object.hasOwn(rows.mask ?? {}, near) ? null : near;
      report({
        code: 'OT1058',
        summary: `\`${name}\` is masked but does not travel`,
        detail,
        path,
        at: 'key',
        instead,
      });
    } else if (set.has(nameNow(columns.rename, name).toLowerCase())) {
      report({ code: 'OT1058', summary: `\`${name}\` is masked and set`, path, at: 'key' });
    } else if (kind === 'hash' && channel.maskKey === undefined) {
      const detail = 'Add `mask_key: { env: NAME }` to the channel: without a key all values could be tried out.';
      report({
        code: 'OT1058',
        summary: `\`${name}\` is hashed, and the channel has no \`mask_key\``,
        detail,
        path,
        at: 'value',
      });
    }
  }
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function sentence(text: string): string {
  const capital = /^[a-z]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}
