/** Which lane a row goes to: what hangs together stays together, and what is divided twice is divided alike. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoadTable } from '../../src/model/load.ts';
import type { PipelineSpec } from '../../src/model/pipeline.ts';
import type { Delivery, Image, RowChange, TableShape } from '../../src/model/row.ts';
import { tableName } from '../../src/model/row.ts';
import { Divider } from '../../src/replication/dividing.ts';
import { type Division, divisionOf, type Share } from '../../src/replication/shares.ts';
import { oneWayWrites } from '../../src/replication/window.ts';
import { column, load, ModelTable, shape } from './model.ts';

const spec = { tables: [] } as unknown as PipelineSpec;
const LANES = 4;

const divide = (tables: readonly LoadTable[], fkChecks = true, lanes = LANES): Division =>
  divisionOf(tables, lanes, { fkChecks, spec });
const share = (table: LoadTable, others: readonly LoadTable[] = [], fkChecks = true): Share =>
  divide([table, ...others], fkChecks).tables[tableName(table.source)]!;
const byKey = (table: LoadTable): boolean => 'key' in share(table);
const text = (collation: string) => column('id', 'varchar(20)', { charset: 'utf8mb4', collation });

describe('a table is divided by its key', () => {
  const [id, ...rest] = shape().columns;
  const keyed = (key: ReturnType<typeof column>, more: Partial<TableShape> = {}): LoadTable =>
    load(shape({ columns: [key, ...rest], ...more }));

  it('only where nothing but the key ties its rows', () => {
    expect(byKey(keyed(id!))).toBe(true);
    expect(byKey(keyed(id!, { primaryKey: [] }))).toBe(false);
    expect(byKey(keyed(id!, { primaryKey: [0, 1] }))).toBe(true);
    expect(byKey(keyed(id!, { uniques: [{ name: 'u', columns: [1] }] }))).toBe(false);
    expect(byKey(keyed(id!, { triggers: ['tr'] }))).toBe(false);
    expect(byKey(keyed(id!, { referencedBy: ['shop.child'] }))).toBe(false);
    expect('key' in share(keyed(id!, { referencedBy: ['shop.child'] }), [], false)).toBe(true);
  });

  it('only where two literals of one key are known', () => {
    const types: readonly [string, boolean][] = [
      ...(['bigint(20) unsigned', 'decimal(10,2)', 'datetime(6)', 'binary(16)', 'uuid'] as const).map(
        (type): [string, boolean] => [type, true],
      ),
      ...(['float', 'double', 'json', 'text', 'geometry'] as const).map((type): [string, boolean] => [type, false]),
    ];
    for (const [type, divided] of types) expect([type, byKey(keyed(column('id', type)))]).toEqual([type, divided]);
    for (const collation of ['utf8mb4_general_ci', 'utf8mb4_0900_ai_ci', 'utf8mb4_bin', 'utf8mb4_uca1400_ai_ci'])
      expect([collation, byKey(keyed(text(collation)))]).toEqual([collation, true]);
    // `v` is `w` to some, `i` is `y`, and `aa` is a letter.
    for (const collation of ['utf8mb4_swedish_ci', 'utf8mb4_lithuanian_ci', 'utf8mb4_danish_ci', 'cp932_japanese_ci'])
      expect([collation, byKey(keyed(text(collation)))]).toEqual([collation, false]);
    const from = shape({ columns: [column('id', 'datetime(6)'), ...rest] });
    const rounded = { ...from, columns: [column('id', 'datetime(3)'), ...rest] };
    expect('key' in share({ ...load(from), target: rounded, columns: rounded.columns })).toBe(false);
    expect(byKey(keyed(column('id', 'int', { computed: true })))).toBe(false);
  });

  it('not by a key that a rule makes', () => {
    const table = keyed(id!);
    const ruled = (rows: object) =>
      divisionOf([table], LANES, {
        fkChecks: true,
        spec: { tables: [{ from: 'shop.t', to: null, rows }] } as unknown as PipelineSpec,
      }).tables['shop.t'];
    expect(ruled({ mask: { v: 'null' } })).toHaveProperty('key');
    expect(ruled({ mask: { ID: 'hash' } })).toHaveProperty('lane');
    expect(ruled({ set: { id: 'id + 1' } })).toHaveProperty('lane');
    expect(ruled({ process: { module: 'x' } })).toHaveProperty('lane');
  });
});

describe('tables that are tied', () => {
  const named = (name: string, more: Partial<TableShape> = {}): LoadTable => load(shape({ name, ...more }));
  const key = (parent: string) => ({
    ...{ name: 'fk', columns: [1], parentSchema: 'shop', parentTable: parent, parentColumns: ['id'] },
    ...{ onDelete: 'RESTRICT', onUpdate: 'RESTRICT' },
  });

  it('go to one lane, through others that nothing has come of, in whatever order they are looked at', () => {
    const child = named('z_child', { foreignKeys: [key('middle')] });
    const top = named('a_top', { referencedBy: ['shop.middle'] });
    const loose = named('loose', { triggers: ['x'] });
    const other = named('other', { triggers: ['x'] });
    const all = [child, top, loose, other];
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 4 }), fc.integer({ min: 2, max: 64 }), (tables, lanes) => {
        const { tables: shares } = divide(tables, true, lanes);
        expect(shares['shop.z_child']).toEqual({ ...shares['shop.a_top'], to: 'shop.z_child' });
        expect(shares['shop.loose']).toEqual({ ...shares['shop.other'], to: 'shop.loose' });
        expect(shares).toEqual(divide(all, true, lanes).tables);
      }),
    );
  });

  it('go with a trigger where one of them has one', () => {
    const child = named('child', { foreignKeys: [key('top')], triggers: ['x'] });
    const { tables: shares } = divide([
      child,
      named('top', { referencedBy: ['shop.child'] }),
      named('w', { triggers: ['y'] }),
    ]);
    expect(new Set(Object.values(shares).map((each) => ('lane' in each ? each.lane : 0))).size).toBe(1);
  });
});

/** A history of one table whose source folds case, as the changes of its transactions. */
const KEYS = ["'a'", "'A'", "'b'", "'B'", "'c'", "'C'", "'d'", "'D'"];
const table = load(shape({ columns: [text('utf8mb4_general_ci'), column('u'), column('v')] }));
const plain = load(shape({ name: 'p' }));

