import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextOwner } from '../../src/executor/ownership.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/).filter((text) => text !== '__proto__');
const names = (least: number, most: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(name, { minLength: least, maxLength: most });

test('nobody owns what nobody could', () => {
  expect(nextOwner('db', { loads: {}, free: ['db'] })).toBeNull();
});

test('the order of nodes and databases does not matter', () => {
  fc.assert(
    fc.property(names(1, 6), names(1, 12), fc.array(fc.nat(3)), (nodes, free, counts) => {
      const entries = nodes.map((node, i) => [node, counts[i] ?? 0] as const);
      for (const database of free) {
        const owner = nextOwner(database, { loads: Object.fromEntries(entries), free });
        const turned = { loads: Object.fromEntries(entries.toReversed()), free: free.toReversed() };
        expect(nextOwner(database, turned)).toBe(owner);
        expect(nodes).toContain(owner);
      }
    }),
  );
});

test('in whatever order they are taken, no node ends with more than two above another', () => {
  fc.assert(
    fc.property(names(1, 6), names(1, 20), fc.infiniteStream(fc.nat()), (nodes, databases, picks) => {
      const owners = new Map<string, string>();
      while (owners.size < databases.length) {
        const free = databases.filter((database) => !owners.has(database));
        const loads = Object.fromEntries(
          nodes.map((node) => [node, [...owners.values()].filter((owner) => owner === node).length]),
        );
        const database = free[picks.next().value! % free.length]!;
        owners.set(database, nextOwner(database, { loads, free })!);
      }
      const counts = nodes.map((node) => [...owners.values()].filter((owner) => owner === node).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    }),
  );
});

test('taken at once, they are spread evenly', () => {
  fc.assert(
    fc.property(names(1, 6), names(1, 20), (nodes, free) => {
      const loads = Object.fromEntries(nodes.map((node) => [node, 0]));
      const owners = free.map((database) => nextOwner(database, { loads, free }));
      const counts = nodes.map((node) => owners.filter((owner) => owner === node).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});
