import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { fromCents, SHOP_TABLES, SMALL_SHOP, shopRows } from '../../src/lab/shop.ts';

describe('seeded chance', () => {
  it('is the same for the same seed, and another for another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 20 },
        (
          (random) => () =>
            random.next()
        )(seededRandom(seed)),
      );
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('stays between its ends and reaches both', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: -50, max: 50 }),
        fc.integer({ min: 0, max: 5 }),
        (seed, low, width) => {
          const random = seededRandom(seed);
          const drawn = new Set(Array.from({ length: 300 }, () => random.between(low, low + width)));
          expect([...drawn].sort((a, b) => a - b)).toEqual(Array.from({ length: width + 1 }, (_, step) => low + step));
        },
      ),
    );
  });
});

describe('cents', () => {
  it.each([
    [0, '0.00'],
    [5, '0.05'],
    [1999, '19.99'],
    [-5, '-0.05'],
    [-1999, '-19.99'],
  ])('%d is %s', (cents, text) => {
    expect(fromCents(cents)).toBe(text);
  });
});

describe('the rows of the shop', () => {
  it('are the same for the same seed', () => {
    expect([...shopRows(SMALL_SHOP, 3)]).toEqual([...shopRows(SMALL_SHOP, 3)]);
    expect([...shopRows(SMALL_SHOP, 3)]).not.toEqual([...shopRows(SMALL_SHOP, 4)]);
  });

  it('come parents first, in batches that are bounded', () => {
    const batches = [...shopRows(SMALL_SHOP, 1, 100)];
    for (const { rows } of batches) expect(rows.length).toBeLessThanOrEqual(100);
    expect([...new Set(batches.map(({ table }) => table))]).toEqual([...SHOP_TABLES]);
  });

  it('add up: an order costs what its items cost', () => {
    const cents = (text: unknown) => Math.round(Number(text) * 100);
    const of = (name: string) =>
      [...shopRows(SMALL_SHOP, 1)].filter(({ table }) => table === name).flatMap(({ rows }) => rows);
    const sums = new Map<unknown, number>();
    for (const [order, , , quantity, price] of of('shop.order_item'))
      sums.set(order, (sums.get(order) ?? 0) + Number(quantity) * cents(price));
    const orders = of('shop.orders');
    expect(orders).toHaveLength(SMALL_SHOP.orders);
    for (const [id, , , total] of orders) expect(cents(total)).toBe(sums.get(id));
  });
});
