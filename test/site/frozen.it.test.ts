/** Servers that stand still, and servers that are only busy. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';
import { startMariaDb } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, count, equal, rootOf, Sites, streaming, until } from './harness.ts';

/** Longer than a server may be silent. */
const BUSY_MS = 10_000;

async function shop() {
  await using stack = new AsyncDisposableStack();
  // Not lent ones, which are never frozen.
  const [a, b] = (await Promise.all([startMariaDb({ args: [] }), startMariaDb({ args: [] })])).map((each) =>
    stack.use(each),
  );
  const [ra, rb] = [await rootOf(a!), await rootOf(b!)];
  await ra.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)');
  const sites = stack.use(new Sites({ a: a!, b: b! }));
  const owned = stack.move();
  return { a: a!, b: b!, ra, rb, sites, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Each takes as long as a server may be silent, twice. */
const KINDS = LONG ? (['one-way', 'two-way'] as const) : [];

test.concurrent.each(KINDS)(
  'a frozen server is named at every pipeline that reads or writes it, and all go on when it thaws (%s)',
  async (kind) => {
    await using lab = await shop();
    const { sites, ra, rb } = lab;
    const twoWay = kind === 'two-way';
    const names = twoWay ? ['shop/a>b', 'shop/b>a'] : ['shop/a>b'];
    const direction = twoWay
      ? ({ kind, between: ['a', 'b'] } as const)
      : ({ kind: 'one-way', from: ['a'], to: ['b'] } as const);
    sites.set({ shop: channel(direction, ['shop.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, ...names);
    for (const frozen of ['b', 'a'] as const) {
      await lab[frozen].freeze();
      const error = { code: 'OT4004', message: expect.stringMatching(`^${frozen} has not answered since`) };
      await until('it is named', () =>
        names.every((name) => {
          try {
            expect(sites.figures()[name]!.error).toMatchObject(error);
            return true;
          } catch {
            return false;
          }
        }),
      );
      lab[frozen].thaw();
      await ra.query('INSERT INTO shop.t (n) VALUES (1)');
      if (twoWay) await rb.query('INSERT INTO shop.t (id, n) VALUES (NULL, 2)');
      await until('nothing is said any more', () => names.every((name) => sites.figures()[name]!.error === null));
      await equal(ra, rb, 'shop.t');
    }
    await Promise.all([ra.end(), rb.end()]);
  },
  120_000,
);

test.concurrent('lines that were forgotten on the way are given up when the server answers on a new one, also at the server', async () => {
  await using lab = await shop();
  const { a, b, ra, rb } = lab;
  await using proxy = await startProxy({ target: { host: b.host, port: b.port } });
  const { family, otter } = b;
  const behind = { family, otter, host: proxy.host, port: proxy.port } as typeof b;
  await using sites = new Sites({ a, b: behind });
  sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  proxy.forget();
  await ra.query('INSERT INTO shop.t (n) VALUES (1)');
  await rb.query('INSERT INTO shop.t (id, n) VALUES (100, 2)');
  const named = (): boolean => sites.figures()['shop/a>b']?.error?.message.startsWith('b has not answered') === true;
  await until('it is named', named);
  await until('all has arrived', async () => (await count(ra, 'shop.t')) === 2 && (await count(rb, 'shop.t')) === 2);
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await equal(ra, rb, 'shop.t');
  await Promise.all([ra.end(), rb.end()]);
}, 120_000);

test.concurrent('a target that only keeps its loader waiting is left alone', async () => {
  await using lab = await shop();
  const { sites, ra, rb } = lab;
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b');
  const sessions = async (): Promise<unknown> => {
    const sql = "SELECT id FROM information_schema.processlist WHERE user = 'otter' ORDER BY id";
    return (await rb.query({ sql, rowsAsArray: true }))[0];
  };
  const before = await sessions();
  await rb.query('LOCK TABLES shop.t WRITE');
  await ra.query('INSERT INTO shop.t (n) VALUES (1)');
  await sleep(BUSY_MS);
  expect(sites.figures()['shop/a>b']!.error).toBeNull();
  expect(await sessions()).toEqual(before);
  await rb.query('UNLOCK TABLES');
  await equal(ra, rb, 'shop.t');
  expect(await sessions()).toEqual(before);
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);
