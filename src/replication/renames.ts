/**
 * Where tables are behind a RENAME TABLE, and the exchanges by which online schema changes put a new table in the place of
 * the old one.
 */
interface Named {
  readonly schema: string;
  readonly name: string;
}

export interface Move {
  readonly from: Named;
  readonly to: Named;
}

/** What several renamings in turn come to: every table that was there, and its name in the end. */
export function movesOf(tables: readonly Named[], made: readonly Named[]): readonly Move[] {
  const moves: { from: Named; to: Named }[] = [];
  for (const [index, from] of tables.entries()) {
    const to = made[index];
    if (to === undefined) continue;
    const earlier = moves.find((move) => same(move.to, from));
    if (earlier === undefined) moves.push({ from, to });
    else earlier.to = to;
  }
  return moves;
}

export function same(one: Named, other: Named): boolean {
  return one.schema === other.schema && one.name === other.name;
}

/** gh-ost: `_t_gho` comes, `_t_del` (or `_t_TIME_del`) stays. pt-online-schema-change: `_t_new` and `_t_old`, with more `_` where taken. */
const GHOSTS: readonly (readonly [come: RegExp, went: RegExp])[] = [
  [/^_(.+)_gho$/, /^_(.+?)(?:_\d{14})?_del$/],
  [/^_+(.+)_new$/, /^_+(.+)_old$/],
];

/** The table whose place a table of this name is made to take; null: it is no such name. */
export function ghostOf(name: string): string | null {
  for (const [come] of GHOSTS) {
    const of = come.exec(name)?.[1];
    if (of !== undefined) return of;
  }
  return null;
}

/** Whether one of these moves puts a table of such a tool into the place of `table`, and another puts it aside. */
export function exchanges(table: Named, moves: readonly Move[]): boolean {
  const aside = moves.find(({ from }) => same(from, table))?.to;
  const comes = moves.find(({ to }) => same(to, table))?.from;
  if (aside === undefined || comes === undefined) return false;
  if (aside.schema !== table.schema || comes.schema !== table.schema) return false;
  return GHOSTS.some(
    ([come, went]) => come.exec(comes.name)?.[1] === table.name && went.exec(aside.name)?.[1] === table.name,
  );
}
