/** Where somebody wants a pipeline to stand, as it is typed: a GTID position, file:offset or a time, looked up in the log of its source. */
import { type Movable, notMoved } from '../executor/moving.ts';
import { OtterError } from '../model/error.ts';
import { covers, formatBare, formatPosition, type Position, parsePoint, parsePosition } from '../model/position.ts';
import type { PlaceReader } from '../model/standing-places.ts';
import type { Context } from './context.ts';

export interface TypedPlace {
  readonly to: Position;
  /** What is to be said of it; or null. */
  readonly told: string | null;
}

/** A place from which the log can be followed. @throws OtterError OT2046, OT4020, OT7001 */
export async function placeAt({ parts, signal }: Context, { source }: Movable, text: string): Promise<TypedPlace> {
  await using reader = await parts.reachPlaces(source.name, source.spec, signal);
  const { position: end, nowMs } = await reader.end();
  const { family } = parsePosition(end);
  if (family === 'file') {
    throw notMoved(
      `${source.name} has no GTIDs, and a place in a file means nothing when its log is reset`,
      'Begin the channel anew: take it out of the topology, apply, put it back, apply.',
    );
  }
  const timeMs = timeOf(text, nowMs);
  const { to, told } =
    timeMs === null
      ? { to: await namedPlace(reader, family, text, end), told: null }
      : await placeOfTime(reader, source.name, timeMs, nowMs);
  if (!covers(parsePosition(end), to))
    throw notMoved(
      `${formatBare(to)} lies beyond the end of the log of ${source.name}, which is ${formatBare(parsePosition(end))}`,
      'See: otter position show',
    );
  try {
    await reader.followable(formatPosition(to));
  } catch (error) {
    if (!(error instanceof OtterError) || !/^OT40(20|23|80)$/.test(error.code)) throw error;
    const why = `${source.name} cannot be followed from ${formatBare(to)}: ${error.message}`;
    throw notMoved(why, 'See: otter position show');
  }
  return { to, told };
}

async function namedPlace(
  reader: PlaceReader,
  family: 'mariadb' | 'mysql',
  text: string,
  end: string,
): Promise<Position> {
  if (/^[^:]+\.\d+:\d+$/.test(text)) {
    const gtids = await reader.gtidsBefore(parsePoint(text));
    if (gtids === null) throw notMoved(`the log has no GTIDs before ${text}`, 'Name a GTID position.');
    return parsePosition(gtids);
  }
  const to = read(/^(mariadb|mysql):/.test(text) ? text : `${family}:${text}`);
  if (to?.family !== family || formatBare(to) === '')
    throw notMoved(`\`${text}\` is no position of a ${family}`, `It looks like ${formatBare(parsePosition(end))}`);
  return to;
}

async function placeOfTime(
  reader: PlaceReader,
  source: string,
  timeMs: number,
  nowMs: number,
): Promise<Pick<TypedPlace, 'to' | 'told'>> {
  const time = new Date(timeMs).toISOString();
  if (timeMs > nowMs)
    throw notMoved(
      `${time} is still to come at ${source}, where it is ${new Date(nowMs).toISOString()}`,
      'Name a time that was.',
    );
  const beat = await reader.beatBefore(timeMs);
  if (beat === null)
    throw notMoved(
      `the log of ${source} has no heartbeat of otter at ${time} or before: it was purged, or no node ran then`,
      'Name a GTID position, or file:offset.',
    );
  const to = parsePosition(beat.position);
  return {
    to,
    told: `The newest heartbeat of ${source} at ${time} or before is of ${new Date(beat.ms).toISOString()}, at ${formatBare(to)}.`,
  };
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** Of a time, or of how long ago it was, ms since 1970; null: it is something else. Without a zone it is UTC. @throws OtterError OT7001 */
export function timeOf(text: string, nowMs: number): number | null {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * UNITS_MS[unit!]!;
  if (!/^\d{4}-\d\d-\d\d(?:[T ]|$)/.test(text)) return null;
  const [whole, zone] = TIME.exec(text) ?? [];
  const ms =
    whole === undefined
      ? Number.NaN
      : Date.parse(`${text.replace(' ', 'T')}${zone === undefined && text.length > 10 ? 'Z' : ''}`);
  if (!Number.isNaN(ms)) return ms;
  throw new OtterError('OT7001', `\`${text}\` is no time`, {
    hint: 'Write 2026-03-02T09:12:44Z (UTC without a zone), or how long ago: 90s, 30m, 2h, 7d.',
  });
}

function read(text: string): Position | null {
  try {
    return parsePosition(text);
  } catch (error) {
    if (error instanceof OtterError && error.code === 'OT4002') return null;
    throw error;
  }
}
