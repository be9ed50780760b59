/** Watches the logs of two sites that have nothing to do. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { channel, type Sites, until } from './harness.ts';

interface LogPlace {
  readonly file: string;
  readonly position: number;
}

type LogTables = string[] & LogPlace;

/** The tables of all row events behind a place in a MariaDB server's log, and the place of its end. */
export async function logOf(connection: Connection, from?: LogPlace): Promise<LogTables> {
  const [[{ version }]] = (await connection.query('SELECT VERSION() AS version')) as unknown as [[{ version: string }]];
  const [status] = await connection.query(
    version.includes('MariaDB') ? 'SHOW MASTER STATUS' : 'SHOW BINARY LOG STATUS',
  );
  const [end] = status as { File: string; Position: string }[];
  const place = { file: end!.File, position: Number(end!.Position) };
  if (from === undefined) return Object.assign([], place);
  const [events] = await connection.query(`SHOW BINLOG EVENTS IN '${from.file}' FROM ${from.position}`);
  const tables = (events as { Event_type: string; Info: string }[]).flatMap(({ Event_type: type, Info: info }) => {
    // MySQL begins transactions with a statement.
    if (type === 'Query') return info === 'BEGIN' ? [] : [`statement ${info}`];
    return type === 'Table_map' ? [/\((.*)\)/.exec(info)![1]!] : [];
  });
  return Object.assign(tables, place);
}

/** A two-way channel over one small table, running. */
export async function twoWay(sites: Sites, root: Connection): Promise<void> {
  await root.query(
    "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50)); INSERT INTO shop.t VALUES (1, 'x')",
  );
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await until('both stream', () =>
    ['shop/a>b', 'shop/b>a'].every((name) => sites.figures()[name]?.phase === 'streaming'),
  );
}

/**
 * Whatever happens in `ms`, the logs show heartbeats, and one position update for each heartbeat of a peer. Of more than
 * two the first is the hub, and the others have it as their only peer.
 */
export async function idle(sites: readonly Connection[], ms: number): Promise<void> {
  const before = await Promise.all(sites.map(async (site) => logOf(site)));
  await sleep(ms);
  const logs = await Promise.all(sites.map(async (site, i) => logOf(site, before[i])));
  const count = (tables: readonly string[], table: string): number => tables.filter((each) => each === table).length;
  for (const [i, log] of logs.entries()) {
    const peers = i === 0 ? logs.slice(1) : logs.slice(0, 1);
    expect([...new Set(log)].sort()).toEqual(['otter.checkpoint', 'otter.heartbeat']);
    const beats = peers.map((peer) => count(peer, 'otter.heartbeat')).reduce((sum, each) => sum + each, 0);
    // A beat of each on its way at either end of the time.
    expect(count(log, 'otter.checkpoint')).toBeLessThanOrEqual(beats + 2 * peers.length);
    expect(count(log, 'otter.heartbeat')).toBeLessThanOrEqual(ms / 200 + 2);
  }
}
