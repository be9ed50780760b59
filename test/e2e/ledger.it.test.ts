import { afterAll, beforeAll, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { pair } from '../site/harness.ts';
import { keepLedger, killing } from './ledger.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test.runIf(LONG)(
  'no line of the ledger is lost or doubled while nodes are killed',
  async () => {
    await keepLedger([a, b], killing(3));
  },
  240_000,
);
