/**
 * Somebody who uses the shop at one site: new customers, orders with items and stock, status changes, cancellations, new prices.
 *
 * Most of it is on rows that only this site writes: ids come from the site's own residue class, stock from its own warehouse,
 * prices from its own products. A share is on rows that every site writes, so that conflicts happen on purpose.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { UnreachableError } from '../model/error.ts';
import { type Random, seededRandom } from './random.ts';
import { fromCents, madeUpCustomer, type ShopSize, SMALL_SHOP } from './shop.ts';

const ACTIONS = ['order', 'customer', 'status', 'price', 'cancel', 'forget', 'clash'] as const;
export type ShopAction = (typeof ACTIONS)[number];

export interface WriterOptions {
  /** Its session settings are changed; nobody else may use it meanwhile. */
  readonly connection: Connection;
  /** Sites count from 0; all of them together are `sites`. */
  readonly site: number;
  readonly sites: number;
  readonly seed: number;
  /** Transactions a second; 0: as fast as they go. */
  readonly perSecond: number;
  /** Share of transactions on rows that all sites write. */
  readonly clashes?: number | undefined;
  readonly size?: ShopSize | undefined;
}

export type WriterCounts = Readonly<Record<ShopAction, number>> & {
  /** Committed. */
  readonly transactions: number;
  /** Rows inserted, updated and deleted by them. */
  readonly rows: number;
  /** Rolled back by a deadlock or a lock held too long, and not tried again. */
  readonly givenUp: number;
};

const CLASHES = 0.02;
/** Products that every site changes when it clashes. */
const HOT_PRODUCTS = 3;
/** How many of its own orders and customers a writer remembers. */
const REMEMBERED_MAX = 1_000;
/** Deadlock, lock wait timeout, and a row that the other site's win has taken away: a shop lives with these. */
const BEARABLE: ReadonlySet<string> = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_NO_REFERENCED_ROW_2',
  'ER_ROW_IS_REFERENCED_2',
]);

export class ShopWriter {
  readonly #connection: Connection;
  readonly #options: WriterOptions;
  readonly #size: ShopSize;
  readonly #random: Random;
  readonly #orders: number[] = [];
  /** Customers of this site without orders. */
  readonly #customers: number[] = [];
  readonly #counts: Record<keyof WriterCounts, number>;
  /** Keeps the emails of two writers of one seed apart: the only thing that is not made from the seed. */
  readonly #name = randomBytes(4).toString('hex');
  /** Rows changed by the transaction that runs. */
  #rows = 0;
  #emails = 0;

  constructor(options: WriterOptions) {
    this.#connection = options.connection;
    this.#options = options;
    this.#size = options.size ?? SMALL_SHOP;
    this.#random = seededRandom(options.seed * 7_919 + options.site);
    const actions = Object.fromEntries(ACTIONS.map((action) => [action, 0])) as Record<ShopAction, number>;
    this.#counts = { ...actions, transactions: 0, rows: 0, givenUp: 0 };
  }