function history(steps: readonly (readonly [number, number, number])[]): Delivery[] {
  const sources = new Map([table, plain].map((each) => [each, new ModelTable(each.source)]));
  return steps.map(([what, from, to], index) => {
    const of = what % 2 === 0 ? table : plain;
    const rows = sources.get(of)!;
    const key = (at: number): string => (of === table ? KEYS[at % KEYS.length]! : String(at % KEYS.length));
    const folded = (image: Image): string => image[0]!.toLowerCase();
    const at = rows.rows.find((row) => folded(row) === key(from).toLowerCase());
    const taken = rows.rows.some((row) => row !== at && folded(row) === key(to).toLowerCase());
    const common = { table: of.source, fkChecks: true };
    let change: RowChange | null = null;
    if (at === undefined) change = { ...common, kind: 'insert', after: [key(from), '1', String(index)] };
    else if (what < 4) change = { ...common, kind: 'delete', before: at };
    else if (what < 6 || taken) change = { ...common, kind: 'update', before: at, after: [at[0]!, '2', String(index)] };
    else change = { ...common, kind: 'update', before: at, after: [key(to), '3', String(index)] };
    apply(rows, [change]);
    const position = `mariadb:0-1-${index + 1}`;
    const place = { gtid: `0-1-${index + 1}`, position, seen: {}, clock: 0, bytes: 1 };
    return { ...place, kind: 'changes', first: true, last: true, changes: [change] };
  });
}

function apply(rows: ModelTable, changes: readonly RowChange[]): void {
  const of = [table, plain].find(({ source }) => source === changes[0]?.table);
  if (of === undefined) return;
  const loaded = changes.map((change) => ({
    ...{ kind: change.kind, table: of, fkChecks: true },
    before: change.kind === 'insert' ? null : change.before,
    after: change.kind === 'delete' ? null : change.after,
  }));
  rows.apply(oneWayWrites(loaded, { fkChecks: true, copying: false, childrenCopied: () => false }));
}

const changesOf = (deliveries: readonly Delivery[]): readonly RowChange[] =>
  deliveries.flatMap((delivery) => (delivery.kind === 'changes' ? delivery.changes : []));
