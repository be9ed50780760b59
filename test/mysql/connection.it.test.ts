/** What becomes of those who wait for a session that is let go of: they are told, whatever the server does. */
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

test('rows that do not come end with it too', async () => {
  const session = await access(lab, lab.root).connect();
  const waits = session.each('SELECT SLEEP(3600)', { rowsAsArray: true }, () => true);
  const told = expect(waits).rejects.toMatchObject({ code: 'OT4004' });
  await session[Symbol.asyncDispose]();
  await told;
});
