/**
 * A database that nobody here wrote: Sakila, copied into an empty server and kept the same while its tables change.
 * The files are not part of this project; where they are absent the test says so and passes by.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, rootOf, Sites, streaming, until } from './harness.ts';

const FILES = new URL('../../../shared/data/sakila/', import.meta.url);

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

test('Sakila is copied and kept the same, with its triggers, cascades, sets and full-text columns', async () => {
  if (!existsSync(FILES)) {
    console.log('Sakila is not on this machine; nothing was tested');
    return;
  }
  const from = await rootOf(a);
  const to = await rootOf(b);
  await load(from);
  const [tables] = await from.query({
    sql: "SELECT table_name FROM information_schema.tables WHERE table_schema='sakila' AND table_type='BASE TABLE'",
    rowsAsArray: true,
  });
  const names = (tables as string[][]).map(([name]) => `sakila.${name!}`);
  expect(names.length).toBe(16);
  await using sites = new Sites({ a, b });
  sites.set({ film: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['sakila.*']) });
  sites.start('a');
  sites.start('b');
  const writer = write(from);
  writer.catch(() => undefined);
  await streaming(sites, 'film/a>b');
  await writer;
  const same = async (): Promise<boolean> => {
    for (const name of names)
      if (JSON.stringify(await dump(from, name)) !== JSON.stringify(await dump(to, name))) return false;
    return true;
  };
  await until('both are equal', same, 30_000);
  expect(sites.site('b').figures()['film/a>b']).toMatchObject({ error: null, drift: 0 });
  await from.end();
  await to.end();
}, 120_000);

async function load(connection: Awaited<ReturnType<typeof rootOf>>): Promise<void> {
  let delimiter = ';';
  let statement = '';
  for (const line of readFileSync(new URL('schema.sql', FILES), 'utf8').split('\n')) {
    const change = /^DELIMITER\s+(\S+)/.exec(line);
    if (change !== null) {
      delimiter = change[1]!;
      continue;
    }
    statement += `${line}\n`;
    if (!line.trimEnd().endsWith(delimiter)) continue;
    const sql = statement.trimEnd().slice(0, -delimiter.length);
    statement = '';
    if (sql.trim() !== '') await connection.query(sql);
  }
  await connection.query(gunzipSync(readFileSync(new URL('data.sql.gz', FILES))).toString('utf8'));
  // The data file leaves it off.
  await connection.query('SET autocommit=1');
}

/** Cascading deletes and key changes, SET NULL, triggers, sets and self-filling times, while the copy runs and after. */
async function write(connection: Awaited<ReturnType<typeof rootOf>>): Promise<void> {
  await connection.query('USE sakila');
  for (let i = 0; i < 40; i += 1) {
    await connection.query(
      `UPDATE film SET rental_rate = rental_rate + 0.01, special_features = 'Trailers,Deleted Scenes' WHERE film_id = ${i + 1}`,
    );
    await connection.query(
      `INSERT INTO film (title, language_id, description) VALUES ('NEW FILM ${i}', 1, 'a description ${i}')`,
    );
    await connection.query(`DELETE FROM rental WHERE rental_id = ${(i + 1) * 7}`);
    await connection.query(`UPDATE customer SET email = CONCAT('x', email) WHERE customer_id = ${i + 1}`);
    if (i % 10 === 5)
      await connection.query(
        `UPDATE language SET language_id = ${100 + i} WHERE language_id = ${i === 5 ? 1 : 90 + i}; UPDATE language SET language_id = 1 WHERE language_id = ${100 + i}`,
      );
  }
  for (const i of [3, 13, 23])
    await connection.query(`UPDATE film SET film_id = ${30000 - i} WHERE film_id = ${200 + i}`);
}
