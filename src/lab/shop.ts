/**
 * A small online shop to show and to test with: five tables with keys, a unique email, exact prices, times of all kinds and
 * foreign keys that do not cascade, so that every table may be replicated both ways. The same seed gives the same rows.
 */
import type { Connection } from 'mysql2/promise';
import { type Random, seededRandom } from './random.ts';

export const SHOP_SCHEMA = 'shop';

/** Parents before children. */
export const SHOP_TABLES = ['shop.customer', 'shop.product', 'shop.stock', 'shop.orders', 'shop.order_item'] as const;

/** Creates everything; the schema must not be there yet. */
export const SHOP_STATEMENTS: readonly string[] = [
  `CREATE DATABASE ${SHOP_SCHEMA} CHARACTER SET utf8mb4`,
  `CREATE TABLE shop.customer (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email varchar(120) NOT NULL,
    name varchar(80) NOT NULL,
    city varchar(60) DEFAULT NULL,
    newsletter tinyint(1) NOT NULL DEFAULT 0,
    points int NOT NULL DEFAULT 0,
    created_at datetime(3) NOT NULL,
    updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    UNIQUE KEY customer_email (email),
    KEY customer_city (city)
  ) ENGINE=InnoDB`,
  `CREATE TABLE shop.product (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku char(10) NOT NULL,
    title varchar(120) NOT NULL,
    description text,
    category enum('tea','ceramics','books','music','garden') NOT NULL,
    price decimal(10,2) NOT NULL,
    weight_grams smallint unsigned DEFAULT NULL,
    updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    UNIQUE KEY product_sku (sku)
  ) ENGINE=InnoDB`,
  `CREATE TABLE shop.stock (
    product_id bigint unsigned NOT NULL,
    warehouse tinyint unsigned NOT NULL,
    quantity int NOT NULL,
    counted_on date DEFAULT NULL,
    PRIMARY KEY (product_id, warehouse),
    CONSTRAINT stock_product FOREIGN KEY (product_id) REFERENCES shop.product (id)
  ) ENGINE=InnoDB`,
  `CREATE TABLE shop.orders (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id bigint unsigned NOT NULL,
    status enum('new','paid','packed','sent','returned') NOT NULL DEFAULT 'new',
    total decimal(12,2) NOT NULL DEFAULT 0.00,
    note varchar(200) DEFAULT NULL,
    ordered_at datetime(6) NOT NULL,
    updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    KEY orders_customer (customer_id, ordered_at),
    CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES shop.customer (id)
  ) ENGINE=InnoDB`,
  `CREATE TABLE shop.order_item (
    order_id bigint unsigned NOT NULL,
    line tinyint unsigned NOT NULL,
    product_id bigint unsigned NOT NULL,
    quantity smallint unsigned NOT NULL,
    price decimal(10,2) NOT NULL,
    PRIMARY KEY (order_id, line),
    KEY order_item_product (product_id),
    CONSTRAINT order_item_order FOREIGN KEY (order_id) REFERENCES shop.orders (id),
    CONSTRAINT order_item_product FOREIGN KEY (product_id) REFERENCES shop.product (id)
  ) ENGINE=InnoDB`,
];

export interface ShopSize {
  readonly customers: number;
  readonly products: number;
  readonly orders: number;
  /** One warehouse a site, numbered from 1. */
  readonly warehouses: number;
}

export const SMALL_SHOP: ShopSize = { customers: 500, products: 60, orders: 1_500, warehouses: 2 };

type Value = string | number | null;

/** Rows that are there before anybody buys, table by table, parents first, in batches of at most `batch`. */
export function* shopRows(
  size: ShopSize,
  seed: number,
  batch = 1_000,
): Generator<{
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}> {
  const random = seededRandom(seed);
  const prices = Array.from({ length: size.products }, () => random.between(150, 19_900));
  for (const { table, columns, rows } of tablesOf(size, prices, random)) {
    for (const chunk of chunks(rows, batch)) yield { table, columns, rows: chunk };
  }
}

