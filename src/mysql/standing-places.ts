/** Where pipelines into a server stand, and where its log ends, read by whoever asks. */
import { covers, formatBare, parsePosition } from '../model/position.ts';
import type { PlaceReader } from '../model/standing-places.ts';
import { beatBefore } from './beat-places.ts';
import type { Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { type InspectOptions, inTime } from './inspect.ts';
import { purged } from './log-refusals.ts';
import { logNames, logStart, positionBefore } from './log-start.ts';
import { gtidsBefore } from './point-gtids.ts';
import { readFacts, readLogEnd, type ServerKind } from './server-facts.ts';
import { qualified, quoteText } from './sql.ts';

/** @throws OtterError OT4001, OT4003, OT4004, OT4005, OT4008 */
export async function openPlaces(server: DatabaseServer, options: InspectOptions): Promise<PlaceReader> {
  const step = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => inTime(server, options, work);
  const session = await step((signal) => server.connect({ signal, multipleStatements: true }));
  const asked = <T>(work: () => Promise<T>): Promise<T> =>
    step(async (signal) => {
      const end = (): void => session.destroy();
      signal.addEventListener('abort', end, { once: true });
      try {
        return await work();
      } finally {
        signal.removeEventListener('abort', end);
      }
    });
  const from = qualified({ schema: options.schema, name: 'checkpoint' });
  const named = `TABLE_SCHEMA = ${quoteText(options.schema)} AND TABLE_NAME = 'checkpoint'`;
  return {
    end: () =>
      asked(async () => {
        const { position, point } = await readLogEnd(session, await readFacts(session));
        const [now] = await session.rows<{ ms: string | number }>('SELECT FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) AS ms');
        return { position, point, nowMs: Number(now!.ms) };
      }),
    gtidsBefore: (point) =>
      step(async (signal) => {
        // It ends with the file.
        await using own = await server.connect({ signal });
        return await gtidsBefore(own, await readFacts(own), point);
      }),
    beatBefore: (timeMs) => beatBefore({ server, schema: options.schema, signal: options.signal }, timeMs),
    followable: (position) => asked(async () => requireFollowable(session, await readFacts(session), position)),
    standing: () =>
      asked(async () => {
        const there = await session.rows(`SELECT 1 AS one FROM information_schema.TABLES WHERE ${named}`);
        if (there.length === 0) return [];
        const found = await session.rows<Record<string, string | number>>(
          `SELECT lineage,pipeline,position,clock FROM ${from} WHERE lane=0 ORDER BY pipeline`,
        );
        return found.map((row) => ({
          lineage: String(row['lineage']),
          pipeline: String(row['pipeline']),
          position: String(row['position']),
          clock: Number(row['clock']),
        }));
      }),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** As a reader begins there; and MariaDB says only then what was purged. */
async function requireFollowable(session: Session, kind: ServerKind, text: string): Promise<void> {
  await logStart(session, kind, text);
  const [oldest] = kind.family === 'mariadb' ? await logNames(session) : [];
  if (oldest === undefined) return;
  const position = parsePosition(text);
  const before = parsePosition(await positionBefore(session, kind, oldest));
  if (!covers(position, before)) throw purged(session.where, position, `up to ${formatBare(before)}`);
}
