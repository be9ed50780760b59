/** Alerts as somebody has them: real databases and node processes, a webhook, and `otter alerts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { AlertsJson } from '../../src/model/alerts/alerts-json.ts';
import type { Notice } from '../../src/model/alerts/notice.ts';
import { Hook } from '../notify/hook.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;
const POLL = { timeout: 60_000, interval: 200 };

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('an outage: one notice, repeated, over; the node that judges is killed meanwhile', async () => {
  const da = await connect(a);
  await da.query('CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(40))');
  await using hook = await Hook.start<Notice>();
  await using otter = await Otter.in({ ...passwordsOf([a, b]), OPS: hook.url });
  const secret = join(otter.folder, 'lost');
  writeFileSync(secret, 'http://127.0.0.1:9/s3cret\n');
  await otter.write(
    `${await sitesOf([a, b], '  shop: { between: [a, b], tables: [shop.orders] }\n')}alerts:
  b-down: { database: b, when: down, repeat: 15s, notify: [ops] }
  shop-lag: { channel: shop, when: "lag > 5s", for: 2s, notify: [ops, lost] }
notify:
  ops: { webhook: { env: OPS } }
  lost: { webhook: { file: ${secret} } }
`,
  );
  otter.node('west-1');
  otter.node('east-1');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '120s')).toMatchObject({ code: 0 });
  await otter.until('the channel streams', streaming);
  const alerts = async (): Promise<AlertsJson> => JSON.parse((await otter.run('alerts', '--json')).out) as AlertsJson;
  const kinds = (alert: string): string[] =>
    hook.bodies.filter((notice) => notice.alert === alert).map(({ kind, number }) => `${kind} ${number}`);

  const trial = await otter.run('alerts', 'test', 'ops');
  expect(trial, trial.err).toMatchObject({ code: 0 });
  expect(hook.bodies.map(({ kind }) => kind)).toEqual(['test']);
  const lost = await otter.run('alerts', 'test', 'lost');
  expect(lost.code).toBe(1);
  expect(lost.out).toContain('OT8151');
  expect(lost.out).not.toContain('s3cret');

  await b.freeze();
  await expect.poll(() => kinds('b-down').slice(0, 1), POLL).toEqual(['firing 1']);
  await expect.poll(() => kinds('shop-lag').slice(0, 1), POLL).toEqual(['firing 1']);
  await expect
    .poll(async () => (await alerts()).receivers.find(({ name }) => name === 'lost')?.error?.code, POLL)
    .toBe('OT8151');
  const { judge } = await alerts();
  await otter.end(judge!, 'SIGKILL');
  await expect.poll(async () => (await alerts()).judge, POLL).toBe(judge === 'west-1' ? 'east-1' : 'west-1');
  await expect.poll(() => kinds('b-down').length, POLL).toBeGreaterThanOrEqual(2);
  const status = await otter.run('status');
  expect(status.out).toContain('alert b-down since');
  expect(status.out).toContain('receiver lost was not told: OT8151');

  b.thaw();
  otter.node(judge!);
  await expect.poll(() => kinds('b-down').at(-1), POLL).toMatch(/^recovered/);
  await expect.poll(() => kinds('shop-lag').at(-1), POLL).toMatch(/^recovered/);
  expect(kinds('shop-lag')).toEqual(['firing 1', 'recovered 2']);
  const numbers = kinds('b-down').map((one) => Number(one.split(' ')[1]));
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));

  const silenced = await otter.run('alerts', 'silence', 'b-down', '--for', '1h', '--why', 'works');
  expect(silenced, silenced.err).toMatchObject({ code: 0 });
  await b.freeze();
  await expect
    .poll(async () => (await alerts()).alerts.find(({ name }) => name === 'b-down')?.state, POLL)
    .toBe('firing');
  expect(kinds('b-down')).toHaveLength(numbers.length);
  b.thaw();
  expect((await otter.run('audit')).out).toContain('alerts silence');
  await da.end();
});
