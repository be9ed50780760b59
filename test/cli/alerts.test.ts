/** `otter alerts`: what is shown of what is on record, and what is refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AlertsJson } from '../../src/model/alerts/alerts-json.ts';
import type { AlertRecord } from '../../src/model/alerts/records.ts';
import { alertKey, topologyPrefix } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { type Ended, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B_PASSWORD } }
channels:
  shop: { between: [a, b], tables: [shop.orders] }
alerts:
  shop-lag: { channel: shop, when: "lag > 30s", do: restart, notify: [ops, boss] }
  quiet: { node: west-1, when: down }
notify:
  ops: { webhook: { env: OPS } }
  boss: { email: { to: boss@example.org } }
`;

let folder: string;
let state: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-alerts-'));
  state = `file:${join(folder, 'state.db')}`;
  await writeFile(join(folder, 'main.yaml'), TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const typed = async (...args: string[]): Promise<Ended> =>
  person(['-t', join(folder, 'main.yaml'), '--state', state, ...args]);
const applied = async (): Promise<void> => {
  expect((await typed('apply', '--auto-approve', '--no-wait')).code).toBe(0);
};

/** Fires since a minute and a bit, `ops` was told and `boss` was not. */
async function firing(): Promise<void> {
  const now = Date.now();
  const about = [{ name: 'shop/a>b', says: 'lag 45s' }];
  const told = { atMs: now - 60_000, failures: 0, nextMs: 0, error: null };
  const record: AlertRecord = {
    incident: {
      ...{ id: `shop-lag-${now - 65_500}`, sinceMs: now - 65_500, firedMs: now - 60_000, endedMs: null, about },
      notice: { number: 2, kind: 'repeat', atMs: now - 30_000 },
      told: {
        ops: { ...told, number: 2 },
        boss: {
          ...told,
          number: 1,
          failures: 3,
          nextMs: now + 20_500,
          error: { code: 'OT8154', message: 'refused\u001b[31m' },
        },
      },
      ...{ action: null, actions: 1 },
    },
    past: [
      {
        id: 'x',
        sinceMs: now - 900_000,
        firedMs: now - 890_000,
        endedMs: now - 600_000,
        about,
        notices: 2,
        actions: 0,
      },
    ],
    done: [now - 60_000],
  };
  await using store = openStore(state);
  await store.commit({
    conditions: [],
    puts: [{ key: alertKey('main', 'shop-lag'), value: JSON.stringify(record) }],
    deletes: [],
  });
}

test('what fires, who was told and who was not, and what was lately', async () => {
  await applied();
  await firing();
  const { out } = await typed('alerts');
  expect(out).toMatch(/^main {2}no node judges them: see `otter status`\n/);
  expect(out).toMatch(/^quiet {5}node\.west-1 +quiet +down$/m);
  expect(out).toMatch(/^shop-lag {2}channel\.shop +FIRING +1m 5s +shop\/a>b: lag 45s$/m);
  expect(out).toMatch(/^ {4}ops was told at \d/m);
  expect(out).toMatch(/^ {4}boss was not told: OT8154 refused\ufffd\[31m; again in (20|19)s$/m);
  expect(out).toMatch(/^ {4}restart: 1 of 3 within 24 hours$/m);
  expect(out).toMatch(/^RECENT/m);
  expect(out).toMatch(/^boss {6}email +OT8154 refused/m);
  expect(out).not.toContain('\u001b');
  const json = JSON.parse((await typed('alerts', '--json')).out) as AlertsJson;
  expect(json.alerts.map(({ name, state: is }) => [name, is])).toEqual([
    ['quiet', 'quiet'],
    ['shop-lag', 'firing'],
  ]);
  expect(json.alerts[1]?.told.map(({ receiver, number, error }) => [receiver, number, error?.code])).toEqual([
    ['ops', 2, undefined],
    ['boss', 1, 'OT8154'],
  ]);
  const status = (await typed('status')).out;
  expect(status).toMatch(/^alert shop-lag since .*: shop\/a>b: lag 45s$/m);
  expect(status).toMatch(/^receiver boss was not told: OT8154/m);
});

test('a silence is seen until it is taken back', async () => {
  await applied();
  const silenced = await typed('alerts', 'silence', 'channel.shop', '--for', '2h', '--why', 'index is built');
  expect(silenced).toMatchObject({ code: 0 });
  expect((await typed('alerts')).out).toMatch(/^ {4}silenced until .* by .*, because index is built$/m);
  const json = JSON.parse((await typed('alerts', '--json')).out) as AlertsJson;
  expect(json.alerts.map(({ silenced: by }) => by?.address)).toEqual([undefined, 'channel.shop']);
  expect((await typed('alerts', 'silence', 'node.east-1', '--for', '1h', '--why', 'x')).code).toBe(0);
  expect((await typed('alerts')).out).toMatch(/^Silenced: node\.east-1 until/m);
  expect((await typed('alerts', 'unsilence', 'shop')).out).toBe('channel.shop is silenced no more.\n');
  expect((await typed('alerts', 'unsilence', 'shop')).out).toBe('channel.shop is not silenced.\n');
});

test.each([
  [['silence', 'shop-lag'], 'OT7001', 'a silence has an end and a reason'],
  [['silence', 'shop-lag', '--for', '2h', '--why', ' '], 'OT7001', 'a silence has an end and a reason'],
  [['silence', 'shop-lag', '--for', '91d', '--why', 'x'], 'OT7001', 'at most 90 days'],
  [['silence', 'shop-log', '--for', '2h', '--why', 'x'], 'OT8155', '`shop-log` is none of them'],
  [['silence', 'ops', '--for', '2h', '--why', 'x'], 'OT8155', '`ops` is none of them'],
  [['test', 'quiet'], 'OT8155', 'alert.quiet tells nobody'],
  [['test', 'nobody'], 'OT8155', '`nobody` is none of them'],
  [['test'], 'OT7001', 'what to test is missing'],
  [['list', '--why', 'x'], 'OT7001', '--for and --why are for'],
])('alerts %j is refused', async (args, code, message) => {
  await applied();
  const { err, code: exit } = await typed('alerts', ...args);
  expect(err).toContain(`Error ${code}`);
  expect(err).toContain(message);
  expect(exit).not.toBe(0);
});

test('a test that no node takes up ends with 9, is in the audit, and leaves nothing behind', async () => {
  await applied();
  const { code, err } = await typed('alerts', 'test', 'ops', '--timeout', '300ms');
  expect([code, err]).toEqual([9, expect.stringContaining('OT8156')]);
  expect((await typed('audit')).out).toMatch(/alerts test.*failed|failed.*alerts test/);
  await using store = openStore(state);
  expect((await store.list(`${topologyPrefix('main')}trial/`)).entries).toEqual([]);
});

test('where nothing was applied, and where no alert is', async () => {
  expect((await typed('alerts')).err).toContain('OT7005');
  await writeFile(join(folder, 'main.yaml'), TOPOLOGY.slice(0, TOPOLOGY.indexOf('alerts:')));
  await applied();
  expect((await typed('alerts')).out).toBe('No alert is applied in main. docs/alerts.md shows some.\n');
});
