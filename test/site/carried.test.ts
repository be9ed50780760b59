/** Answers that travel beside rows. */
import { expect, test } from 'vitest';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { SourcePort } from '../../src/model/ports.ts';
import { parsePosition } from '../../src/model/position.ts';
import type { TableShape } from '../../src/model/row.ts';
import { Carried } from '../../src/site/carried.ts';
import { loaded, SHOP } from '../planner/world.ts';

const spec = compileChannel('shop', loaded(SHOP).topology.channel['shop']!).find(({ role }) => role !== 'one-way')!;
const keys = { primaryKey: [0], uniques: [], foreignKeys: [], referencedBy: [], triggers: [] };
const column = { name: 'id', type: 'int', charset: null, collation: null, nullable: false, generated: false };
const orders: TableShape = { schema: 'shop', name: 'orders', columns: [column], engine: 'InnoDB', ...keys };
const answer = (table: string, key: number) =>
  ({
    kind: 'answer',
    pipeline: spec.reverse!,
    schema: 'shop',
    table,
    key: [String(key)],
    image: [String(key)],
    locks: [],
    lost: null,
    won: new Set<string>(),
  }) as const;

function carrying(): Carried {
  const carried = new Carried({
    making: {
      hashBy: () => (text) => text,
      bounded: (work) => work(),
      processor: () => (row) => row,
    },
    spec,
    generation: 1,
    leaving: null,
    left: () => undefined,
    source: {} as SourcePort,
    known: {},
    since: () => null,
    cameBack: async () => false,
  });
  carried.announcements.told({ table: orders, structure: 'x', stay: 0 });
  return carried;
}

test('an answer for a table that is gone keeps those for others back no more than it goes itself', () => {
  const carried = carrying();
  const rows = [answer('gone', 1), answer('orders', 2), answer('gone', 3)];
  // Who asks the server for them finds nothing there.
  expect(carried.untold(rows)).toEqual([rows[2]]);
  expect(carried.answers(rows)).toMatchObject([{ table: { name: 'orders' }, key: ['2'], image: ['2'] }]);
});

test('nor does one for a table that has left', () => {
  const carried = carrying();
  const left = { ...spec, tables: spec.tables.map((rule) => ({ ...rule, from: 'shop.customers' })) };
  carried.update(left, 2, parsePosition('mariadb:0-1-5'));
  carried.tookUp(2, parsePosition('mariadb:0-1-5'));
  carried.pass('0-1-6');
  expect(carried.answers([answer('orders', 2)])).toEqual([]);
});
