/** Where a log stood at a time, by heartbeats with known times in several files of it. */
import { expect, test } from 'vitest';
import { beatBefore } from '../../src/mysql/beat-places.ts';
import { open } from './context.ts';

const BEGAN_S = 1_700_000_000;
const EVERY_S = 10;
const BEATS = 6;
const POLL = { timeout: 20_000, interval: 100 };
const signal = new AbortController().signal;

test.each(['mariadb', 'mysql'] as const)('%s: behind the newest heartbeat that is not later', async (family) => {
  await using context = await open(family);
  const { root, server } = context;
  const at = (seconds: number): string =>
    family === 'mariadb' ? `SET timestamp=${seconds}` : `SET original_commit_timestamp=${seconds}000000`;
  const now = async (): Promise<string> => {
    const variable = family === 'mariadb' ? 'gtid_binlog_pos' : 'gtid_executed';
    const [row] = await root.rows<{ position: string }>(`SELECT @@GLOBAL.${variable} AS position`);
    return `${family}:${row!.position.replace(/\s/g, '')}`;
  };
  const beatAt = async (seconds: number) => beatBefore({ server, schema: 'otter', signal }, seconds * 1000);
  await root.run(
    'CREATE DATABASE otter; CREATE TABLE otter.heartbeat (id INT PRIMARY KEY, n INT); CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY)',
  );
  const positions: string[] = [];
  for (let beat = 0; beat < BEATS; beat += 1) {
    const seconds = BEGAN_S + beat * EVERY_S;
    await root.run(`${at(seconds)}; REPLACE INTO otter.heartbeat VALUES (1, ${beat})`);
    positions.push(await now());
    await root.run(`${at(seconds + 4)}; INSERT INTO d.t VALUES ()`);
    // Also a file without any.
    if (beat % 3 === 2) await root.run('FLUSH BINARY LOGS; INSERT INTO d.t VALUES (); FLUSH BINARY LOGS');
  }
  expect(await beatAt(BEGAN_S - 1)).toBeNull();
  for (const [beat, position] of positions.entries()) {
    const ms = (BEGAN_S + beat * EVERY_S) * 1000;
    for (const later of beat === 1 ? [0, EVERY_S - 1] : [EVERY_S - 1])
      expect(await beatAt(ms / 1000 + later), `beat ${beat} + ${later} s`).toEqual({ position, ms });
  }
  expect(await beatAt(BEGAN_S + 1_000_000)).toMatchObject({ position: positions.at(-1) });
  // What was purged is not known any more.
  const logs = await root.rows<{ Log_name: string }>('SHOW BINARY LOGS');
  // A server keeps a file that somebody reads still, and says nothing of it.
  await expect
    .poll(async () => {
      await root.run(`PURGE BINARY LOGS TO '${logs[2]!.Log_name}'`);
      return (await root.rows('SHOW BINARY LOGS')).length;
    }, POLL)
    .toBe(logs.length - 2);
  expect(await beatAt(BEGAN_S + 2 * EVERY_S)).toBeNull();
  expect(await beatAt(BEGAN_S + 3 * EVERY_S)).toMatchObject({ position: positions[3] });
});
