/** Whatever two databases hold, the candidates are exactly the rows that differ. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TableRule } from '../../src/model/pipeline.ts';
import { SITE_PRIORITY } from '../../src/model/pipeline.ts';
import type { ColumnShape, Image, TableShape } from '../../src/model/row.ts';
import { comparedTable } from '../../src/replication/compared.ts';
import { extract, loadTable } from '../../src/replication/load-table.ts';
import type { Candidate, ComparedGroup } from '../../src/verify/rows.ts';
import { type Cursor, START, walk } from '../../src/verify/walk.ts';
import { ModelDatabase } from './model-database.ts';

function column(name: string, type: string): ColumnShape {
  const text = type.startsWith('varchar');
  const charset = text ? 'utf8mb4' : null;
  return {
    name,
    type,
    charset,
    collation: text ? 'utf8mb4_general_ci' : null,
    nullable: name === 'v',
    generated: false,
  };
}

function shape(name: string, key: string, more: readonly ColumnShape[] = []): TableShape {
  const columns = [column('id', key), column('v', 'varchar(20)'), ...more];
  const none = { uniques: [], foreignKeys: [], referencedBy: [], triggers: [], engine: 'InnoDB' };
  return { schema: 's', name, columns, primaryKey: [0], ...none };
}

const rule = (more: Partial<TableRule> = {}): TableRule => ({
  from: 's.t',
  to: null,
  omit: [],
  only: null,
  rename: {},
  conflict: SITE_PRIORITY,
  ...more,
});

const numbers = (one: string, other: string): number => Number(one) - Number(other);
const texts = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Rows by key: what the source has, and what the target has. */
const rows = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 200 }),
    here: fc.constantFrom('same', 'a', 'b', 'a ', 'A', '', null, undefined),
    there: fc.constantFrom('same', 'a', 'b', 'a ', 'A', '', null, undefined),
  }),
  { selector: ({ id }) => id, maxLength: 60 },
);

function images(
  all: readonly { id: number; here: string | null | undefined; there: string | null | undefined }[],
  side: 'here' | 'there',
  spelled: (id: number) => string,
): Image[] {
  return all.flatMap((one) => {
    const value = one[side];
    return value === undefined ? [] : [[spelled(one.id), value === null ? null : `'${value}'`]];
  });
}

async function candidates(group: ComparedGroup, from: Cursor = START): Promise<{ found: Candidate[]; rows: number }> {
  const options = { extras: true, pace: async () => undefined, sized: false, signal: new AbortController().signal };
  const found: Candidate[] = [];
  let count = 0;
  for await (const piece of walk(group, from, { ...options, sizes: { ranges: [8, 2], page: 3 } })) {
    found.push(...piece.candidates);
    count += piece.rows;
  }
  return { found, rows: count };
}

function keys(found: readonly Candidate[]): string[] {
  return [...new Set(found.map(({ key }) => key.join()))].sort();
}

test('with sums, and a key that both sort alike', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (all) => {
      const table = shape('t', 'int(11)');
      const [here, there] = (['here', 'there'] as const).map(
        (side) => new ModelDatabase([{ shape: table, rows: images(all, side, String) }], numbers),
      ) as [ModelDatabase, ModelDatabase];
      const compared = comparedTable(table, extract(rule(), table), loadTable(table, table, {}), rule());
      const group = { target: there, shape: table, sources: [{ ...compared, database: here }] };
      const { found, rows: count } = await candidates(group);
      const differing = all.filter((one) => one.here !== one.there).map(({ id }) => String(id));
      expect(keys(found)).toEqual(differing.sort());
      expect(count).toBe(all.filter((one) => one.here !== undefined).length);
      // Where nothing differs no row is read.
      if (differing.length === 0) expect(here.handed + there.handed).toBe(0);
    }),
  );
});

test('without, through two sources, a filter, and a key that each side sorts in its own way', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (all) => {
      const spelled = (id: number): string => `'k${id}'`;
      const [one, two, into] = ['t1', 't2', 't'].map((name) => shape(name, 'varchar(9)')) as [
        TableShape,
        TableShape,
        TableShape,
      ];
      const where = rule({ rows: { where: "v <> 'b' OR v IS NULL" } });
      const odd = all.filter(({ id }) => id % 2 === 1);
      const even = all.filter(({ id }) => id % 2 === 0);
      const here = new ModelDatabase(
        [
          { shape: one, rows: images(odd, 'here', spelled) },
          { shape: two, rows: images(even, 'here', spelled) },
        ],
        texts,
      );
      const there = new ModelDatabase([{ shape: into, rows: images(all, 'there', spelled) }], (a, b) => texts(b, a));
      const sources = [one, two].map((full) => {
        const route = extract(where, full);
        return { ...comparedTable(full, route, loadTable(route.shape, into, {}), where), database: here };
      });
      const { found } = await candidates({ target: there, shape: into, sources });
      const wanted = all.filter((each) => (each.here === 'b' ? undefined : each.here) !== each.there);
      expect(keys(found)).toEqual(wanted.map(({ id }) => spelled(id)).sort());
    }),
  );
});

test('wherever it is cut, what is left finds the rest', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.nat(20), fc.boolean(), async (all, cut, summed) => {
      const table = shape('t', 'int(11)');
      const where = rule(summed ? {} : { rows: { where: 'TRUE' } });
      const [here, there] = (['here', 'there'] as const).map(
        (side) => new ModelDatabase([{ shape: table, rows: images(all, side, String) }], numbers),
      ) as [ModelDatabase, ModelDatabase];
      const route = extract(where, table);
      const compared = comparedTable(table, route, loadTable(route.shape, table, {}), where);
      const group = { target: there, shape: table, sources: [{ ...compared, database: here }] };
      const options = { extras: true, pace: async () => undefined, sized: false, signal: new AbortController().signal };
      const found: Candidate[] = [];
      let next: Cursor | null = START;
      let pieces = 0;
      for await (const piece of walk(group, START, { ...options, sizes: { ranges: [8, 2], page: 3 } })) {
        found.push(...piece.candidates);
        next = piece.next;
        pieces += 1;
        if (pieces > cut) break;
      }
      if (next !== null) found.push(...(await candidates(group, next)).found);
      const differing = all.filter((one) => one.here !== one.there).map(({ id }) => String(id));
      expect(keys(found)).toEqual(differing.sort());
    }),
  );
});
