import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/lab/accounts.ts';
import { type Comparison, compareDatabases, type Side } from '../../src/lab/compare.ts';
import { type DatabaseServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { createShop, SHOP_TABLES, type ShopSize } from '../../src/lab/shop.ts';
import { ShopWriter, type WriterOptions } from '../../src/lab/shop-writer.ts';

const SIZE: ShopSize = { customers: 40, products: 12, orders: 80, warehouses: 2 };

let servers: [DatabaseServer, DatabaseServer];
let connections: [Connection, Connection];
let sides: [Side, Side];

beforeAll(async () => {
  // Two families, so that what is compared is what both write, not what one does.
  servers = [await startMariaDb(), await startMySql()];
  connections = [await connect(servers[0], servers[0].root), await connect(servers[1], servers[1].root)];
  sides = [sideOf(servers[0]), sideOf(servers[1])];
});

afterAll(async () => {
  for (const connection of connections ?? []) connection.destroy();
  for (const server of servers ?? []) await server[Symbol.asyncDispose]();
});

function sideOf(server: DatabaseServer): Side {
  return { host: server.host, port: server.port, account: server.root };
}

async function fresh(): Promise<void> {
  for (const connection of connections) {
    await connection.query('DROP DATABASE IF EXISTS shop');
    await createShop(connection, SIZE, 5);
  }
}

async function query(connection: Connection, sql: string): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql);
  return rows;
}

async function count(connection: Connection, sql: string): Promise<number> {
  const [row] = await query(connection, `SELECT COUNT(*) AS n FROM ${sql}`);
  return Number(row!['n']);
}

function writer(site: 0 | 1, over: Partial<WriterOptions> = {}): ShopWriter {
  return new ShopWriter({ connection: connections[site], site, sites: 2, seed: 11, perSecond: 0, size: SIZE, ...over });
}

const differing = ({ tables }: Comparison) =>
  tables
    .filter(({ onlyA, onlyB, different }) => onlyA + onlyB + different > 0)
    .map(({ table, onlyA, onlyB, different }) => [table, onlyA, onlyB, different]);

describe('the shop', () => {
  it('is the same wherever it is made, and counted in full', async () => {
    await fresh();
    const comparison = await compareDatabases(sides[0], sides[1], SHOP_TABLES);
    expect(comparison.equal).toBe(true);
    const rows = await Promise.all(SHOP_TABLES.map(async (table) => count(connections[0], table)));
    expect(comparison.tables.map(({ rowsA }) => rowsA)).toEqual(rows);
    expect(comparison.rows).toBe(rows.reduce((a, b) => a + b));
  });
});

describe('the comparison finds', () => {
  it('missing, added and changed rows, and names the first and their columns', async () => {
    await fresh();
    const [a, b] = connections;
    await a.query('DELETE FROM shop.order_item WHERE order_id = 80 AND line = 1');
    await b.query(
      "INSERT INTO shop.customer (id, email, name, created_at) VALUES (900, 'new@example.com', 'New', '2025-01-01')",
    );
    await b.query("UPDATE shop.product SET price = price + 0.01, title = CONCAT(title, ' ') WHERE id IN (3, 11)");
    await b.query('UPDATE shop.customer SET city = NULL, updated_at = updated_at WHERE id = 2');
    await a.query("UPDATE shop.customer SET city = '', updated_at = updated_at WHERE id = 2");
    const comparison = await compareDatabases(sides[0], sides[1], SHOP_TABLES, { firstMax: 1 });
    expect(comparison.equal).toBe(false);
    expect(differing(comparison)).toEqual([
      ['shop.customer', 0, 1, 1],
      ['shop.product', 0, 0, 2],
      ['shop.order_item', 0, 1, 0],
    ]);
    const first = (table: string) => comparison.tables.find((one) => one.table === table)!.first;
    expect(first('shop.customer')).toEqual([{ key: ['2'], kind: 'different', columns: ['city'] }]);
    expect(first('shop.product')).toEqual([
      { key: ['3'], kind: 'different', columns: ['title', 'price', 'updated_at'] },
    ]);
    expect(first('shop.order_item')).toEqual([{ key: ['80', '1'], kind: 'only in b', columns: [] }]);
  });

  it('its way through keys of text in servers of different collations', async () => {
    const keys = ['a', 'B', 'b1', 'Öl', 'ß', '杭州', 'z', '🎁', 'aa', 'A0'];
    for (const connection of connections) {
      await connection.query('DROP DATABASE IF EXISTS other');
      await connection.query('CREATE DATABASE other CHARACTER SET utf8mb4');
      await connection.query('CREATE TABLE other.t (k varchar(20) PRIMARY KEY, d decimal(12,3))');
      await connection.query('INSERT INTO other.t VALUES ?', [keys.map((key, index) => [key, index])]);
    }
    await connections[1].query('ALTER TABLE other.t MODIFY k varchar(20) COLLATE utf8mb4_bin NOT NULL');
    expect((await compareDatabases(sides[0], sides[1], ['other.t'])).equal).toBe(true);
    await connections[0].query("DELETE FROM other.t WHERE k = 'ß'");
    expect(differing(await compareDatabases(sides[0], sides[1], ['other.t']))).toEqual([['other.t', 0, 1, 0]]);
  });

  it('that tables cannot be compared, and says why', async () => {
    await fresh();
    await connections[1].query('ALTER TABLE shop.customer DROP COLUMN points');
    await expect(compareDatabases(sides[0], sides[1], ['shop.customer'])).rejects.toMatchObject({ code: 'OT7111' });
    await expect(compareDatabases(sides[0], sides[1], ['shop.nothing'])).rejects.toMatchObject({ code: 'OT7111' });
  });

  it('and leaves no session behind, also when it fails', async () => {
    const sessions = async () =>
      (await query(connections[0], 'SHOW PROCESSLIST')).filter((row) => row['User'] === 'root').length;
    await vi.waitFor(async () => expect(await sessions()).toBe(1));
  });
});

