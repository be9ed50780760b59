/** `otter verify` and `otter resync` as a person types them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VerifyJson } from '../../src/model/verify-json.ts';
import { dump } from '../site/harness.ts';
import { type VerifyRig, verifyRig } from './verify-rig.ts';

let rig: VerifyRig;

beforeAll(async () => {
  rig = await verifyRig();
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
});

test('equal, different, repaired; text and JSON', async () => {
  const equal = await rig.otter('verify');
  expect([equal.code, equal.err]).toEqual([0, '']);
  expect(equal.out).toBe(
    '  b shop.orders: 2500 rows, nothing differs\n  b shop.other: 2500 rows, nothing differs\n2 tables, 5000 rows: nothing differs.\n',
  );
  await rig.b.query("DELETE FROM shop.orders WHERE id IN (17, 18); UPDATE shop.other SET v = 'secret' WHERE id = 9");
  const differ = await rig.otter('verify', 'shop', '--limit', '1');
  expect(differ.code).toBe(2);
  expect(differ.out).toBe(
    '  b shop.orders: 2500 rows, 2 missing\n      missing   id=17\n      and 1 more\n  b shop.other: 2500 rows, 1 different\n      different id=9\n2 tables, 5000 rows: 3 rows differ.\n',
  );
  const json = await rig.otter('verify', '--table', 'shop.oth*', '--json');
  expect([json.code, json.out.includes('secret')]).toEqual([2, false]);
  expect(JSON.parse(json.out) as VerifyJson).toMatchObject({
    format_version: '1.0',
    equal: false,
    complete: true,
    different: 1,
    tables: [
      { channel: 'shop', target: 'b', table: 'shop.other', differences: [{ kind: 'different', key: { id: '9' } }] },
    ],
  });
  const repaired = await rig.otter('verify', '--repair');
  expect([repaired.code, repaired.out]).toEqual([
    0,
    expect.stringContaining('2 tables, 5000 rows: nothing differs, 3 rows repaired.') as string,
  ]);
  expect(await dump(rig.b, 'shop.orders')).toEqual(await dump(rig.a, 'shop.orders'));
  expect((await rig.otter('verify')).code).toBe(0);
}, 60_000);

test('resync sends what is there again, and says how far it came', async () => {
  await rig.b.query("UPDATE shop.orders SET v = 'bent' WHERE id < 1000");
  const some = await rig.otter('resync', 'shop', 'shop.orders', '--where', 'id < 10');
  expect([some.code, some.err]).toEqual([0, '']);
  expect(some.out).toContain('shop/a>b: 9 rows were sent again, and are written.');
  expect(await dump(rig.b, "shop.orders WHERE v = 'bent'")).toHaveLength(990);
  const all = await rig.otter('resync', 'channel.shop', 'shop.orders', '--json');
  expect(JSON.parse(all.out)).toEqual({
    channel: 'shop',
    table: 'shop.orders',
    from: 'a',
    pipelines: [{ pipeline: 'shop/a>b', state: 'done', rows: 2500, said: null }],
  });
  expect(await dump(rig.b, 'shop.orders')).toEqual(await dump(rig.a, 'shop.orders'));
  const refused = await rig.otter('resync', 'shop', 'shop.orders', '--where', 'nothing = 1');
  expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('refused: ') as string]);
  for (const [args, said] of [
    [['shop', 'store.nothing'], 'OT7001'],
    [['shop', 'shop.orders', '--where', 'id = (SELECT 1)'], 'OT7001'],
    [['shop', 'shop.orders', '--where', 'id = 1-- 2'], 'OT7001'],
    [['shop', 'shop.orders', '--from', 'b'], 'OT7001'],
    [['none', 'shop.orders'], 'OT7001'],
  ] as const) {
    const ended = await rig.otter('resync', ...args);
    expect([ended.code, ended.err], args.join(' ')).toEqual([3, expect.stringContaining(said) as string]);
  }
}, 60_000);

test('no password is in the state store', async () => {
  const files = (await readdir(rig.folder)).filter((name) => name.startsWith('state.db'));
  expect(files).toContain('state.db');
  for (const file of files) {
    const bytes = await readFile(join(rig.folder, file), 'latin1');
    for (const password of Object.values(rig.env)) expect(bytes.includes(password)).toBe(false);
  }
});
