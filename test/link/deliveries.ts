/** Deliveries of every kind for fast-check, with tables and `seen` objects shared as adapters share them. */
import fc from 'fast-check';
import type { AnnouncedTable, Delivery, Image, RowChange, Seen, TableChange, TableShape } from '../../src/model/row.ts';

const value = fc.option(
  fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom("'a'", 'NULL', "'\\0'", '42', '\ud800')),
  { nil: null },
);
const image: fc.Arbitrary<Image> = fc.array(value, { maxLength: 6 });
const count = fc.nat({ max: 2 ** 31 });
const position = fc.oneof(
  fc.nat().map((n) => `mariadb:0-1-${n}`),
  fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-${a},${a}:1-${b}:tag:7`),
  fc.string({ unit: 'binary' }),
);

const shape: fc.Arbitrary<TableShape> = fc.record({
  schema: fc.string(),
  name: fc.string(),
  columns: fc.array(
    fc.record({
      name: fc.string(),
      type: fc.string(),
      charset: fc.option(fc.string(), { nil: null }),
      collation: fc.option(fc.string(), { nil: null }),
      nullable: fc.boolean(),
      generated: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  primaryKey: fc.constantFrom([], [0]),
  uniques: fc.constantFrom([], [{ name: 'u', columns: [0] }]),
  foreignKeys: fc.constantFrom(
    [],
    [
      {
        name: 'f',
        columns: [0],
        parentSchema: 's',
        parentTable: 't',
        parentColumns: ['a'],
        onDelete: 'CASCADE',
        onUpdate: 'NO ACTION',
      },
    ],
  ),
  referencedBy: fc.array(fc.string(), { maxLength: 2 }),
  triggers: fc.array(fc.string(), { maxLength: 2 }),
  engine: fc.string(),
});

const seen: fc.Arbitrary<Seen> = fc.dictionary(fc.string(), position, { maxKeys: 3 });

function change(table: fc.Arbitrary<TableShape>): fc.Arbitrary<RowChange> {
  const common = { table, fkChecks: fc.boolean() };
  return fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), ...common, after: image }),
    fc.record({ kind: fc.constant('update' as const), ...common, before: image, after: image }),
    // As most updates are: one value of many.
    fc.tuple(fc.record({ ...common, before: image }), fc.nat(5), value).map(([{ before, ...rest }, at, to]) => ({
      kind: 'update' as const,
      ...rest,
      before,
      after: before.map((old, i) => (i === at ? to : old)),
    })),
    fc.record({ kind: fc.constant('delete' as const), ...common, before: image }),
  );
}

function announced(table: fc.Arbitrary<TableShape>): fc.Arbitrary<AnnouncedTable> {
  return fc.record({
    table,
    create: fc.string({ unit: 'binary' }),
    copies: fc.boolean(),
    rowsEstimate: count,
    structure: fc.option(fc.string(), { nil: null }),
    stay: fc.nat(),
    generation: fc.nat(),
    later: fc.boolean(),
    complete: fc.nat(),
  });
}

function tableChange(table: fc.Arbitrary<TableShape>): fc.Arbitrary<TableChange> {
  const named = fc.record({ schema: fc.string(), name: fc.string() });
  return fc.record({
    from: named,
    to: fc.option(named, { nil: null }),
    before: fc.option(fc.record({ create: fc.string({ unit: 'binary' }), table }), { nil: null }),
    after: fc.option(announced(table), { nil: null }),
    renamed: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 }),
    dropped: fc.array(fc.string(), { maxLength: 2 }),
    empties: fc.boolean(),
    floats: fc.dictionary(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), { maxKeys: 2 }),
  });
}

function delivery(table: fc.Arbitrary<TableShape>, sharedSeen: fc.Arbitrary<Seen>): fc.Arbitrary<Delivery> {
  const common = { gtid: position, position, seen: sharedSeen, clock: count, bytes: count };
  return fc.oneof(
    fc.record({
      kind: fc.constant('changes' as const),
      ...common,
      first: fc.boolean(),
      last: fc.boolean(),
      changes: fc.array(change(table), { maxLength: 5 }),
    }),
    fc.record({
      kind: fc.constant('answers' as const),
      ...common,
      answers: fc.array(
        fc.record({ pipeline: fc.string(), table, key: image, image: fc.option(image, { nil: null }) }),
        { maxLength: 3 },
      ),
    }),
    fc.record({
      kind: fc.constant('chunk' as const),
      ...common,
      chunk: fc.record({
        table,
        rows: fc.array(image, { maxLength: 4 }),
        cursor: fc.option(image, { nil: null }),
        rowsDone: count,
        rowsEstimate: count,
      }),
    }),
    fc.record({
      kind: fc.constant('resync' as const),
      ...common,
      table,
      rows: fc.array(image, { maxLength: 4 }),
      absent: fc.array(image, { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('table' as const), ...common, announced: announced(table) }),
    fc.record({
      kind: fc.constant('definition' as const),
      ...common,
      said: fc.string(),
      family: fc.constantFrom('mariadb' as const, 'mysql' as const),
      changes: fc.array(tableChange(table), { maxLength: 2 }),
      returned: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('kept' as const),
      ...common,
      definitions: fc.dictionary(
        fc.string(),
        fc.option(fc.record({ create: fc.string({ unit: 'binary' }), position }), { nil: null }),
        { maxKeys: 2 },
      ),
    }),
    fc.record({ kind: fc.constant('beat' as const), ...common, sentMs: count, settled: count }),
  );
}

export interface Stream {
  readonly start: { readonly position: string; readonly seen: Seen };
  readonly batches: readonly (readonly Delivery[])[];
}

/** A whole stream: a start, and batches that name few tables and few `seen` objects again and again. */
export const stream: fc.Arbitrary<Stream> = fc
  .tuple(fc.array(shape, { minLength: 1, maxLength: 3 }), fc.array(seen, { minLength: 1, maxLength: 3 }), position)
  .chain(([shapes, seens, at]) =>
    fc.record({
      start: fc.constant({ position: at, seen: seens[0]! }),
      batches: fc.array(fc.array(delivery(fc.constantFrom(...shapes), fc.constantFrom(...seens)), { maxLength: 5 }), {
        maxLength: 5,
      }),
    }),
  );

export function tableOf(name: string, columns = 2): TableShape {
  return {
    schema: 'shop',
    name,
    columns: Array.from({ length: columns }, (_, i) => ({
      name: `c${i}`,
      type: 'varchar(200)',
      charset: 'utf8mb4',
      collation: 'utf8mb4_bin',
      nullable: true,
      generated: false,
    })),
    primaryKey: [0],
    uniques: [],
    foreignKeys: [],
    referencedBy: [],
    triggers: [],
    engine: 'InnoDB',
  };
}
