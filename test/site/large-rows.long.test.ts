/** Rows near the size of a packet, and answers to them that are larger than one. */
import type { Connection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { channel, FAMILIES, rootOf, Sites, STARTS, streaming, until } from './harness.ts';

const MB = 1_000_000;

/** By length and sum, since the values themselves are too long to be shown. */
async function rows(db: Connection): Promise<string> {
  const sql = 'SELECT id, n, LENGTH(body) AS bytes, CRC32(body) AS sum FROM shop.t ORDER BY id';
  return JSON.stringify((await db.query(sql))[0]);
}

test.each([
  { mb: 7, packet: '16M' },
  { mb: 15, packet: '16M' },
  { mb: 16, packet: '64M' },
  { mb: 45, packet: '64M' },
  { mb: 45, packet: '128M' },
])(
  'a row of $mb MB is refused and answered, packets of $packet',
  async ({ mb, packet }) => {
    const args = [`--max-allowed-packet=${packet}`];
    await using a = await STARTS[FAMILIES[0]!]({ args });
    await using b = await STARTS[FAMILIES[1]!]({ args });
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    await ra.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, n INT, body LONGBLOB)');
    await using sites = new Sites({ a, b });
    sites.set({ shop: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t']) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'shop/a>b', 'shop/b>a');
    const same = async (what: string): Promise<void> =>
      until(what, async () => (await rows(ra)) === (await rows(rb)), 120_000).catch((error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
      });
    const body = (bytes: string): string => `REPEAT(UNHEX('${bytes}'), ${(mb * MB) / 4})`;
    await ra.query(`INSERT INTO shop.t VALUES (1, 0, ${body('00FF275C')}), (2, 0, 'small')`);
    await same('the row has arrived');
    // Neither has seen the other's: the pipelines rest while both write.
    await sites.stop('a');
    await sites.stop('b');
    await ra.query(`UPDATE shop.t SET n=1; UPDATE shop.t SET body=${body('01FE275C')} WHERE id=2`);
    await rb.query(`UPDATE shop.t SET n=2; INSERT INTO shop.t VALUES (3, 3, 'mine')`);
    sites.start('a');
    sites.start('b');
    await same('they are equal');
    await until('nothing is to come', () => sites.figures()['shop/b>a']!.conflicts === 2);
    await same('they are equal still');
    expect(JSON.parse(await rows(ra))).toMatchObject([{ n: 1, bytes: mb * MB }, { n: 1 }, { n: 3 }]);
    expect(sites.figures()).toMatchObject({ 'shop/a>b': { error: null }, 'shop/b>a': { error: null } });
    await Promise.all([ra.end(), rb.end()]);
  },
  300_000,
);
