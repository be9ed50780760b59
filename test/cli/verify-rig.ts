/** Two databases with a channel from one to the other that is applied and runs, and a person who types beside it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { readApplied } from '../../src/executor/applied.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { channel, numbers, pair, quiet, rootOf, Sites, streaming } from '../site/harness.ts';
import { type Ended, person } from './person.ts';

export interface VerifyRig extends AsyncDisposable {
  readonly a: Connection;
  readonly b: Connection;
  readonly sites: Sites;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands before every command. */
  readonly typed: readonly string[];
  otter(...args: string[]): Promise<Ended>;
}

/** Tables `shop.orders` and `shop.other` of 2,500 rows each. */
export async function verifyRig(): Promise<VerifyRig> {
  const folder = await mkdtemp(join(tmpdir(), 'otter-verify-'));
  const servers: Record<string, DatabaseServer> = {};
  [servers['a'], servers['b']] = await pair();
  const [a, b] = (await Promise.all(Object.values(servers).map(rootOf))) as [Connection, Connection];
  for (const table of ['orders', 'other'])
    await a.query(
      `CREATE DATABASE IF NOT EXISTS shop; CREATE TABLE shop.${table} (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO shop.${table} SELECT seq, 'x' FROM ${numbers(1, 2500)}`,
    );
  const databases = Object.entries(servers).map(
    ([name, { family, host, port, otter }]) =>
      `  ${name}: { region: r, engine: ${family}, endpoints: ["${host}:${port}"], user: ${otter.user}, password: { env: ${name.toUpperCase()}_PASSWORD } }`,
  );
  await writeFile(
    join(folder, 'main.yaml'),
    `version: 1
name: main
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${databases.join('\n')}
channels:
  shop: { from: a, to: b, tables: [shop.*] }
`,
  );
  const state = `file:${join(folder, 'state.db')}`;
  const typed = ['-t', join(folder, 'main.yaml'), '--state', state];
  const env = { A_PASSWORD: servers['a']!.otter.password, B_PASSWORD: servers['b']!.otter.password };
  const otter = (...args: string[]): Promise<Ended> => person([...typed, ...args], { env });
  const applied = await otter('apply', '--auto-approve', '--no-wait');
  expect(applied.code, applied.err).toBe(0);
  await using store = openStore(state);
  const { meta } = (await readApplied(store, 'main')).applied;
  const sites = new Sites(servers, quiet, meta.record!.lineage);
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.*']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'shop/a>b');
  return {
    ...{ a, b, sites, folder, env, typed, otter },
    [Symbol.asyncDispose]: async () => {
      await sites[Symbol.asyncDispose]();
      for (const root of [a, b]) await root.end();
      for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
