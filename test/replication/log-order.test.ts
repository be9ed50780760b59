import { expect, test } from 'vitest';
import type { Delivery } from '../../src/model/row.ts';
import { LogOrder } from '../../src/replication/log-order.ts';

const of = (...gtids: string[]): Delivery[] => gtids.map((gtid) => ({ kind: 'beat', gtid }) as unknown as Delivery);

test('transactions of a domain have growing numbers, or it is told', () => {
  const order = new LogOrder('mariadb:0-1-10,1-1-5');
  expect(order.breaks(of('0-1-11', '1-1-6', '0-1-12', '0-1-12'))).toBe(false);
  expect(order.breaks(of('2-1-1'))).toBe(false);
  expect(order.breaks(of('0-2-9'))).toBe(true);
  // From there on.
  expect(order.breaks(of('0-2-10', '0-1-13'))).toBe(false);
  expect(new LogOrder('mariadb:0-1-10').breaks(of('0-2-9'))).toBe(true);
});

test('of what is not of the log nothing is said, nor where a position is a set', () => {
  const table = { kind: 'table', gtid: '' } as unknown as Delivery;
  expect(new LogOrder('mariadb:0-1-10').breaks([table])).toBe(false);
  const uuid = '00000000-0000-0000-0000-000000000001';
  expect(new LogOrder(`mysql:${uuid}:1-9`).breaks(of(`${uuid}:12`, `${uuid}:10`))).toBe(false);
});