/** Creates the shop and fills it. */
export async function createShop(connection: Connection, size: ShopSize = SMALL_SHOP, seed = 1): Promise<void> {
  for (const statement of SHOP_STATEMENTS) await connection.query(statement);
  for (const { table, columns, rows } of shopRows(size, seed)) {
    await connection.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ?`, [rows]);
  }
}

// ---------------------------------------------------------------- what is in it

const GIVEN = [
  'Ana',
  'Bo',
  'Chiara',
  'Dmitri',
  'Élodie',
  'Faisal',
  'Grace',
  '海伦',
  'Ines',
  'Jürgen',
  'Kavya',
  '丽华',
  'Mats',
  'Noor',
  'Óscar',
];
const FAMILY = [
  'Adeyemi',
  'Brandt',
  "D'Angelo",
  'García',
  'Ivanova',
  '陈',
  'Kowalski',
  'Lindqvist',
  '王',
  'Nakamura',
  "O'Neill",
  'Şahin',
  'Wu',
];
const CITIES = ['杭州', 'Sacramento', 'Zürich', 'São Paulo', 'Łódź', 'Nairobi', null];
const THINGS = {
  tea: 'Longjing tea',
  ceramics: 'Celadon cup',
  books: 'Field guide',
  music: 'Record',
  garden: 'Pruning shears',
} as const;
const KINDS = ['small', 'large', 'second choice', 'gift box', '"limited"', '100 % natural'];
const CATEGORIES = Object.keys(THINGS) as (keyof typeof THINGS)[];
const STATUSES = ['new', 'paid', 'packed', 'sent', 'returned'] as const;
const EPOCH_MS = Date.UTC(2025, 0, 1);
const DAY_MS = 86_400_000;

export interface MadeUpCustomer {
  readonly name: string;
  readonly city: string | null;
}

export function madeUpCustomer(random: Random): MadeUpCustomer {
  return { name: `${random.pick(GIVEN)} ${random.pick(FAMILY)}`, city: random.pick(CITIES) };
}

/** `1999` → `19.99`: prices are counted in cents and never in floating point. */
export function fromCents(cents: number): string {
  const sign = cents < 0 ? '-' : '';
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function* tablesOf(size: ShopSize, prices: readonly number[], random: Random) {
  const when = (digits: number): string => {
    const ms = EPOCH_MS + random.between(0, 300 * DAY_MS);
    const text = new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
    return digits === 6 ? `${text}${String(random.between(0, 999)).padStart(3, '0')}` : text;
  };
  yield {
    table: 'shop.customer',
    columns: ['id', 'email', 'name', 'city', 'newsletter', 'points', 'created_at', 'updated_at'],
    rows: rowsOf(size.customers, (id) => {
      const { name, city } = madeUpCustomer(random);
      return [
        id,
        `customer${id}@example.com`,
        name,
        city,
        random.between(0, 1),
        random.between(0, 5_000),
        when(3),
        when(6),
      ];
    }),
  };
  yield {
    table: 'shop.product',
    columns: ['id', 'sku', 'title', 'description', 'category', 'price', 'weight_grams', 'updated_at'],
    rows: rowsOf(size.products, (id) => {
      const category = CATEGORIES[id % CATEGORIES.length]!;
      const title = `${THINGS[category]}, ${random.pick(KINDS)}`;
      const description = random.chance(0.3) ? null : `${title}.\n${'Made with care. '.repeat(random.between(1, 20))}`;
      const weight = random.chance(0.2) ? null : random.between(20, 6_000);
      return [
        id,
        `SKU-${String(id).padStart(5, '0')}`,
        title,
        description,
        category,
        fromCents(prices[id - 1]!),
        weight,
        when(6),
      ];
    }),
  };
  yield {
    table: 'shop.stock',
    columns: ['product_id', 'warehouse', 'quantity', 'counted_on'],
    rows: rowsOf(size.products * size.warehouses, (number) => [
      Math.ceil(number / size.warehouses),
      ((number - 1) % size.warehouses) + 1,
      random.between(500, 2_000),
      random.chance(0.1) ? null : when(3).slice(0, 10),
    ]),
  };
  const items: Value[][] = [];
  const orders: Value[][] = [];
  for (let id = 1; id <= size.orders; id++) {
    const lines = Array.from({ length: random.between(1, 4) }, (_, line) => {
      const product = random.between(1, size.products);
      return { line: line + 1, product, quantity: random.between(1, 5), cents: prices[product - 1]! };
    });
    const total = lines.reduce((sum, { quantity, cents }) => sum + quantity * cents, 0);
    const note = random.chance(0.8)
      ? null
      : random.pick(['please ring twice', 'Geschenk 🎁', 'leave at the neighbour’s', '']);
    orders.push([
      id,
      random.between(1, size.customers),
      random.pick(STATUSES),
      fromCents(total),
      note,
      when(6),
      when(6),
    ]);
    items.push(...lines.map(({ line, product, quantity, cents }) => [id, line, product, quantity, fromCents(cents)]));
  }
  yield {
    table: 'shop.orders',
    columns: ['id', 'customer_id', 'status', 'total', 'note', 'ordered_at', 'updated_at'],
    rows: orders,
  };
  yield { table: 'shop.order_item', columns: ['order_id', 'line', 'product_id', 'quantity', 'price'], rows: items };
}

function* rowsOf(count: number, row: (number: number) => Value[]): Generator<Value[]> {
  for (let number = 1; number <= count; number++) yield row(number);
}

function* chunks<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