const steps = fc.array(fc.tuple(fc.nat(7), fc.nat(7), fc.nat(7)), { minLength: 1, maxLength: 60 });
const toNow = (shapeNow: TableShape): string => tableName(shapeNow);

describe('whatever lanes have written of a history', () => {
  const written = (
    deliveries: readonly Delivery[],
    reached: readonly number[],
    again: Divider,
  ): Record<string, string[]> => {
    const divider = new Divider(divide([table, plain]), toNow);
    const targets = new Map([table, plain].map((each) => [each.source, new ModelTable(each.target)]));
    const write = (changes: readonly RowChange[]): void => {
      // A lane writes a table's rows in their order, and tables beside each other.
      for (const [of, list] of Map.groupBy(changes, (change) => change.table)) apply(targets.get(of)!, list);
    };
    for (const [index, until] of reached.entries()) {
      const shares = divider.split(deliveries.slice(0, until))!;
      write(shares[index]!);
    }
    write(changesOf(again.without(deliveries, (lane, gtid) => Number(gtid.slice(4)) <= reached[lane - 1]!)));
    return Object.fromEntries(
      [...targets].map(([of, { rows }]) => [tableName(of), rows.map((row) => row.join()).sort()]),
    );
  };
  const source = (deliveries: readonly Delivery[]): Record<string, string[]> =>
    written(
      deliveries,
      Array.from({ length: LANES }, () => 0),
      new Divider(divide([table, plain]), toNow),
    );
  const places = fc.array(fc.nat(60), { minLength: LANES, maxLength: LANES });

  it('the rest, in the order of the log, makes it whole', () => {
    fc.assert(
      fc.property(steps, places, (each, reached) => {
        const deliveries = history(each);
        expect(written(deliveries, reached, new Divider(divide([table, plain]), toNow))).toEqual(source(deliveries));
      }),
      { numRuns: 500 },
    );
  });

  it('a row is of one lane, in whatever letters', () => {
    const divider = new Divider(divide([table, plain]), toNow);
    const lane = (key: string, of = table): number =>
      divider.lanesOf({ kind: 'insert', table: of.source, fkChecks: true, after: [key, '1', '1'] })[0];
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Za-z_.:@-]*$/), (key) => {
        expect(lane(`'${key}'`)).toBe(lane(`'${key.toUpperCase()}'`));
        expect(lane(`'${key}'`)).toBeGreaterThan(0);
      }),
    );
    for (const odd of ["'a '", "'é'", "'ß'", "'a\\''", "x'6100'", "_latin1 x'e9'"]) expect(lane(odd)).toBe(0);
    expect(new Set(Array.from({ length: 100 }, (_, id) => lane(String(id), plain)))).toEqual(new Set([1, 2, 3, 4]));
  });

  it('which is found otherwise with another number of lanes, or when a record is not kept to', () => {
    const finds = (again: Divider): boolean =>
      fc.check(
        fc.property(steps, places, (each, reached) => {
          const deliveries = history(each);
          try {
            expect(written(deliveries, reached, again)).toEqual(source(deliveries));
          } catch {
            return false;
          }
          return true;
        }),
        { numRuns: 500 },
      ).failed;
    expect(finds(new Divider(divide([table, plain], true, 3), toNow))).toBe(true);
    const recorded = divide([table, plain]);
    expect(finds(new Divider({ ...recorded, tables: {} }, toNow))).toBe(true);
    const exact = { to: 'shop.t', key: [{ column: 'id', text: false }] };
    expect(finds(new Divider({ ...recorded, tables: { ...recorded.tables, 'shop.t': exact } }, toNow))).toBe(true);
    expect(finds(new Divider(recorded, toNow))).toBe(false);
  });

  it('rows of a table that goes elsewhere now were written nowhere', () => {
    const divider = new Divider(divide([table, plain]), (now) => (now === plain.source ? 'dw.p' : tableName(now)));
    const deliveries = history([
      [0, 1, 1],
      [1, 1, 1],
    ]);
    expect(changesOf(divider.without(deliveries, () => true)).map((change) => change.table)).toEqual([plain.source]);
    expect(divider.split(deliveries)).toBeNull();
  });
});
