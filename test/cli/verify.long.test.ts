/** `otter verify` that is killed, and beside pipelines that do not run. */
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VerifyJson } from '../../src/model/verify-json.ts';
import { dump } from '../site/harness.ts';
import { type VerifyRig, verifyRig } from './verify-rig.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let rig: VerifyRig;

beforeAll(async () => {
  rig = await verifyRig();
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
});

/** What it said until it was killed, which was when it had said that. */
async function killed(args: readonly string[], sees: string): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...rig.typed, ...args], { env: { ...process.env, ...rig.env } });
  let said = '';
  child.stdout.on('data', (data) => {
    said += String(data);
    if (said.includes(sees)) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return said;
}

test('a run that is killed goes on where it was, and only that one', async () => {
  await rig.b.query("UPDATE shop.orders SET v = 'bent' WHERE id = 3; DELETE FROM shop.other WHERE id = 4");
  expect(await killed(['verify', '--rate', '4000 rows/s'], 'shop.orders')).not.toContain('shop.other');
  const file = join(rig.folder, 'verify', 'main.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ progress: { done: [{ table: 'shop.orders' }] } });
  const other = await rig.otter('verify', '--resume', '--no-extra');
  expect([other.code, other.err]).toEqual([3, expect.stringContaining('OT7021') as string]);
  // Were it compared anew this would be found.
  await rig.b.query('DELETE FROM shop.orders WHERE id = 5');
  const rest = await rig.otter('verify', '--resume', '--json');
  expect(JSON.parse(rest.out) as VerifyJson).toMatchObject({
    tables: [
      { table: 'shop.orders', missing: 0, different: 1 },
      { table: 'shop.other', missing: 1 },
    ],
  });
  expect((await rig.otter('verify', '--resume')).err).toContain('OT7021');
  expect((await rig.otter('verify', '--repair')).code).toBe(0);
}, 60_000);

test('a pipeline that does not run is named, and nothing is said to differ', async () => {
  await rig.b.query('DELETE FROM shop.orders WHERE id = 8');
  rig.sites.rest('shop/a>b');
  await rig.a.query("INSERT INTO shop.orders VALUES (9001, 'on its way')");
  const late = await rig.otter('verify', '--table', 'shop.orders', '--timeout', '1s');
  expect([late.code, late.err]).toEqual([9, expect.stringContaining('OT7020') as string]);
  expect(late.err).toContain('shop/a>b has not come on');
  const stuck = await rig.otter('resync', 'shop', 'shop.orders', '--where', 'id = 8', '--timeout', '1s');
  expect([stuck.code, stuck.err]).toEqual([9, expect.stringContaining('OT7022') as string]);
  rig.sites.rest();
  // It was asked for before, and need not be again.
  await expect.poll(() => dump(rig.b, 'shop.orders WHERE id = 8'), { timeout: 20_000 }).toHaveLength(1);
  expect((await rig.otter('verify')).code).toBe(0);
}, 60_000);
