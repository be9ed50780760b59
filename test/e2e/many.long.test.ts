/** A topology of a thousand tables in fifty channels that changes while rows flow: what did not change is not touched. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

const CHANNELS = 50;
const TABLES = 20;

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

const table = (channel: number, n: number): string => `many.t${channel}_${n}`;

/** `changed`: the channels that have one table more. */
function channels(changed: readonly number[]): string {
  return Array.from({ length: CHANNELS }, (_, c) => {
    const tables = Array.from({ length: TABLES + (changed.includes(c) ? 1 : 0) }, (__, n) => table(c, n));
    return `  c${c}: { ${c % 2 === 0 ? 'between: [a, b]' : 'from: a, to: b'}, tables: [${tables.join(', ')}] }\n`;
  }).join('');
}

test('a rolling change restarts no pipeline that did not change', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query('CREATE DATABASE many');
  for (let c = 0; c < CHANNELS; c += 1) {
    const create = Array.from(
      { length: TABLES + 1 },
      (_, n) => `CREATE TABLE ${table(c, n)} (id INT PRIMARY KEY, n INT)`,
    );
    await da.query(`${create.join(';')}; INSERT INTO ${table(c, 0)} VALUES (1, 0)`);
  }
  await using otter = await Otter.in(passwordsOf([a, b]));
  const topology = await sitesOf([a, b], channels([]));
  await otter.write(topology);
  otter.node('west-1');
  otter.node('east-1');
  const begun = Date.now();
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '300s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  await otter.until('all stream', streaming, 120_000);
  // The tables of a channel are asked after together; one by one it was seventeen times a table, each over the whole schema.
  for (const database of [da, db]) {
    const [selects] = await rows(database, "SHOW GLOBAL STATUS LIKE 'Com_select'");
    expect(Number(JSON.parse(selects!)[1])).toBeLessThan(8 * CHANNELS * TABLES);
  }
  console.log(`a thousand tables are copied and streaming after ${Date.now() - begun} ms`);

  let n = 0;
  let going = true;
  const writing = (async () => {
    while (going) {
      n += 1;
      // Rows flow; as fast as a server takes them they would be a test of something else.
      await sleep(2);
      await da.query(`UPDATE ${table(n % CHANNELS, 0)} SET n=${n} WHERE id=1`);
    }
  })();
  // Who takes a pipeline up again raises its epoch.
  const epochs = async (): Promise<string[]> =>
    (await Promise.all([da, db].map(async (db) => rows(db, 'SELECT pipeline, epoch FROM otter.checkpoint'))))
      .flat()
      .sort();
  const before = await epochs();
  expect(before).toHaveLength(CHANNELS * 1.5);
  for (const changed of [[7], [7, 8, 9]]) {
    const at = Date.now();
    await otter.write(topology.replace(channels([]), channels(changed)));
    const again = await otter.run('apply', '--auto-approve', '--timeout', '120s');
    expect(again, again.err).toMatchObject({ code: 0 });
    console.log(`a change of ${changed.length} channels has taken hold after ${Date.now() - at} ms`);
  }
  going = false;
  console.log(`${n} transactions meanwhile`);
  await writing;
  await otter.until('all stream', streaming, 60_000);
  expect(await epochs()).toEqual(before);
  await expect
    .poll(async () => rows(db, 'SELECT COUNT(*) FROM otter.copy WHERE done=1'), { timeout: 30_000 })
    .toEqual([`["${CHANNELS * TABLES + 3}"]`]);
  for (let c = 0; c < CHANNELS; c += 1)
    await expect
      .poll(async () => (await rows(db, `SELECT n FROM ${table(c, 0)}`)).join(), { timeout: 30_000 })
      .toBe((await rows(da, `SELECT n FROM ${table(c, 0)}`)).join());
  await da.end();
  await db.end();
}, 900_000);
