/** Accounts with exactly the statements of docs/databases.md do all that channels do. */
import { readFile } from 'node:fs/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { LOG_PRIVILEGES, OWN_PRIVILEGES, READ_PRIVILEGES, WRITE_PRIVILEGES } from '../../src/model/privileges.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { access } from '../mysql/context.ts';
import { channel, dump, equal, rootOf, Sites, streaming, until } from './harness.ts';

const PAGE = await readFile(new URL('../../docs/databases.md', import.meta.url), 'utf8');
const PASSWORD = 'otter-secret';
const HEADINGS = { mariadb: 'MariaDB', mysql: 'MySQL' };

let servers: LabServer[];
let roots: Connection[];

beforeAll(async () => {
  servers = await Promise.all([startMariaDb(), startMySql()]);
  roots = await Promise.all(servers.map(rootOf));
});
afterAll(async () => {
  for (const root of roots ?? []) await root.end();
  for (const server of servers ?? []) await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  for (const root of roots) {
    await root.query(
      "DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; DROP USER IF EXISTS 'least'@'%'; CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    );
  }
});

/** A parent and a child with a generated column, one that stays behind, and one that has another name there. */
async function fill(root: Connection): Promise<void> {
  await root.query(`USE shop;
    CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(20), u INT, UNIQUE KEY u (u), KEY n (name));
    CREATE TABLE child (id INT PRIMARY KEY, parent INT, g INT AS (id + 1) STORED, secret INT, t TEXT,
      CONSTRAINT fk FOREIGN KEY (parent) REFERENCES parent (id));
    INSERT INTO parent VALUES (1, 'a', 1), (2, 'b', 2);
    INSERT INTO child (id, parent, secret, t) VALUES (1, 1, 1, 'x')`);
}

/** The lab's servers, logged in to as that account. */
function as(server: LabServer): LabServer {
  const { family, host, port } = server;
  return { family, host, port, otter: { user: 'least', password: PASSWORD } } as LabServer;
}

function shop(direction: ChannelSpec['direction']): ChannelSpec {
  const spec = channel(direction, ['shop.*', 'shop.child']);
  const columns = { only: null, omit: ['secret'], rename: { t: 'txt' } };
  return { ...spec, tables: spec.tables.map((one) => (one.from === 'shop.child' ? { ...one, columns } : one)) };
}

async function retire(sites: Sites): Promise<void> {
  sites.set({});
  await Promise.all(['a', 'b'].map((name) => sites.site(name).retire()));
  for (const root of roots) expect((await root.query("SHOW DATABASES LIKE 'otter'"))[0]).toEqual([]);
}

test('a two-way channel with the statements of the page', async () => {
  for (const [index, { family }] of servers.entries()) {
    const block = new RegExp(`^### ${HEADINGS[family]}\\n+\`\`\`sql\\n([\\s\\S]*?)\`\`\``, 'm').exec(PAGE)![1]!;
    expect(block.match(/^GRANT /gm)).toHaveLength(3);
    await roots[index]!.query(block.replaceAll("'otter'", "'least'").replaceAll("'...'", `'${PASSWORD}'`));
  }
  const [a, b] = roots as [Connection, Connection];
  await fill(a);
  await using sites = new Sites({ a: as(servers[0]!), b: as(servers[1]!) });
  sites.set({ shop: shop({ kind: 'two-way', between: ['a', 'b'] }) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b', 'shop/b>a');
  await a.query(
    "INSERT INTO shop.parent VALUES (10, 'c', 10); DELETE FROM shop.parent WHERE id = 2; CREATE TABLE shop.later (id INT PRIMARY KEY, v INT); INSERT INTO shop.later VALUES (1, 1)",
  );
  await b.query("INSERT INTO shop.parent VALUES (11, 'd', 11); UPDATE shop.child SET txt = 'y'");
  await equal(a, b, 'shop.parent');
  await until('the new table is there', async () => (await dump(b, 'shop.later').catch(() => [])).length === 1);
  await until('the row is back', async () => (await dump(a, 'shop.child')).join() === '[1,1,2,1,"y"]');
  await retire(sites);
});

test.each([
  ['MariaDB to MySQL', 0, 1],
  ['MySQL to MariaDB', 1, 0],
])(
  'one-way from %s: a source is only read, a target needs no log, nor rights to make tables that are there',
  async (_, from, to) => {
    const [source, target] = [roots[from]!, roots[to]!];
    for (const root of roots)
      await root.query(
        `CREATE USER 'least'@'%' IDENTIFIED BY '${PASSWORD}'; GRANT ${OWN_PRIVILEGES.join(', ')} ON otter.* TO 'least'@'%'`,
      );
    const log = LOG_PRIVILEGES[servers[from]!.family].map(([name]) => name).join(', ');
    await source.query(
      `GRANT ${log} ON *.* TO 'least'@'%'; GRANT ${READ_PRIVILEGES.join(', ')} ON shop.* TO 'least'@'%'`,
    );
    await target.query(`GRANT ${WRITE_PRIVILEGES.join(', ')} ON shop.* TO 'least'@'%'`);
    await fill(source);
    await source.query('CREATE TRIGGER shop.t BEFORE INSERT ON shop.parent FOR EACH ROW SET @x = 1');
    await fill(target);
    await target.query(
      'DELETE FROM shop.child; DELETE FROM shop.parent; ALTER TABLE shop.child DROP COLUMN secret, RENAME COLUMN t TO txt',
    );

    await using reader = mysqlSource({ server: access(servers[from]!, { user: 'least', password: PASSWORD }) });
    const child = await reader.shape('shop', 'child');
    expect(child).toMatchObject({ primaryKey: [0], foreignKeys: [{ name: 'fk', parentTable: 'parent' }] });
    const parent = await reader.shapeWithChildren('shop', 'parent');
    expect(parent).toMatchObject({ uniques: [{ name: 'u' }], referencedBy: ['shop.child'], triggers: ['t'] });

    await using sites = new Sites({ a: as(servers[from]!), b: as(servers[to]!) });
    sites.set({ shop: shop({ kind: 'one-way', from: ['a'], to: ['b'] }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'shop/a>b');
    await source.query("UPDATE shop.parent SET name = 'z'; DELETE FROM shop.parent WHERE id = 2");
    await equal(source, target, 'shop.parent');
    await until('the child is there', async () => (await dump(target, 'shop.child')).join() === '[1,1,2,"x"]');
    await retire(sites);
  },
);
