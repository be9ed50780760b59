/**
 * What every target keeps, whatever server it is: one suite for all of them (`test/target/*.it.test.ts`). Rows come in the
 * form that they travel in, from a source that need not exist.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Checkpoint,
  DuplicateKey,
  type LoadSession,
  type LoadTable,
  NeedsCare,
  RowRefused,
  type TargetPort,
  type Write,
} from '../../src/model/load.ts';
import type { AnnouncedTable, ColumnShape, Image, TableShape } from '../../src/model/row.ts';
import { loadTable } from '../../src/replication/load-table.ts';

export interface ContractLab extends AsyncDisposable {
  /** A target as another node would have it. */
  readonly target: (lineage: string) => TargetPort & AsyncDisposable;
  /** Where the tables are, and what a table is called there that is made as `name`. */
  readonly schema: string;
  readonly made: (name: string) => string;
  /** `ID` a number and the key, `NAME` at most 20 letters and unique, `AMOUNT` with four places, `DOC` long. */
  readonly createOrders: () => Promise<void>;
  /** `A` a number, `B` at most 20 letters; no key. */
  readonly createKeyless: () => Promise<void>;
  readonly drop: (name: string) => Promise<void>;
  /** From here on the server loads no lines, or does again; absent: it never does. */
  readonly takeLines?: (takes: boolean) => Promise<void>;
  /** Rows as texts, columns with bars between, in order. */
  readonly rows: (name: string, columns: readonly string[]) => Promise<readonly string[]>;
  /** Whether a pipeline may have several writers. */
  readonly lanes: boolean;
  /** Whether a window may be written while the one before is being committed. */
  readonly ahead: boolean;
  /** Names of otter's own tables that are there. */
  readonly ownTables: () => Promise<readonly string[]>;
}

const column = (name: string, type: string, more: Partial<ColumnShape> = {}): ColumnShape => {
  const text = /char|text/.test(type);
  return {
    ...{ name, type, charset: text ? 'utf8mb4' : null, collation: text ? 'utf8mb4_bin' : null },
    ...{ nullable: true, generated: false, ...more },
  };
};

const shape = (name: string, columns: readonly ColumnShape[], more: Partial<TableShape> = {}): TableShape => ({
  ...{ schema: 'shop', name, columns, primaryKey: [0], uniques: [], foreignKeys: [], referencedBy: [], triggers: [] },
  ...{ engine: 'InnoDB', ...more },
});

const ORDERS = shape(
  'orders',
  [
    column('id', 'int(11)', { nullable: false }),
    column('name', 'varchar(20)'),
    column('amount', 'decimal(20,4)'),
    column('doc', 'text'),
  ],
  { uniques: [{ name: 'name', columns: [1] }] },
);
const KEYLESS = shape('events', [column('a', 'int(11)'), column('b', 'varchar(20)')], { primaryKey: [] });

const FIRST: Checkpoint = { seq: 0, epoch: 1, position: 'mariadb:0-1-1', clock: 17, seen: { 'a/b>c': 'x' } };
const BORN = 5;
const LINES = ['ID', 'NAME', 'AMOUNT', 'DOC'];

