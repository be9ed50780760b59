/**
 * Where a server's log stood at a time, told by otter's own heartbeats in it, each of which is a transaction with a time.
 *
 * Rule kept: rather too early. The place is behind the newest heartbeat that is not later than the time, so what was written within a
 * second before it comes again, and nothing that was written after it is passed over.
 */

import type { DefinitionReading, SourcePort } from '../model/ports.ts';
import { comparePoints, type LogPoint } from '../model/position.ts';
import type { BeatPlace } from '../model/standing-places.ts';
import type { DatabaseServer } from './database-server.ts';
import { logNames, positionBefore } from './log-start.ts';
import { readFacts } from './server-facts.ts';
import { mysqlSource } from './source.ts';

export interface BeatOptions {
  readonly server: DatabaseServer;
  /** Of otter's own tables. */
  readonly schema: string;
  readonly signal: AbortSignal;
}

const PART_BYTES = 1 << 20;
/** Of otter's own tables nobody changes the structure. */
const UNREAD: DefinitionReading = { effect: () => null, changes: () => false, tables: () => [] };

/** Null: the log has no heartbeat that is so old. @throws OtterError of a server that cannot be read */
export async function beatBefore({ server, schema, signal }: BeatOptions, timeMs: number): Promise<BeatPlace | null> {
  await using source = mysqlSource({ server, ownSchema: schema });
  await using session = await server.connect({ signal });
  const kind = await readFacts(session);
  const end = (await source.logEnd()).point;
  const files = await logNames(session);
  const beats = async (file: string): Promise<AsyncGenerator<BeatPlace>> =>
    beatsFrom(source, { from: await positionBefore(session, kind, file), end, schema, signal });
  // The newest file behind whose beginning the first heartbeat is not later.
  let [found, beyond] = [-1, files.length];
  while (beyond - found > 1) {
    const middle = (found + beyond) >> 1;
    const first = await firstOf(await beats(files[middle]!));
    if (first !== null && first.ms <= timeMs) found = middle;
    else beyond = middle;
  }
  let newest: BeatPlace | null = null;
  if (found < 0) return newest;
  for await (const beat of await beats(files[found]!)) {
    if (beat.ms > timeMs) break;
    newest = beat;
  }
  return newest;
}

async function firstOf(beats: AsyncGenerator<BeatPlace>): Promise<BeatPlace | null> {
  for await (const beat of beats) return beat;
  return null;
}

/** Up to where the log ended. */
async function* beatsFrom(
  source: SourcePort,
  { from, end, schema, signal }: { from: string; end: LogPoint; schema: string; signal: AbortSignal },
): AsyncGenerator<BeatPlace> {
  const left = new AbortController();
  const log = source.readLog({
    from,
    wants: (of, table) => of === schema && table === 'heartbeat',
    definitions: UNREAD,
    sure: () => true,
    partBytes: PART_BYTES,
    signal: AbortSignal.any([signal, left.signal]),
  });
  try {
    for await (const { items, point } of log) {
      for (const item of items)
        if (item.kind === 'rows' && item.last) yield { position: item.position, ms: Math.floor(item.commitUs / 1000) };
      if (comparePoints(point, end) >= 0) return;
    }
    signal.throwIfAborted();
  } finally {
    left.abort();
  }
}
