/** The hammer's writers: sessions at one site that write all the time, live with what users live with, and count it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { seededRandom } from '../../src/lab/random.ts';
import type { Standing } from './failing-over.ts';
import { type Work, work } from './hammer-statements.ts';
import { connectAs } from './otter.ts';

/**
 * Errors that users would see: a duplicate key, a lock wait, a deadlock, a foreign key of a child or a parent, and where a
 * server tells it, a row that changed since the transaction looked (MariaDB 11).
 */
export const BEARABLE: ReadonlySet<number> = new Set([1062, 1205, 1213, 1451, 1452, 1020]);
/** For a killed server to come back. */
const AWAY_MS = 120_000;

export interface Written {
  /** How many transactions were committed, by kind. */
  readonly committed: Record<string, number>;
  /** How many ended with an error that users would see, by its number; `lost` where the connection broke. */
  readonly refused: Record<string, number>;
}

export interface Session {
  readonly at: Standing;
  /** Unique among all sessions. */
  readonly name: string;
  readonly seed: number;
  readonly going: () => boolean;
  /** The longest pause between two transactions at this moment, in milliseconds. */
  readonly pauseMs: () => number;
}

/** Writes until told to stop. @throws what no user should see, with the statement. */
export async function write({ at, name, seed, going, pauseMs }: Session): Promise<Written> {
  const random = seededRandom(seed);
  const isolation = random.pick(['READ COMMITTED', 'REPEATABLE READ']);
  const open = async (): Promise<Connection> => {
    const db = await connectAs(at.server, at.users);
    await db.query(`SET SESSION innodb_lock_wait_timeout=3; SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
    return db;
  };
  const written: Written = { committed: {}, refused: {} };
  const works = work(random, name);
  let db = await open();
  try {
    while (going()) {
      const next = works.next().value;
      const error = await tried(db, next);
      if (error === null) count(written.committed, next.kind);
      else if (isLost(error)) {
        count(written.refused, 'lost');
        db.destroy();
        db = await patiently(open);
      } else if (BEARABLE.has(error.errno!)) {
        count(written.refused, String(error.errno));
        await db.query('ROLLBACK').catch(() => undefined);
      } else throw new Error(`${name}: ${error.message}, by ${next.sql}`, { cause: error });
      await sleep(random.next() * pauseMs());
    }
  } finally {
    db.destroy();
  }
  return written;
}

export type ServerError = Error & { readonly errno?: number; readonly fatal?: boolean };

async function tried(db: Connection, { sql }: Work): Promise<ServerError | null> {
  try {
    await db.query(sql);
    return null;
  } catch (error) {
    return error as ServerError;
  }
}

/**
 * A server that ends also says so to sessions it still has (1053, 1927), or the socket breaks; one whose place another takes is
 * read-only (1290, 1836).
 */
export function isLost({ errno, fatal }: ServerError): boolean {
  return fatal === true || errno === undefined || [1053, 1927, 1290, 1836].includes(errno);
}

async function patiently(open: () => Promise<Connection>): Promise<Connection> {
  for (const deadline = Date.now() + AWAY_MS; ; ) {
    try {
      return await open();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

/** Of several sessions together. */
export function together(all: readonly Written[]): Written {
  const sum: Written = { committed: {}, refused: {} };
  for (const each of all)
    for (const part of ['committed', 'refused'] as const)
      for (const [what, n] of Object.entries(each[part])) sum[part][what] = (sum[part][what] ?? 0) + n;
  return sum;
}
