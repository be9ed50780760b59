/** Rows and the files that they name, with nodes as processes: at no moment is a row at the target without its file. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from '../e2e/otter.ts';
import { pair } from '../site/harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('files are there before their rows, at the copy, in the stream and across kills; a missing one is waited for', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query(
    'CREATE DATABASE shop; CREATE TABLE shop.product (id INT PRIMARY KEY, category VARCHAR(20), image VARCHAR(40), more TEXT)',
  );
  await using otter = await Otter.in(passwordsOf([a, b]));
  const [west, east] = [`${otter.folder}/west`, `${otter.folder}/east`];
  mkdirSync(`${west}/cat/more`, { recursive: true });
  mkdirSync(east);
  const put = (id: number): void => {
    writeFileSync(`${west}/cat/${id}.jpg`, `picture ${id} `.repeat(id));
    writeFileSync(`${west}/cat/more/${id}-1.jpg`, `more of ${id}`);
  };
  const insert = async (id: number): Promise<void> => {
    await da.query('INSERT INTO shop.product VALUES (?, ?, ?, ?)', [
      id,
      'cat',
      `${id}.jpg`,
      JSON.stringify([`${id}-1.jpg`]),
    ]);
  };
  for (let id = 1; id <= 200; id += 1) {
    put(id);
    await insert(id);
  }
  // A row that names nothing, and one whose path leads out.
  await da.query("INSERT INTO shop.product VALUES (201, 'cat', NULL, NULL), (202, '../../etc', 'passwd', '')");
  await otter.write(
    `${await sitesOf([a, b], '  shop: { from: a, to: b, tables: [shop.product] }\n')}files:
  images:
    from: west
    to: east
    roots: { west: ${west}, east: ${east} }
    follow: { channel: shop, table: shop.product, path: ["{category}/{image}", "{category}/more/{more[]}"] }
`,
  );
  otter.node('west-1');
  otter.node('east-1');
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '120s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  let visible = 0;
  let failed: unknown = null;
  let over = false;
  // Whatever row is seen has its files, whole.
  const hammer = (async () => {
    while (!over) {
      const [found] = await db
        .query<never>('SELECT id FROM shop.product WHERE image IS NOT NULL AND id <> 202')
        .catch(() => [[]]);
      for (const { id } of found as { id: number }[]) {
        expect(readFileSync(`${east}/cat/${id}.jpg`, 'utf8')).toBe(`picture ${id} `.repeat(id));
        expect(readFileSync(`${east}/cat/more/${id}-1.jpg`, 'utf8')).toBe(`more of ${id}`);
      }
      visible = Math.max(visible, (found as unknown[]).length);
    }
  })().catch((error: unknown) => {
    failed = error;
  });
  await otter.until('the channel streams', streaming);
  for (let id = 203; id <= 300; id += 1) {
    put(id);
    await insert(id);
    if (id === 230) await otter.end('east-1', 'SIGKILL');
    if (id === 235) otter.node('east-1');
  }
  await expect.poll(() => rows(db, 'SELECT COUNT(*) FROM shop.product'), { timeout: 60_000 }).toEqual(['["300"]']);
  // The row comes first: it waits at the source until its picture is there.
  await insert(301);
  await otter.until('the row waits', ([pipeline]) => pipeline?.waiting?.includes('cat/301.jpg') === true);
  expect(await rows(db, 'SELECT id FROM shop.product WHERE id = 301')).toEqual([]);
  put(301);
  await expect.poll(() => rows(db, 'SELECT COUNT(*) FROM shop.product'), { timeout: 30_000 }).toEqual(['["301"]']);
  over = true;
  await hammer;
  expect(failed).toBe(null);
  expect(visible).toBeGreaterThan(290);
  const status = await otter.status();
  expect(status?.files[0]).toMatchObject({ name: 'images', ready: true });
  await Promise.all([da.end(), db.end()]);
});
