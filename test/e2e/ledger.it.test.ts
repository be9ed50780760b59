import { afterAll, beforeAll, test } from 'vitest';
import { type DatabaseServer, startMariaDb } from '../../src/lab/servers.ts';
import { keepLedger, killing } from './ledger.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await Promise.all([startMariaDb(), startMariaDb()]);
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('no line of the ledger is lost or doubled while nodes are killed', async () => {
  await keepLedger(a, b, killing(8));
}, 240_000);
