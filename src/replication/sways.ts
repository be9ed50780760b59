/**
 * Generated columns whose values hang on settings of the session that writes. Their values are not carried: the target makes
 * them in otter's session, and the source made them in those of users, which no log tells of.
 *
 * What is refused: where a setting is one that clients set as they like and that differs between servers anyhow. What is only
 * told of: settings that hardly anybody touches, and that otter's sessions have as servers come.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { type SessionSetting, type Sway, type TableShape, tableName } from '../model/row.ts';

const REFUSED: ReadonlySet<SessionSetting> = new Set(['time_zone', 'lc_time_names', 'default_week_format']);

/** Why the target cannot make the values that the source has, or null. @param target null: it is to be made like the source's */
export function swayObstacle(source: TableShape, target: TableShape | null): OtterError | null {
  const found = stored(source, target).flatMap(({ column, settings }) => {
    const bound = settings.filter((setting) => REFUSED.has(setting));
    return bound.length === 0 ? [] : [{ column, bound }];
  });
  if (found.length === 0) return null;
  const [name, from] = [tableName(target ?? source), tableName(source)];
  const said = found.map(({ column, bound }) => `${column} (${bound.join(', ')})`);
  return new OtterError(
    'OT5055',
    `${name} would make other values than ${from} has in generated columns that hang on the session: ${said.join(', ')}`,
    {
      where: { source: from, target: name },
      hint: `Let ${found.map(({ column }) => column).join(', ')} be VIRTUAL at the target, or leave it out there; or let its expression not read TIMESTAMPs and names of days (\`otter explain OT5055\`).`,
    },
  );
}

/** The other such columns, which are told of; nothing where none is. */
export function doubtfulSways({ source, target }: Pick<LoadTable, 'source' | 'target'>): readonly Sway[] {
  return stored(source, target).filter(({ settings }) => !settings.some((setting) => REFUSED.has(setting)));
}

/** Columns that both sides generate and the target keeps. */
function stored(source: TableShape, target: TableShape | null): readonly Sway[] {
  if (target === null) return (source.sways ?? []).filter((sway) => sway.stored);
  const there = new Set((source.sways ?? []).map(({ column }) => column.toLowerCase()));
  return (target.sways ?? []).filter((sway) => sway.stored && there.has(sway.column.toLowerCase()));
}
