/** XA transactions between two sites that both take writes: they count where they are committed, also for what is in conflict. */
import { expect, test } from 'vitest';
import { channel, dump, equal, pair, rootOf, Sites, streaming, until } from './harness.ts';

test('two-way: committed ones travel and are judged, across restarts of the readers; rolled back ones do not', async () => {
  const [a, b] = await pair();
  await using _a = a;
  await using _b = b;
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE x; CREATE TABLE x.t (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE x.big (id INT PRIMARY KEY, v LONGTEXT)',
  );
  await ra.query("INSERT INTO x.t VALUES (1,'old'),(2,'old'),(3,'old')");
  await using sites = new Sites({ a, b });
  sites.set({ x: channel({ kind: 'two-way', between: ['a', 'b'] }, ['x.*']) });
  for (const name of ['a', 'b']) sites.start(name);
  await streaming(sites, 'x/a>b', 'x/b>a');
  await until('it is copied', async () => (await dump(rb, 'x.t')).length === 3);
  const prepare = async (at: typeof a, xid: string, statements: string): Promise<void> => {
    const session = await rootOf(at);
    await session.query(`XA START '${xid}'; ${statements}; XA END '${xid}'; XA PREPARE '${xid}'`);
    await session.end();
  };
  const [conflict, back] = ["UPDATE x.t SET v='b' WHERE id=1; INSERT INTO x.t VALUES (10,'b')", 'DELETE FROM x.t'];
  await prepare(b, 'conflict', conflict);
  await prepare(a, 'back', back.concat(' WHERE id=2'));
  await prepare(a, 'big', `INSERT INTO x.big VALUES (1, REPEAT('x', 3000000)), (2, REPEAT('y', 3000000))`);
  // Written by another session, so that no reader that sees it has not passed the PREPAREs.
  await ra.query("INSERT INTO x.t VALUES (4,'mark')");
  await rb.query("INSERT INTO x.t VALUES (5,'mark')");
  await until('the marks are there', async () => {
    const [here, there] = await Promise.all([dump(ra, 'x.t WHERE id=5'), dump(rb, 'x.t WHERE id=4')]);
    return here.length === 1 && there.length === 1;
  });
  expect(await dump(rb, 'x.big')).toEqual([]);
  for (const name of ['a', 'b']) await sites.stop(name);
  // Neither has seen the other.
  await ra.query("UPDATE x.t SET v='a' WHERE id=1");
  await rb.query("XA COMMIT 'conflict'");
  await ra.query("XA ROLLBACK 'back'; XA COMMIT 'big'; INSERT INTO x.t VALUES (6,'end')");
  for (const name of ['a', 'b']) sites.start(name);
  await until('all is there', async () => {
    const [here, there] = await Promise.all([dump(ra, 'x.t'), dump(rb, 'x.t')]);
    return here.length === 7 && JSON.stringify(here) === JSON.stringify(there);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
  });
  await equal(ra, rb, 'x.big');
  expect((await dump(rb, 'x.t WHERE id IN (1, 2, 10)')).map(String).sort()).toEqual(
    (await dump(ra, 'x.t WHERE id IN (1, 2, 10)')).map(String).sort(),
  );
  expect(String(await dump(rb, 'x.t WHERE id=1'))).toContain('a');
  expect(await dump(rb, 'x.big')).toHaveLength(2);
  expect(sites.figures()['x/b>a']).toMatchObject({ error: null, drift: 0, conflicts: 1 });
  for (const root of [ra, rb]) root.destroy();
}, 60_000);
