/** What becomes of those who wait for a session that is let go of: they are told, whatever the server does. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb } from '../../src/lab/servers.ts';
import { KeptSession } from '../../src/mysql/connection.ts';
import { access } from './context.ts';

let lab: LabServer;

beforeAll(async () => {
  lab = await startMariaDb();
});
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
});

test('a statement that the server does not finish ends with the session that is closed over it', async () => {
  const kept = new KeptSession(() => access(lab, lab.root).connect());
  const session = await kept.get();
  const waits = session.query('SELECT SLEEP(3600)');
  const told = expect(waits).rejects.toMatchObject({ code: 'OT4004' });
  await kept[Symbol.asyncDispose]();
  await told;
  await expect(kept.get()).rejects.toMatchObject({ code: 'OT4004' });
});

test('nothing of loads is left on the line, however many were in a query', async () => {
  await using session = await access(lab, lab.root).connect({ multipleStatements: true });
  await session.query('CREATE DATABASE loads; CREATE TABLE loads.t (n INT)');
  const { stream } = session.driver as unknown as { readonly stream: Socket };
  const listening = (): number[] => ['pause', 'drain', 'error'].map((event) => stream.listenerCount(event));
  const before = listening();
  const load = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE loads.t";
  for (let n = 0; n < 3; n += 1)
    await session.query(`${load};${load};${load}`, {
      driver: { infileStreamFactory: () => Readable.from([Buffer.from('1\n2\n')]) },
    });
  expect(listening()).toEqual(before);
  expect(await session.rows('SELECT 1 FROM loads.t')).toHaveLength(18);
  await session.query('DROP DATABASE loads');
});

test('rows that do not come end with it too', async () => {
  const session = await access(lab, lab.root).connect();
  const waits = session.each('SELECT SLEEP(3600)', { rowsAsArray: true }, () => true);
  const told = expect(waits).rejects.toMatchObject({ code: 'OT4004' });
  await session[Symbol.asyncDispose]();
  await told;
});