describe('a writer', () => {
  it('does everything that happens in a shop, and counts what it did', async () => {
    await fresh();
    const [before] = await query(
      connections[0],
      'SELECT (SELECT COUNT(*) FROM shop.orders) AS orders, (SELECT COUNT(*) FROM shop.customer) AS customers',
    );
    const one = writer(0);
    await one.write(400);
    const { counts } = one;
    expect(counts.transactions + counts.givenUp).toBe(400);
    for (const action of ['order', 'customer', 'status', 'price', 'cancel', 'forget', 'clash'] as const)
      expect(counts[action]).toBeGreaterThan(0);
    expect(await count(connections[0], 'shop.orders')).toBe(Number(before!['orders']) + counts.order - counts.cancel);
    expect(await count(connections[0], 'shop.customer')).toBe(
      Number(before!['customers']) + counts.customer - counts.forget,
    );
    expect(
      await count(
        connections[0],
        'shop.orders o WHERE total <> (SELECT SUM(quantity * price) FROM shop.order_item WHERE order_id = o.id)',
      ),
    ).toBe(0);
  });

  it('makes the same choices from the same seed', async () => {
    await fresh();
    const [one, other] = [writer(0), writer(0, { connection: connections[1] })];
    await one.write(150);
    await other.write(150);
    expect(other.counts).toEqual(one.counts);
    // Alike but for the names that nobody may have twice, and the times.
    const comparison = await compareDatabases(sides[0], sides[1], SHOP_TABLES, { firstMax: 1_000 });
    expect(comparison.tables.map(({ onlyA, onlyB }) => onlyA + onlyB)).toEqual([0, 0, 0, 0, 0]);
    const columns = comparison.tables.flatMap(({ first }) => first.flatMap((row) => row.columns));
    expect([...new Set(columns)].sort()).toEqual(['created_at', 'email', 'ordered_at', 'updated_at']);
  });

  it('meets the other site only where it means to', async () => {
    await fresh();
    await writer(0, { clashes: 0 }).write(120);
    await writer(1, { clashes: 0 }).write(120);
    // Rows of the beginning that both sites have changed, found by what each side no longer has as it was.
    const changed = async (connection: Connection, table: string, key: string, was: string) =>
      new Set(
        (await query(connection, `SELECT CONCAT_WS('-', ${key}) AS k FROM shop.${table} WHERE ${was}`)).map((row) =>
          String(row['k']),
        ),
      );
    const recent = "updated_at > '2026-01-01'";
    for (const [table, key, was] of [
      ['product', 'id', recent],
      ['customer', 'id', recent],
      ['orders', 'id', recent],
    ] as const) {
      const here = await changed(connections[0], table, key, was);
      const there = await changed(connections[1], table, key, was);
      expect(here.size, table).toBeGreaterThan(0);
      expect(there.size, table).toBeGreaterThan(0);
      expect(
        [...here].filter((one) => there.has(one)),
        table,
      ).toEqual([]);
    }
    // Each site takes from its own warehouse.
    const { tables } = await compareDatabases(sides[0], sides[1], ['shop.stock'], { firstMax: 1_000 });
    const original = await query(connections[0], 'SELECT SUM(quantity) AS here FROM shop.stock WHERE warehouse = 2');
    await fresh();
    const untouched = await query(connections[0], 'SELECT SUM(quantity) AS here FROM shop.stock WHERE warehouse = 2');
    expect(original).toEqual(untouched);
    expect(tables[0]!.different).toBeGreaterThan(0);
  });

  it('meets the other site when it is told to', async () => {
    await fresh();
    const [one, other] = [writer(0, { clashes: 1 }), writer(1, { clashes: 1 })];
    await one.write(50);
    await other.write(50);
    const hot = async (connection: Connection) =>
      count(connection, "shop.product WHERE id <= 3 AND updated_at > '2026-01-01'");
    expect(await hot(connections[0])).toBe(3);
    expect(await hot(connections[1])).toBe(3);
  });

  it('keeps to its rate and stops with its signal, between transactions', async () => {
    await fresh();
    const controller = new AbortController();
    const one = writer(0, { perSecond: 50 });
    const running = one.run(controller.signal);
    await vi.waitFor(() => expect(one.counts.transactions).toBeGreaterThan(20), { timeout: 20_000 });
    controller.abort();
    await running;
    const { transactions } = one.counts;
    expect(await count(connections[0], 'information_schema.innodb_trx')).toBe(0);
    expect(one.counts.transactions).toBe(transactions);
  });

  it('lives with deadlocks when two write at once', async () => {
    await fresh();
    const second = await connect(servers[0], servers[0].root);
    try {
      const [one, other] = [writer(0), writer(0, { connection: second, seed: 12 })];
      await Promise.all([one.write(200), other.write(200)]);
      expect(one.counts.transactions + one.counts.givenUp + other.counts.transactions + other.counts.givenUp).toBe(400);
      expect(await count(connections[0], 'shop.customer')).toBe(
        SIZE.customers + one.counts.customer + other.counts.customer - one.counts.forget - other.counts.forget,
      );
    } finally {
      second.destroy();
    }
  });

  it('does not hide an error that is none of its life', async () => {
    await fresh();
    await connections[0].query('DROP TABLE shop.order_item');
    await expect(writer(0).write(50)).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
  });
});