export function targetContract(open: () => Promise<ContractLab>): void {
  let lab: ContractLab;
  let target: TargetPort & AsyncDisposable;
  let at: Checkpoint;
  let count = 0;
  let pipeline = '';

  beforeAll(async () => {
    lab = await open();
    target = lab.target('one');
    await target.prepare();
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await lab?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    count += 1;
    pipeline = `shop/hz>dw${count}`;
    at = FIRST;
    for (const name of ['ORDERS', 'EVENTS', 'MADE']) await lab.drop(name);
    await lab.createOrders();
    await lab.createKeyless();
  });

  const orders = async (): Promise<LoadTable> => loadTable(ORDERS, (await target.shape(lab.schema, 'ORDERS'))!, {});
  const keyless = async (): Promise<LoadTable> => loadTable(KEYLESS, (await target.shape(lab.schema, 'EVENTS'))!, {});
  const lines = (): Promise<readonly string[]> => lab.rows('ORDERS', LINES);
  const row = (id: number, name: string | null, amount = '1.5000', doc: string | null = 'd'): Image => {
    const text = (value: string | null): string | null => (value === null ? null : `'${value}'`);
    return [String(id), text(name), amount, text(doc)];
  };

  const started = async (): Promise<LoadSession> => {
    await target.createCheckpoint(pipeline, FIRST, BORN);
    return target.session(pipeline);
  };
  const next = (): Checkpoint => ({ ...at, seq: at.seq + 1, position: `mariadb:0-1-${at.seq + 2}` });
  /** One window, committed. */
  const apply = async (
    session: LoadSession,
    writes: readonly Write[],
  ): Promise<{ missing: number; absent: number }> => {
    const to = next();
    const counts = await session.apply('read committed', false, at, to, writes);
    at = to;
    return counts;
  };

  test('makes its tables once, and finds them again', async () => {
    const before = await lab.ownTables();
    await target.prepare();
    await using other = lab.target('one');
    await other.prepare();
    expect(await lab.ownTables()).toEqual(before);
    expect(before.length).toBeGreaterThan(2);
    await target.answers();
  });

  test('a claim raises the epoch and tells where the pipeline stands; of an earlier stay nothing is left', async () => {
    expect(await target.claim(pipeline, 7, BORN)).toBeNull();
    await target.createCheckpoint(pipeline, FIRST, BORN);
    expect(await target.claim(pipeline, 7, BORN)).toEqual({ ...FIRST, epoch: 7 });
    expect(await target.claim(pipeline, 3, BORN)).toEqual({ ...FIRST, epoch: 8 });
    expect(await target.pipelines()).toContain(pipeline);
    expect(await target.claim(pipeline, 9, BORN + 1)).toBeNull();
    expect(await target.pipelines()).not.toContain(pipeline);
  });

  test('another lineage has records of its own', async () => {
    await target.createCheckpoint(pipeline, FIRST, BORN);
    await using other = lab.target('two');
    expect(await other.claim(pipeline, 7, BORN)).toBeNull();
    expect(await other.pipelines()).toEqual([]);
    expect(await target.claim(pipeline, 1, BORN)).toMatchObject({ seq: 0, epoch: 2 });
  });

  test('a window is applied from where the checkpoint stands, or not at all', async () => {
    await using session = await started();
    const table = await orders();
    await apply(session, [{ kind: 'insert', table, rows: [row(1, 'a')] }]);
    // The same once more, as after a cut link.
    const inserts: Write[] = [{ kind: 'insert', table, rows: [row(2, 'b')] }];
    for (const way of ['begin', 'apply'] as const) {
      await expect(session[way]('read committed', false, FIRST, next(), inserts)).rejects.toMatchObject({
        code: 'OT5001',
      });
      await session.rollback();
      expect(await lines()).toEqual(['1|a|1.5|d']);
    }
    expect(await target.claim(pipeline, 2, BORN)).toMatchObject({ seq: 1, position: 'mariadb:0-1-2' });
    // Whoever had it before is fenced.
    const late = session.begin('read committed', false, at, next(), [{ kind: 'insert', table, rows: [row(2, 'b')] }]);
    await expect(late).rejects.toMatchObject({ code: 'OT5001' });
    await session.rollback();
    expect(await lines()).toEqual(['1|a|1.5|d']);
  });

  test('a claim waits for the transaction of who had it before, and sees what that did', async () => {
    await using session = await started();
    const table = await orders();
    await session.begin('read committed', false, at, next(), [{ kind: 'insert', table, rows: [row(1, 'a')] }]);
    await using other = lab.target('one');
    const claim = other.claim(pipeline, 9, BORN);
    await session.write([{ kind: 'insert', table, rows: [row(2, 'b')] }]);
    await session.commit();
    expect(await claim).toMatchObject({ seq: 1, epoch: 9, position: 'mariadb:0-1-2' });
  });

  test('lanes move rows of their own, from where the checkpoint stood, and a claim waits for all and fences all', async () => {
    await using session = await started();
    expect(await target.lanes(pipeline)).toBeNull();
    if (!lab.lanes) {
      await expect(async () => session.recordLanes(pipeline, null)).rejects.toThrow('no lanes');
      return;
    }
    await apply(session, []);
    const record = async (lanes: { count: number; division: string } | null): Promise<void> => {
      const to = next();
      await session.begin('read committed', false, at, to, []);
      await session.recordLanes(pipeline, lanes);
      await session.commit();
      at = to;
    };
    await record({ count: 5, division: '{"old":1}' });
    await record({ count: 2, division: "it's" });
    const level = at.position;
    expect(await target.lanes(pipeline)).toEqual({ division: "it's", positions: [level, level] });
    const table = await orders();
    await using first = await target.session(pipeline, 1);
    await using second = await target.session(pipeline, 2);
    const far = { ...at, seq: at.seq + 1, position: 'mariadb:0-1-99' };
    const inserts = (id: number): Write[] => [{ kind: 'insert', table, rows: [row(id, `n${id}`)] }];
    await first.apply('read committed', false, at, far, inserts(1));
    await second.begin('read committed', false, at, far, inserts(2));
    await using other = lab.target('one');
    const claim = other.claim(pipeline, 9, BORN);
    await second.commit();
    expect(await claim).toMatchObject({ position: level, epoch: 9 });
    expect((await other.lanes(pipeline))?.positions).toEqual([far.position, far.position]);
    const farther = { ...far, seq: far.seq + 1 };
    for (const lane of [first, second]) {
      await expect(lane.apply('read committed', false, far, farther, inserts(3))).rejects.toMatchObject({
        code: 'OT5001',
      });
      await lane.rollback();
    }
    expect(await lines()).toEqual(['1|n1|1.5|d', '2|n2|1.5|d']);
    await other.forget(pipeline);
    expect(await other.lanes(pipeline)).toBeNull();
    expect(await target.claim(pipeline, 10, BORN)).toBeNull();
  });

  test.each(['commit', 'rollback'] as const)(
    'a window may be written while the one before is being committed, and finds what that has left (%s)',
    async (outcome) => {
      await using session = await started();
      await using second = await target.session(pipeline, 0, 2);
      const table = await orders();
      await apply(session, [{ kind: 'insert', table, rows: [row(1, 'a'), row(2, 'b'), row(3, 'c')] }]);
      const to = next();
      const later = { ...to, seq: to.seq + 1, position: 'mariadb:0-1-99' };
      await session.begin('read committed', false, at, to, [
        { kind: 'insert', table, rows: [row(4, 'd'), row(5, 'e'), row(6, 'f')] },
        { kind: 'delete', table, rows: [row(2, 'b')] },
        { kind: 'upsert', table, rows: [row(1, 'a2'), row(3, 'c2')] },
      ]);
      const writes: Write[] = [
        { kind: 'upsert', table, rows: [row(3, 'c3'), row(4, 'd2')] },
        { kind: 'delete', table, rows: [row(1, 'a2'), row(5, 'e')] },
        { kind: 'insert', table, rows: [row(2, 'b2')] },
        { kind: 'update', table, before: row(6, 'f'), after: row(6, 'f2') },
      ];
      const ahead = second.applyAhead(true, 'read committed', false, to, later, writes);
      if (!lab.ahead) {
        expect(await ahead).toBeNull();
        await session.rollback();
        return;
      }
      let written = false;
      const done = ahead.then(
        (result) => {
          written = true;
          return result;
        },
        (error: unknown) => error,
      );
      await sleep(300);
      expect(written).toBe(false);
      await session[outcome]();
      if (outcome === 'rollback') {
        expect(await done).toBeInstanceOf(Error);
        await second.rollback();
        expect(await lines()).toEqual(['1|a|1.5|d', '2|b|1.5|d', '3|c|1.5|d']);
        expect(await target.claim(pipeline, 2, BORN)).toMatchObject({ seq: at.seq });
        return;
      }
      const { committed, ...counts } = (await ahead)!;
      await committed;
      expect(counts).toEqual({ missing: 0, absent: 0 });
      expect(await lines()).toEqual(['2|b2|1.5|d', '3|c3|1.5|d', '4|d2|1.5|d', '6|f2|1.5|d']);
      expect(await target.claim(pipeline, 2, BORN)).toMatchObject({ seq: later.seq, position: later.position });
      // Whoever had it before is fenced, however it writes.
      const end = { ...later, seq: later.seq + 1 };
      for (const behind of [true, false])
        await expect(session.applyAhead(behind, 'read committed', false, later, end, writes)).rejects.toThrow();
    },
  );

  test('rows without a key are found too while the window before is being committed', async () => {
    if (!lab.ahead) return;
    await using session = await started();
    await using second = await target.session(pipeline, 0, 2);
    const table = await keyless();
    const rows = ['x', 'y', 'z'].map((b): Image => ['1', `'${b}'`]);
    await apply(session, [{ kind: 'insert', table, rows }]);
    const to = next();
    const later = { ...to, seq: to.seq + 1, position: 'mariadb:0-1-99' };
    const changed = rows.map(([a, b]): Image => [a!, `${b!.slice(0, -1)}2'`]);
    const update = (from: readonly Image[], by: readonly Image[]): Write[] =>
      [0, 1].map((at) => ({ kind: 'update', table, before: from[at]!, after: by[at]! }));
    await session.begin('read committed', false, at, to, update(rows, changed));
    const ahead = second.applyAhead(true, 'read committed', false, to, later, [
      ...update(changed, rows),
      { kind: 'delete', table, rows: [rows[2]!] },
    ]);
    await sleep(300);
    await session.commit();
    const { committed, ...counts } = (await ahead)!;
    await committed;
    expect(counts).toEqual({ missing: 0, absent: 0 });
    expect(await lab.rows('EVENTS', ['A', 'B'])).toEqual(['1|x', '1|y']);
  });

  test('a session that is gone leaves nothing', async () => {
    const session = await started();
    const table = await orders();
    await session.begin('read committed', false, at, next(), [{ kind: 'insert', table, rows: [row(1, 'a')] }]);
    await session[Symbol.asyncDispose]();
    expect(await target.claim(pipeline, 2, BORN)).toMatchObject({ seq: 0 });
    expect(await lines()).toEqual([]);
  });

  test('writes rows in their order, and counts those that were not as they should be', async () => {
    await using session = await started();
    const table = await orders();
    await apply(session, [{ kind: 'insert', table, rows: [row(1, 'a'), row(2, 'b'), row(3, null, '-0.0001', null)] }]);
    const counts = await apply(session, [
      { kind: 'upsert', table, rows: [row(1, 'a2', '99999999999999.9999'), row(7, 'g')] },
      { kind: 'delete', table, rows: [row(2, 'b'), row(9, 'i')] },
      { kind: 'insert', table, rows: [row(2, 'b')] },
      { kind: 'update', table, before: row(3, null, '-0.0001', null), after: row(4, 'c', '2.0000', 'moved') },
    ]);
    expect(counts).toEqual({ missing: 1, absent: 1 });
    expect(await lines()).toEqual(['1|a2|99999999999999.9999|d', '2|b|1.5|d', '4|c|2|moved', '7|g|1.5|d']);
    await apply(session, [{ kind: 'ensure', table, rows: [row(1, 'other'), row(5, 'e')] }]);
    expect((await lines()).filter((line) => /^[15]/.test(line))).toEqual(['1|a2|99999999999999.9999|d', '5|e|1.5|d']);
    await apply(session, [{ kind: 'clear', table }]);
    expect(await lines()).toEqual([]);
  });

  test('an update that finds no row is never silent: the last is inserted, others are written with care', async () => {
    await using session = await started();
    const table = await orders();
    const update = (id: number, name: string): Write => ({
      ...{ kind: 'update', table, before: row(id, 'was'), after: row(id, name) },
    });
    expect(await apply(session, [update(1, 'a')])).toEqual({ missing: 1, absent: 0 });
    const hasty = session.begin('read committed', false, at, next(), [update(2, 'b'), update(1, 'a2')]);
    await expect(hasty).rejects.toBeInstanceOf(NeedsCare);
    await session.rollback();
    // Whole in one packet or not: nothing of it is committed before it is known that every row was there.
    const whole = session.apply('read committed', false, at, next(), [update(2, 'b'), update(1, 'a2')]);
    await expect(whole).rejects.toBeInstanceOf(NeedsCare);
    await session.rollback();
    expect(await lines()).toEqual(['1|a|1.5|d']);
    session.careful = true;
    expect(await apply(session, [update(2, 'b'), update(1, 'a2')])).toEqual({ missing: 1, absent: 0 });
    expect(await lines()).toEqual(['1|a2|1.5|d', '2|b|1.5|d']);
  });

  test('a duplicate rolls back, and row by row it is named', async () => {
    await using session = await started();
    const table = await orders();
    await apply(session, [{ kind: 'insert', table, rows: [row(1, 'a')] }]);
    const writes: Write[] = [{ kind: 'insert', table, rows: [row(2, 'b'), row(3, 'a')] }];
    await expect(session.begin('read committed', false, at, next(), writes)).rejects.toBeInstanceOf(DuplicateKey);
    await session.rollback();
    session.rowByRow = true;
    const named = await session.begin('read committed', false, at, next(), writes).catch((error: unknown) => error);
    expect(named).toBeInstanceOf(DuplicateKey);
    expect((named as DuplicateKey).row?.key?.toLowerCase()).toBe('id=3');
    await session.rollback();
    expect(await lines()).toEqual(['1|a|1.5|d']);
    session.rowByRow = false;
    await apply(session, [{ kind: 'insert', table, rows: [row(2, 'b')] }]);
    expect(await target.claim(pipeline, 2, BORN)).toMatchObject({ seq: 2 });
  });

  test('what the server refuses is an error that names the row', async () => {
    await using session = await started();
    const table = await orders();
    session.rowByRow = true;
    const writes: Write[] = [{ kind: 'insert', table, rows: [row(1, 'a'), row(2, 'n'.repeat(21))] }];
    const error = await session.begin('read committed', false, at, next(), writes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RowRefused);
    expect((error as RowRefused).row?.key?.toLowerCase()).toBe('id=2');
    await session.rollback();
    expect(await lines()).toEqual([]);
  });

  test('rows without a key are found by all columns, one of several that are equal', async () => {
    await using session = await started();
    const table = await keyless();
    const [one, none]: Image[] = [
      ['1', "'x'"],
      ['1', null],
    ];
    await apply(session, [{ kind: 'insert', table, rows: [one!, one!, one!, none!] }]);
    await apply(session, [
      { kind: 'update', table, before: one!, after: ['2', "'y'"] },
      { kind: 'delete', table, rows: [one!, none!] },
    ]);
    expect(await lab.rows('EVENTS', ['A', 'B'])).toEqual(['1|x', '2|y']);
    expect(await apply(session, [{ kind: 'delete', table, rows: [none!] }])).toEqual({ missing: 0, absent: 1 });
  });

  test('many rows and long ones', async () => {
    await using session = await started();
    const table = await orders();
    const long = 'ä€😀'.repeat(6_000);
    const rows = Array.from({ length: 1200 }, (_, i) => row(i, `n${i}`, '1.0000', i === 7 ? long : 'd'));
    await apply(session, [{ kind: 'insert', table, rows }]);
    const others = rows.map(([id, name, , doc]): Image => [id!, name!, '2.0000', doc!]);
    expect(await apply(session, [{ kind: 'upsert', table, rows: others }])).toEqual({ missing: 0, absent: 0 });
    const found = await lines();
    expect(found).toHaveLength(1200);
    expect(found.every((line) => line.split('|')[2] === '2')).toBe(true);
    expect(found.find((line) => line.startsWith('7|'))).toBe(`7|n7|2|${long}`);
    expect(await apply(session, [{ kind: 'delete', table, rows }])).toEqual({ missing: 0, absent: 0 });
    expect(await lines()).toEqual([]);
  }, 60_000);

  test('one of many rows that is there already, or does not fit, is a refusal, and nothing of the others is kept', async () => {
    await using session = await started();
    const table = await orders();
    const rows = Array.from({ length: 1200 }, (_, i) => row(i, `n${i}`, '1.0000', 'a text of some length'));
    await apply(session, [{ kind: 'insert', table, rows: [row(5000, 'n77')] }]);
    const long = rows.map((each, i): Image => (i === 600 ? row(600, 'n'.repeat(21)) : i === 77 ? row(77, null) : each));
    const refusal = async (way: 'begin' | 'apply', rows: readonly Image[]): Promise<unknown> => {
      const error = await session[way]('read committed', false, at, next(), [{ kind: 'insert', table, rows }]).catch(
        (thrown: unknown) => thrown,
      );
      await session.rollback();
      expect(await lines()).toEqual(['5000|n77|1.5|d']);
      return error;
    };
    for (const way of ['apply', 'begin'] as const) {
      // In haste it may only be said that something is wrong.
      for (const wrong of [rows, long]) expect(await refusal(way, wrong)).toBeInstanceOf(Error);
      session.careful = true;
      expect(await refusal(way, rows)).toBeInstanceOf(DuplicateKey);
      expect(await refusal(way, long)).toMatchObject({ code: 'OT4006' });
      session.careful = false;
    }
    await apply(session, [{ kind: 'insert', table, rows: rows.filter((_, i) => i !== 77) }]);
    expect(await lines()).toHaveLength(1200);
  }, 60_000);

  test('a server that takes no lines any more is given inserts', async (context) => {
    if (lab.takeLines === undefined) return context.skip('it never takes any');
    await using session = await started();
    const table = await orders();
    const rows = (first: number): Image[] =>
      Array.from({ length: 1200 }, (_, i) => row(first + i, `n${first + i}`, '1.0000', 'a text of some length'));
    await apply(session, [{ kind: 'insert', table, rows: rows(0) }]);
    await lab.takeLines(false);
    try {
      await apply(session, [{ kind: 'insert', table, rows: rows(2_000) }]);
    } finally {
      await lab.takeLines(true);
    }
    await apply(session, [{ kind: 'insert', table, rows: rows(4_000) }]);
    expect(await lines()).toHaveLength(3_600);
  }, 60_000);

  test('keeps how copies stand and what columns tables had, with the transaction or not at all', async () => {
    await using session = await started();
    const place = { target: 'DW.ORDERS', stay: 3 };
    const copy = { table: 'shop.orders', place, cursor: ['5', "'x'"], done: false, rowsDone: 10, rowsEstimate: 100 };
    await session.begin('read committed', false, at, next(), []);
    await session.recordCopies(pipeline, [copy]);
    await session.recordTables(pipeline, { 'shop.orders': { structure: 'abc', since: '', place } });
    await session.rollback();
    expect(await target.copies(pipeline)).toEqual([]);
    expect(await target.known(pipeline)).toEqual({});

    await session.begin('read committed', false, at, next(), []);
    await session.recordCopies(pipeline, [copy, { ...copy, table: 'shop.events' }]);
    await session.recordTables(pipeline, { 'shop.orders': { structure: 'abc', since: '', place } });
    await session.commit();
    at = next();
    const done = { ...copy, cursor: null, done: true, rowsDone: 20 };
    await session.begin('read committed', false, at, next(), []);
    await session.recordCopies(pipeline, [done]);
    await session.recordTables(pipeline, { 'shop.orders': { structure: 'def', since: null, place } });
    await session.commit();
    expect([...(await target.copies(pipeline))].sort((a, b) => (a.table < b.table ? 1 : -1))).toEqual([
      done,
      { ...copy, table: 'shop.events' },
    ]);
    // Since when it counts stays as it was.
    expect(await target.known(pipeline)).toEqual({ 'shop.orders': { structure: 'def', since: '', place } });
    expect(await target.shared(pipeline, 'shop.other', place)).toBe(true);
    expect(await target.shared('shop/x>dw', 'shop.orders', place)).toBe(true);
    expect(await target.shared(pipeline, 'shop.orders', { ...place, target: 'DW.OTHER' })).toBe(false);
    await target.forgetTables(pipeline, ['shop.orders']);
    expect((await target.copies(pipeline)).map(({ table }) => table)).toEqual(['shop.events']);
    expect(await target.known(pipeline)).toEqual({});
    await target.forget(pipeline);
    expect(await target.copies(pipeline)).toEqual([]);
    expect(await target.claim(pipeline, 1, BORN)).toBeNull();
  });

  test('makes a table that is missing, and tells whether there are rows', async () => {
    const announced: AnnouncedTable = {
      ...{ table: { ...ORDERS, name: 'made' }, copies: true, rowsEstimate: 0, structure: 'x', stay: 0 },
      ...{ generation: 1, later: false, complete: 0 },
      create:
        'CREATE TABLE `made` (\n  `id` int NOT NULL,\n  `name` varchar(20),\n  `amount` decimal(20,4),\n  `doc` text,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `name` (`name`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
    };
    const as = { schema: lab.schema, name: lab.made('MADE') };
    expect(await target.shape(as.schema, as.name)).toBeNull();
    await target.createTable(announced, as, {}, false);
    const made = await target.shape(as.schema, as.name);
    const table = loadTable(ORDERS, made!, {});
    expect(table.key).toEqual([0]);
    expect(table.uniques.map(({ columns }) => columns)).toEqual([[1]]);
    expect(await target.hasRows(as.schema, as.name)).toBe(false);
    await using session = await started();
    await apply(session, [{ kind: 'insert', table, rows: [row(1, 'a')] }]);
    expect(await target.hasRows(as.schema, as.name)).toBe(true);
    expect(await target.hasRows(lab.schema, 'ORDERS')).toBe(false);
  });

  test('who leaves last takes the tables along', async () => {
    await using other = lab.target('three');
    await other.createCheckpoint(pipeline, FIRST, BORN);
    for (const name of await target.pipelines()) await target.forget(name);
    await target.removeAll();
    expect((await lab.ownTables()).length).toBeGreaterThan(2);
    await other.removeAll();
    expect(await lab.ownTables()).toEqual([]);
    await target.prepare();
    expect((await lab.ownTables()).length).toBeGreaterThan(2);
  });
}
