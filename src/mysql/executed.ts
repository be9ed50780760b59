/**
 * What a server has executed, to be held against a position: whether everything that was read up to there is in it.
 *
 * MariaDB's positions name the last transaction of a domain only. A server with another history may have passed that number,
 * so it is asked which numbers it has of every server; the one that the position names must have come so far.
 */
import { type FilePosition, formatBare, formatPosition, type Position, parsePosition } from '../model/position.ts';
import type { Session } from './connection.ts';
import type { ServerKind } from './server-facts.ts';

type MysqlPosition = Extract<Position, { family: 'mysql' }>;

export type Executed =
  | { readonly family: 'mysql'; readonly set: MysqlPosition; readonly server: string }
  /** Last number by `domain-server`. */
  | { readonly family: 'mariadb'; readonly last: ReadonlyMap<string, number> };

export async function readExecuted(session: Session, kind: ServerKind): Promise<Executed> {
  if (kind.family === 'mysql') {
    const [row] = await session.rows<{ executed: string }>('SELECT @@GLOBAL.gtid_executed AS executed');
    const set = parsePosition(`mysql:${(row?.executed ?? '').replace(/\s+/g, '')}`) as MysqlPosition;
    return { family: 'mysql', set, server: kind.identity };
  }
  const [row] = await session.rows<{ logged: string; applied: string }>(
    'SELECT @@GLOBAL.gtid_binlog_state AS logged, @@GLOBAL.gtid_slave_pos AS applied',
  );
  const last = new Map<string, number>();
  for (const gtid of `${row?.logged ?? ''},${row?.applied ?? ''}`.split(',')) {
    const match = /^(\d+-\d+)-(\d+)$/.exec(gtid.trim());
    if (match !== null) last.set(match[1]!, Math.max(last.get(match[1]!) ?? 0, Number(match[2])));
  }
  return { family: 'mariadb', last };
}

/** What of the position the server does not have, as its family writes it; null: it has everything. */
export function missing(executed: Executed, position: Position): string | null {
  if (executed.family === 'mysql') {
    if (position.family === 'file') return position.server === executed.server ? null : ofAnother(position);
    if (position.family !== 'mysql') return formatPosition(position);
    const rest = subtract(position, executed.set);
    return rest.sources.size === 0 ? null : formatBare(rest);
  }
  if (position.family !== 'mariadb') return formatPosition(position);
  const lacks = [...position.domains].flatMap(([domain, { server, sequence }]) =>
    (executed.last.get(`${domain}-${server}`) ?? 0) >= sequence ? [] : [`${domain}-${server}-${sequence}`],
  );
  return lacks.length === 0 ? null : lacks.join(',');
}

/** Whether everything that `other` has is there too. */
export function hasAllOf(executed: Executed, other: Executed): boolean {
  if (executed.family === 'mysql') return other.family === 'mysql' && missing(executed, other.set) === null;
  return (
    other.family === 'mariadb' &&
    [...other.last].every(([source, sequence]) => (executed.last.get(source) ?? 0) >= sequence)
  );
}

/** Whether they have transactions of one origin; also where the other has none at all. */
export function isRelated(executed: Executed, other: Executed): boolean {
  const origins = (one: Executed): string[] => [...(one.family === 'mysql' ? one.set.sources : one.last).keys()];
  const own = new Set(origins(executed));
  const others = origins(other);
  return executed.family === other.family && (others.length === 0 || others.some((origin) => own.has(origin)));
}

/** Whether nothing of what the position comes from has ever been there: another server, or one whose log was reset. */
export function isStranger(executed: Executed, position: Position): boolean {
  if (executed.family === 'mysql')
    return (
      position.family !== 'mysql' || [...position.sources.keys()].every((source) => !executed.set.sources.has(source))
    );
  return (
    position.family !== 'mariadb' ||
    [...position.domains].every(([domain, { server }]) => !executed.last.has(`${domain}-${server}`))
  );
}

function ofAnother(position: FilePosition): string {
  return `what ${position.server ?? 'another server'} has up to ${position.file}:${position.offset}`;
}

function subtract(from: MysqlPosition, set: MysqlPosition): MysqlPosition {
  const sources = new Map<string, readonly (readonly [number, number])[]>();
  for (const [source, intervals] of from.sources) {
    const has = set.sources.get(source) ?? [];
    const left = intervals.flatMap(([low, high]) => {
      const rest: [number, number][] = [];
      let next = low;
      for (const [begin, end] of has) {
        if (end < next || begin > high) continue;
        if (begin > next) rest.push([next, begin - 1]);
        next = end + 1;
      }
      return next > high ? rest : [...rest, [next, high] as [number, number]];
    });
    if (left.length > 0) sources.set(source, left);
  }
  return { family: 'mysql', sources };
}
