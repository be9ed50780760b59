import fc from 'fast-check';
import { expect, test } from 'vitest';
import { preferredOwner } from '../../src/executor/ownership.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const nodes = fc.uniqueArray(name, { minLength: 1, maxLength: 8 });

test('nobody owns what nobody could', () => {
  expect(preferredOwner('db', [])).toBeNull();
});

test('the order of the nodes does not matter', () => {
  fc.assert(
    fc.property(name, nodes, (database, all) => {
      expect(preferredOwner(database, all.toReversed())).toBe(preferredOwner(database, all));
      expect(all).toContain(preferredOwner(database, all));
    }),
  );
});

test('a node that goes moves only what it had; one that comes takes only for itself', () => {
  fc.assert(
    fc.property(name, nodes, (database, all) => {
      const before = preferredOwner(database, all);
      for (const gone of all) {
        const after = preferredOwner(
          database,
          all.filter((node) => node !== gone),
        );
        if (gone !== before) expect(after).toBe(before);
      }
    }),
  );
});

test('many databases are spread over the nodes', () => {
  const counts = new Map<string, number>();
  const all = ['hz-1', 'hz-2', 'hz-3', 'hz-4'];
  for (let n = 0; n < 1000; n += 1) {
    const owner = preferredOwner(`db${n}`, all)!;
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  for (const node of all) expect(counts.get(node)).toBeGreaterThan(180);
});
