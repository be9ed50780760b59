/** What `otter validate --live` learns of an Oracle database: on PostgreSQL in its place. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectOracle } from '../../src/oracle/inspect.ts';
import { OracleTarget } from '../../src/oracle/target.ts';
import { type OracleLab, openStandInLab } from './lab.ts';

let lab: OracleLab;

beforeAll(async () => {
  lab = await openStandInLab();
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
});

const look = (schema = 'otter') => inspectOracle(lab.server(), { schema, signal: AbortSignal.timeout(60_000) });

test('what kind of database it is, what the account may do, which pipelines have begun', async () => {
  const server = lab.server();
  const target = new OracleTarget({
    connect: () => server.connect(),
    name: 'dw',
    user: lab.user,
    schema: 'otter',
    lineage: 'x',
  });
  await using database = await look();
  expect(await database.report()).toMatchObject({
    facts: { family: 'oracle', version: '19.0.0.0.0' },
    ...{ unfit: [], readOnly: false, begun: [] },
    account: { name: '"postgres"' },
  });
  await target.prepare();
  await using session = await target.session('shop/a>dw');
  const first = { seq: 0, epoch: 1, position: 'p', clock: 0, seen: {} };
  await target.createCheckpoint('shop/a>dw', first, 1);
  await session.begin('read committed', false, first, { ...first, seq: 1 }, []);
  await session.recordTables('shop/a>dw', {
    'shop.t': { structure: 's', since: '', place: { target: 'DW.T', stay: 1 } },
  });
  await session.commit();
  expect((await database.report()).begun).toEqual([{ pipeline: 'shop/a>dw', table: 'shop.t' }]);
  await target.removeAll();
  await target[Symbol.asyncDispose]();
});

test('a schema that is no user is said before a node finds it missing', async () => {
  await using database = await look('nobody');
  expect((await database.report()).unfit).toEqual([
    expect.objectContaining({ message: "it has no user nobody, in whose schema otter's own tables would be" }),
  ]);
});

test('tables by the names that were asked for: types, keys, rows, triggers', async () => {
  await lab.sql(
    `CREATE TABLE "DW"."WIDE" ("ID" NUMBER(10) NOT NULL, "A" NUMBER, "B" NUMBER(9,2), "C" VARCHAR2(40 CHAR), "D" VARCHAR2(40 BYTE), "E" NVARCHAR2(40), "F" CLOB, "G" BLOB, "H" RAW(16), "I" DATE, "J" TIMESTAMP(3), "K" TIMESTAMP(6) WITH TIME ZONE, "L" INTERVAL DAY(2) TO SECOND(6), "M" BINARY_DOUBLE, PRIMARY KEY ("ID"), UNIQUE ("C", "B"))`,
  );
  await lab.sql('INSERT INTO "DW"."WIDE" ("ID") VALUES (1)');
  await lab.sql('CREATE TABLE "DW"."empty" ("Id" NUMBER(3))');
  await using database = await look();
  const found = await database.tables([
    { schema: 'dw', name: 'wide' },
    { schema: 'DW', name: 'empty' },
    { schema: 'DW', name: 'nowhere' },
  ]);
  expect([...found.keys()]).toEqual(['dw.wide', 'DW.empty']);
  const wide = found.get('dw.wide')!;
  expect(wide).toMatchObject({ hasRows: true, unguardedTriggers: [] });
  expect(wide.shape).toMatchObject({ schema: 'DW', name: 'WIDE', primaryKey: [0], engine: 'oracle' });
  expect(wide.shape.uniques.map(({ columns }) => columns)).toEqual([[3, 2]]);
  expect(wide.shape.columns.map(({ type }) => type)).toEqual([
    ...[
      'NUMBER(10)',
      'NUMBER',
      'NUMBER(9,2)',
      'VARCHAR2(40 CHAR)',
      'VARCHAR2(40 BYTE)',
      'NVARCHAR2(40)',
      'CLOB',
      'BLOB',
    ],
    ...[
      'RAW(16)',
      'DATE',
      'TIMESTAMP(3)',
      'TIMESTAMP(6) WITH TIME ZONE',
      'INTERVAL DAY(2) TO SECOND(6)',
      'BINARY_DOUBLE',
    ],
  ]);
  expect(wide.shape.columns.map(({ nullable }) => nullable)).toEqual([
    false,
    ...Array.from({ length: 13 }, () => true),
  ]);
  expect(found.get('DW.empty')).toMatchObject({ hasRows: false, shape: { name: 'empty', primaryKey: [] } });
});
