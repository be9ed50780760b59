/** A spoke that is away for long: what it has not seen outgrows the memory of the deciding site's index, and nothing else changes. */

import { tmpdir } from 'node:os';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { OtterError } from '../../src/model/error.ts';
import type { KeyStore, Spill } from '../../src/model/key-store.ts';
import type { IndexFigures } from '../../src/model/records.ts';
import { openKeyFile } from '../../src/state/key-file.ts';
import { LONG } from '../project/long.ts';
import { channel, count, equal, numbers, pair, quiet, recorder, rootOf, Sites, streaming, until } from './harness.ts';

const between = { kind: 'two-way', between: ['a', 'b'] } as const;
const channels = { shop: channel(between, ['shop.t']) };
const later = {
  policy: 'last-write-wins',
  priority: ['a', 'b'],
  by: null,
  merge: 'row',
  groups: [],
  counters: [],
} as const;
const mesh = { shop: channel(between, ['shop.t'], { conflict: later, shape: 'mesh' }) };
/** Some thousand entries. */
const INDEX_BYTES = 100_000;

let a: DatabaseServer;
let b: DatabaseServer;
let [ra, rb]: Connection[] = [];

beforeAll(async () => {
  [a, b] = await pair();
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
beforeEach(async () => {
  for (const root of [ra!, rb!]) await root.query('DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter');
});
afterAll(async () => {
  for (const root of [ra, rb]) root?.destroy();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

/** Tells of files that are open, and how many there were. */
interface Counting extends Spill {
  limitBytes: number;
  opened: number;
  isOpen: number;
}

function counting(limitBytes = 1 << 30): Counting {
  const spill: Counting = {
    limitBytes,
    opened: 0,
    isOpen: 0,
    open: (): KeyStore => {
      const file = openKeyFile(tmpdir());
      const close = file.close.bind(file);
      spill.opened += 1;
      spill.isOpen += 1;
      return Object.assign(file, {
        close: () => {
          spill.isOpen -= 1;
          close();
        },
      });
    },
  };
  return spill;
}

async function begun(spill: Spill, logger = quiet, declared = channels): Promise<Sites> {
  await ra!.query(
    `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO shop.t SELECT seq, 'x' FROM ${numbers(1, 1_000)}`,
  );
  const sites = new Sites({ a, b }, logger, 'test-lineage', { indexBytes: INDEX_BYTES, spill });
  sites.set(declared);
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await equal(ra!, rb!, 'shop.t');
  return sites;
}

const indexOf = (sites: Sites): IndexFigures | null => sites.figures()['shop/b>a']?.index ?? null;

/** While the spoke's node is stopped: both sites write 250 rows of before and one new row, and each some of its own. */
async function writeApart(rows: number): Promise<void> {
  await ra!.query("UPDATE shop.t SET v = 'a' WHERE id <= 500");
  for (let from = 10_001; from <= 10_000 + rows; from += 10_000)
    await ra!.query(`INSERT INTO shop.t SELECT seq, 'a' FROM ${numbers(from, Math.min(from + 9_999, 10_000 + rows))}`);
  await rb!.query("UPDATE shop.t SET v = 'b' WHERE id BETWEEN 251 AND 750");
  await rb!.query("INSERT INTO shop.t VALUES (10001, 'b'), (9000001, 'b')");
}

async function decidedRightly(rows: number): Promise<void> {
  await until('all is at the spoke', async () => (await count(rb!, 'shop.t')) === 1_000 + rows + 1, 90_000);
  await equal(ra!, rb!, '(SELECT id, v FROM shop.t WHERE id <= 12000 OR id > 9000000) AS some');
  for (const root of [ra!, rb!]) {
    const of = async (where: string): Promise<number> => count(root, `shop.t WHERE ${where}`);
    expect(await of("v = 'a' AND (id <= 500 OR id BETWEEN 10001 AND 9000000)")).toBe(500 + rows);
    expect(await of("v = 'b' AND id BETWEEN 501 AND 750")).toBe(250);
    expect(await of("v = 'x' AND id BETWEEN 751 AND 1000")).toBe(250);
    expect(await of("v = 'b' AND id = 9000001")).toBe(1);
  }
}

test.each(LONG ? [{ restarts: true }, { restarts: false }] : [{ restarts: true }])(
  'hours away: the index goes to the disk and comes back, and conflicts are decided by all of it (restart: $restarts)',
  async ({ restarts }) => {
    const spill = counting();
    await using sites = await begun(spill);
    await until('the index is empty', () => indexOf(sites)?.entries === 0);
    await sites.stop('b');
    const since = indexOf(sites)!.since;
    await writeApart(200_000);
    await until('all is noted', () => indexOf(sites)?.entries === 200_500, 60_000);
    expect(indexOf(sites)).toMatchObject({ limitBytes: INDEX_BYTES, waitsFor: 'shop/a>b', since });
    expect(indexOf(sites)!.bytes).toBeLessThanOrEqual(INDEX_BYTES);
    expect(indexOf(sites)!.fileBytes).toBeGreaterThan(10_000_000);
    expect(spill).toMatchObject({ opened: 1, isOpen: 1 });
    if (restarts) {
      await sites.stop('a');
      expect(spill).toMatchObject({ opened: 1, isOpen: 0 });
      sites.start('a');
    }
    sites.start('b');
    await decidedRightly(200_000);
    await until('the index is empty', () => indexOf(sites)?.entries === 0, 60_000);
    expect(indexOf(sites)).toMatchObject({ bytes: 0, fileBytes: 0 });
    expect(indexOf(sites)!.since).not.toBe(since);
    expect(spill.opened).toBeGreaterThan(restarts ? 1 : 0);
    expect(spill.isOpen).toBe(0);
    expect(sites.figures()['shop/b>a']!.conflicts).toBe(251);
    expect(sites.figures()['shop/b>a']!.error).toBeNull();
  },
  240_000,
);

test('a file that cannot be written is told of, and the index begins anew from the log until it can', async () => {
  const spill = counting();
  let refusals = 0;
  const failing: Spill = {
    ...spill,
    open: () => {
      refusals += 1;
      if (refusals <= 3) throw new OtterError('OT5032', 'no space left on device', { retry: 'backoff' });
      return spill.open();
    },
  };
  const told: string[] = [];
  await using sites = await begun(
    failing,
    recorder((message, fields) => told.push(`${message} ${String(fields['code'] ?? '')}`)),
  );
  await sites.stop('b');
  await writeApart(20_000);
  await until('the index is given up', () => indexOf(sites) === null);
  expect(told).toContain('the index of recent writes is emptied OT5032');
  sites.start('b');
  await decidedRightly(20_000);
  expect(refusals).toBeGreaterThan(3);
  expect(sites.figures()['shop/b>a']!.conflicts).toBe(251);
  await until('the file is gone', () => spill.isOpen === 0);
}, 120_000);

test('a file that grows larger than it may is given up, in words; nothing is decided until it may be as large as it must', async () => {
  const spill = counting(500_000);
  const told: string[] = [];
  await using sites = await begun(
    spill,
    recorder((message, fields) => told.push(`${message} ${String(fields['code'] ?? '')}`)),
  );
  await sites.stop('b');
  await writeApart(20_000);
  await until('the index is given up', () => indexOf(sites) === null);
  expect(told).toContain('the index of recent writes is emptied OT5019');
  expect(spill.isOpen).toBe(0);
  sites.start('b');
  await until('it is told', () => sites.figures()['shop/b>a']!.error?.code === 'OT5019');
  expect(await count(ra!, "shop.t WHERE v = 'b'")).toBe(0);
  await sites.stop('a');
  spill.limitBytes = 1 << 30;
  sites.start('a');
  await decidedRightly(20_000);
  expect(sites.figures()['shop/b>a']!.conflicts).toBe(251);
  await until('the file is gone', () => spill.isOpen === 0);
}, 120_000);

test('where every site decides the registers go to the disk too, are filled again after a restart, and come back', async () => {
  const spill = counting();
  await using sites = await begun(spill, quiet, mesh);
  await until('the registers are empty', () => indexOf(sites)?.entries === 0);
  await sites.stop('b');
  const since = indexOf(sites)!.since;
  await writeApart(20_000);
  await until('all is noted', () => indexOf(sites)?.entries === 20_500, 60_000);
  expect(indexOf(sites)).toMatchObject({ limitBytes: INDEX_BYTES, waitsFor: 'shop/a>b', since });
  expect(indexOf(sites)!.bytes).toBeLessThanOrEqual(INDEX_BYTES);
  expect(indexOf(sites)!.fileBytes).toBeGreaterThan(1_000_000);
  await sites.stop('a');
  expect(spill).toMatchObject({ opened: 1, isOpen: 0 });
  sites.start('a');
  sites.start('b');
  // What b wrote, it wrote last.
  await until('all is at both', async () =>
    (await Promise.all([ra!, rb!].map((root) => count(root, 'shop.t')))).every((rows) => rows === 21_001),
  );
  for (const root of [ra!, rb!]) {
    await until('all is equal', async () => (await count(root, "shop.t WHERE v = 'b'")) === 502);
    expect(await count(root, "shop.t WHERE v = 'a'")).toBe(250 + 19_999);
  }
  await equal(ra!, rb!, '(SELECT id, v FROM shop.t WHERE id <= 12000 OR id > 9000000) AS some');
  await until('the registers are empty', () => indexOf(sites)?.entries === 0, 60_000);
  expect(indexOf(sites)).toMatchObject({ bytes: 0, fileBytes: 0 });
  expect(spill.opened).toBeGreaterThan(1);
  await until('the files are gone', () => spill.isOpen === 0);
  expect(sites.figures()['shop/b>a']!.conflicts).toBe(251);
  expect(sites.figures()['shop/b>a']!.error).toBeNull();
}, 240_000);
