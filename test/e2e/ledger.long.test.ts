import { afterEach, beforeEach, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { pair, servers } from '../site/harness.ts';
import { freezing, keepLedger, killing } from './ledger.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeEach(async () => {
  [a, b] = await pair();
});
afterEach(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('no line of the ledger is lost or doubled while nodes are killed fifty times', async () => {
  await keepLedger([a, b], killing(50));
}, 900_000);

test('nor while nodes are frozen past their leases and servers are killed', async () => {
  await keepLedger([a, b], freezing([a, b], 3));
}, 900_000);

test('nor in a star of three while nodes are killed a dozen times', async () => {
  const three = await servers(3);
  try {
    await keepLedger(three, killing(12, 3));
  } finally {
    await Promise.all(three.map((server) => server[Symbol.asyncDispose]()));
  }
}, 900_000);

test('nor between two families while nodes are killed a dozen times', async () => {
  // They have one collation to compare keys by only when they are told.
  const options = { args: ['--collation-server=utf8mb4_general_ci'] };
  const two = await Promise.all([startMySql(options), startMariaDb(options)]);
  try {
    await keepLedger(two, killing(12));
  } finally {
    await Promise.all(two.map((server) => server[Symbol.asyncDispose]()));
  }
}, 900_000);
