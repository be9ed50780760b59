/**
 * Logs whose transactions come from many servers: on MySQL other UUIDs, tags, numbers with gaps in any order; on MariaDB
 * several domains and servers. Two ways, with nodes and servers that stop and logs that are purged: each row once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { parsePosition } from '../../src/model/position.ts';
import { channel, count, equal, rootOf, Sites, streaming, until } from './harness.ts';

/** A GTID is one transaction's, wherever that is: each site writes under names of its own. */
const UUIDS = {
  a: ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '00000000-0000-0000-0000-00000000000a'],
  b: ['ffffffff-71ca-11e1-9e33-c80aa9429562', '00000000-0000-0000-0000-00000000000b'],
};
const TAGS = ['', ':a', ':tag_2'];
const TRANSACTIONS = 1_200;

/** Numbers of a source in an order of its own, some left out. */
function numbersOf(seed: number): number[] {
  const numbers = Array.from({ length: TRANSACTIONS }, (_, i) => i + 1).filter((n) => (n * 7 + seed) % 5 !== 0);
  return numbers
    .map((n) => [Math.sin(n * 12.9898 + seed) * 43_758, n] as const)
    .sort(([a], [b]) => (a % 1) - (b % 1))
    .map(([, n]) => n);
}

/** What names the next transaction of a session, as no server would by itself; null: nothing. */
const NAMES: Record<'mysql' | 'mariadb', (site: 'a' | 'b') => () => string | null> = {
  mysql: (site) => {
    const sources = UUIDS[site].flatMap((uuid) => TAGS.map((tag) => `${uuid}${tag}`));
    const left = sources.map((source, i) => ({ source, numbers: numbersOf(i) }));
    return () => {
      const pick = Math.floor(Math.random() * (left.length + 2));
      const number = left[pick]?.numbers.pop();
      return number === undefined ? null : `SET gtid_next='${left[pick]!.source}:${number}'`;
    };
  },
  mariadb: (site) => () => {
    const domain = Math.floor(Math.random() * 4) + (site === 'a' ? 0 : 4);
    return `SET SESSION gtid_domain_id=${domain}, SESSION server_id=${90 + Math.floor(Math.random() * 3)}`;
  },
};

describe.each(['mysql', 'mariadb'] as const)('%s', (family) => {
  test('transactions of many sources arrive once, two ways, whatever stops', { timeout: 120_000 }, async () => {
    const start = family === 'mysql' ? startMySql : startMariaDb;
    const [a, b] = await Promise.all([start(), start()]);
    await using stack = new AsyncDisposableStack();
    stack.use(a);
    stack.use(b);
    const roots: Record<'a' | 'b', Connection> = { a: await rootOf(a), b: await rootOf(b) };
    stack.defer(() => Object.values(roots).forEach((root) => void root.destroy()));
    for (const root of Object.values(roots))
      await root.query(
        'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; CREATE TABLE shop.keyless (id INT) ENGINE=InnoDB',
      );
    const sites = stack.use(new Sites({ a, b }));
    sites.set({
      c: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.orders']),
      // What is applied twice is there twice.
      k: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.keyless'], { initial: 'none' }),
    });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'c/a>b', 'c/b>a', 'k/a>b');

    const write = async (site: 'a' | 'b', from: number): Promise<void> => {
      const name = NAMES[family](site);
      const root = await rootOf(site === 'a' ? a : b);
      for (let i = from; i < from + TRANSACTIONS; i += 1) {
        const naming = name();
        if (naming !== null) await root.query(naming);
        const keyless = site === 'a' ? `INSERT INTO shop.keyless VALUES (${i});` : '';
        await root.query(
          `START TRANSACTION; INSERT INTO shop.orders VALUES (${i}, 0); ${keyless} UPDATE shop.orders SET n = n + 1 WHERE id = ${i - 3}; COMMIT`,
        );
        if (family === 'mysql') await root.query("SET gtid_next='AUTOMATIC'");
      }
      root.destroy();
    };
    let done = false;
    const writing = Promise.all([write('a', 10_000), write('b', 20_000)]).finally(() => {
      done = true;
    });
    writing.catch(() => undefined);
    for (let round = 0; !done; round += 1) {
      const site = round % 2 === 0 ? 'a' : 'b';
      await sites.stop(site);
      await roots[site].query('FLUSH BINARY LOGS');
      await sleep(100);
      sites.start(site);
      await sleep(300);
    }
    await writing;
    await equal(roots.a, roots.b, 'shop.orders');
    await equal(roots.a, roots.b, 'shop.keyless');
    expect(await count(roots.a, 'shop.orders')).toBe(2 * TRANSACTIONS);
    expect(await count(roots.b, 'shop.keyless')).toBe(TRANSACTIONS);
    for (const { conflicts } of Object.values(sites.figures())) expect(conflicts).toBe(0);

    // Everything is behind the positions: older files may go, and both servers may start anew.
    for (const [site, lab] of [
      ['a', a],
      ['b', b],
    ] as const) {
      await roots[site].query('FLUSH BINARY LOGS');
      // Beats carry the positions into the new file.
      await sleep(2_000);
      await roots[site].query("PURGE BINARY LOGS BEFORE '2999-01-01'");
      await sites.stop(site);
      roots[site].destroy();
      await lab.restart();
      roots[site] = await rootOf(lab);
      sites.start(site);
    }
    await roots.a.query('INSERT INTO shop.orders VALUES (1, 1); INSERT INTO shop.keyless VALUES (1)');
    await roots.b.query('INSERT INTO shop.orders VALUES (2, 2)');
    const all = 2 * TRANSACTIONS + 2;
    await until('it is there', async () => (await count(roots.a, 'shop.orders')) === all).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
    });
    await equal(roots.a, roots.b, 'shop.orders');
    await equal(roots.a, roots.b, 'shop.keyless');
    const position = parsePosition(sites.figures()['c/a>b']!.position!);
    const parts =
      position.family === 'mysql' ? position.sources : position.family === 'mariadb' ? position.domains : null;
    expect(parts!.size).toBeGreaterThan(3);
  });
});
