/** Tables that differ by name at the source only. */
import { expect, test } from 'vitest';
import { TwinTables } from '../../src/replication/twin-tables.ts';

const candidate = (source: string, named: string, there = 'DW.ITEM') => ({ source, named, there });

test('two names for one table are refused, of whichever table comes second', () => {
  const twins = new TwinTables();
  expect(twins.add(candidate('shop.item', 'DW.item'))).toBeNull();
  expect(twins.add(candidate('shop.ITEM', 'DW.ITEM'))).toMatchObject({
    code: 'OT5056',
    message: expect.stringMatching(/shop\.ITEM and shop\.item would both go into DW\.ITEM/),
  });
  expect(twins.add(candidate('shop.ITEM', 'DW.other', 'DW.OTHER'))).toBeNull();
  expect(twins.add(candidate('shop.item', 'DW.item'))).toBeNull();
});

test('one name for all of them is meant', () => {
  const twins = new TwinTables();
  for (const shard of ['0', '1', '2']) expect(twins.add(candidate(`shop.item_${shard}`, 'DW.item'))).toBeNull();
  expect(twins.add(candidate('shop.ITEM', 'dw.item'))).toMatchObject({ code: 'OT5056' });
});

test('what has left, or goes elsewhere, or is called otherwise now, is in nobody’s way', () => {
  const twins = new TwinTables();
  twins.add(candidate('shop.item', 'DW.item'));
  twins.delete('shop.item');
  expect(twins.add(candidate('shop.ITEM', 'DW.ITEM'))).toBeNull();
  expect(twins.add(candidate('shop.ITEM', 'DW.Item', 'DW.Item'))).toBeNull();
  expect(twins.add(candidate('shop.item', 'DW.item'))).toBeNull();
  expect(twins.add(candidate('shop.item', 'DW.ITEM'))).toBeNull();
  twins.delete('shop.none');
});