  get counts(): WriterCounts {
    return { ...this.#counts };
  }

  /** Until the signal aborts, which ends it after the transaction that runs. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#prepare();
    const { perSecond } = this.#options;
    let dueMs = performance.now();
    while (!signal.aborted) {
      await this.#once();
      if (perSecond <= 0) continue;
      // A slow server is not hurried afterwards: what was missed by more than a second is not made up for.
      dueMs = Math.max(dueMs + 1000 / perSecond, performance.now() - 1000);
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** So many transactions, one after the other. */
  async write(transactions: number): Promise<void> {
    await this.#prepare();
    for (let done = 0; done < transactions; done++) await this.#once();
  }

  async #prepare(): Promise<void> {
    const { site, sites } = this.#options;
    await this.#connection.query(
      `SET auto_increment_increment = ${sites}, auto_increment_offset = ${site + 1}, time_zone = '+00:00', NAMES utf8mb4`,
    );
  }

  async #once(): Promise<void> {
    const action = this.#choose();
    this.#rows = 0;
    try {
      await this.#connection.beginTransaction();
      await this.#act(action);
      await this.#connection.commit();
    } catch (error) {
      await this.#connection.rollback().catch(() => undefined);
      if (!BEARABLE.has((error as { code?: string }).code ?? '')) throw error;
      this.#counts.givenUp++;
      return;
    }
    this.#counts[action]++;
    this.#counts.transactions++;
    this.#counts.rows += this.#rows;
  }

  #choose(): ShopAction {
    if (this.#random.chance(this.#options.clashes ?? CLASHES)) return 'clash';
    const draw = this.#random.next();
    if (draw < 0.4) return 'order';
    if (draw < 0.55) return 'customer';
    if (draw < 0.8) return this.#orders.length === 0 ? 'order' : 'status';
    if (draw < 0.9) return 'price';
    if (draw < 0.97) return this.#orders.length === 0 ? 'order' : 'cancel';
    return this.#customers.length === 0 ? 'customer' : 'forget';
  }

  async #act(action: ShopAction): Promise<void> {
    switch (action) {
      case 'order':
        return this.#order();
      case 'customer':
        return this.#customer();
      case 'status':
        await this.#change(
          "UPDATE shop.orders SET status = ELT(FIELD(status, 'new', 'paid', 'packed', 'sent', 'returned'), 'paid', 'packed', 'sent', 'returned', 'returned') WHERE id = ?",
          [this.#random.pick(this.#orders)],
        );
        return;
      case 'price':
        return this.#reprice(this.#ownProduct());
      case 'cancel':
        return this.#cancel();
      case 'forget':
        await this.#change('DELETE FROM shop.customer WHERE id = ?', [this.#take(this.#customers)]);
        return;
      case 'clash':
        return this.#clash();
      default:
        throw new UnreachableError(action satisfies never);
    }
  }

  async #customer(): Promise<void> {
    const { site } = this.#options;
    const { name, city } = madeUpCustomer(this.#random);
    const email = `${this.#name}.${++this.#emails}@site${site + 1}.example.com`;
    const id = await this.#change(
      'INSERT INTO shop.customer (email, name, city, newsletter, created_at) VALUES (?, ?, ?, ?, NOW(3))',
      [email, name, city, this.#random.between(0, 1)],
    );
    remember(this.#customers, id);
  }

  /** For a customer of this site, or one of those who were there from the beginning: those are never deleted. */
  async #order(): Promise<void> {
    const own = this.#customers.length > 0 && this.#random.chance(0.3);
    const customer = own ? this.#take(this.#customers) : this.#random.between(1, this.#size.customers);
    const order = await this.#change('INSERT INTO shop.orders (customer_id, ordered_at) VALUES (?, NOW(6))', [
      customer,
    ]);
    const products = new Set(
      Array.from({ length: this.#random.between(1, 5) }, () => this.#random.between(1, this.#size.products)),
    );
    // In the order of their ids, as two orders would otherwise wait for each other's stock.
    for (const [index, product] of [...products].sort((a, b) => a - b).entries()) {
      const quantity = this.#random.between(1, 5);
      await this.#change(
        'INSERT INTO shop.order_item (order_id, line, product_id, quantity, price) SELECT ?, ?, id, ?, price FROM shop.product WHERE id = ?',
        [order, index + 1, quantity, product],
      );
      await this.#change('UPDATE shop.stock SET quantity = quantity - ? WHERE product_id = ? AND warehouse = ?', [
        quantity,
        product,
        this.#options.site + 1,
      ]);
    }
    await this.#change(
      'UPDATE shop.orders SET total = (SELECT SUM(quantity * price) FROM shop.order_item WHERE order_id = ?) WHERE id = ?',
      [order, order],
    );
    remember(this.#orders, order);
  }

  async #cancel(): Promise<void> {
    const order = this.#take(this.#orders);
    const [items] = await this.#connection.query<RowDataPacket[]>(
      'SELECT product_id AS product, quantity FROM shop.order_item WHERE order_id = ? ORDER BY product_id',
      [order],
    );
    for (const { product, quantity } of items as { product: number; quantity: number }[]) {
      await this.#change('UPDATE shop.stock SET quantity = quantity + ? WHERE product_id = ? AND warehouse = ?', [
        quantity,
        product,
        this.#options.site + 1,
      ]);
    }
    await this.#change('DELETE FROM shop.order_item WHERE order_id = ?', [order]);
    await this.#change('DELETE FROM shop.orders WHERE id = ?', [order]);
  }

  /** What every site does to the same few rows. */
  async #clash(): Promise<void> {
    if (this.#random.chance(0.5))
      return this.#reprice(this.#random.between(1, Math.min(HOT_PRODUCTS, this.#size.products)));
    await this.#change('UPDATE shop.customer SET points = points + ? WHERE id = ?', [
      this.#random.between(1, 50),
      this.#random.between(1, Math.min(10, this.#size.customers)),
    ]);
  }

  async #reprice(product: number): Promise<void> {
    await this.#change('UPDATE shop.product SET price = ? WHERE id = ?', [
      fromCents(this.#random.between(150, 19_900)),
      product,
    ]);
  }

  /** One that no other site gives a price, and that is not hot. */
  #ownProduct(): number {
    const { site, sites } = this.#options;
    const own = Math.floor((this.#size.products - HOT_PRODUCTS - site - 1) / sites);
    return Math.max(1, HOT_PRODUCTS + 1 + site + sites * this.#random.between(0, Math.max(0, own)));
  }

  #take(from: number[]): number {
    const [taken] = from.splice(this.#random.between(0, from.length - 1), 1);
    return taken!;
  }

  /** @returns the id that was given, if one was. */
  async #change(sql: string, values: readonly (string | number | null)[]): Promise<number> {
    const [result] = await this.#connection.query<ResultSetHeader>(sql, [...values]);
    this.#rows += result.affectedRows;
    return result.insertId;
  }
}

/** The oldest gives way. */
function remember(list: number[], id: number): void {
  list.push(id);
  if (list.length > REMEMBERED_MAX) list.shift();
}
