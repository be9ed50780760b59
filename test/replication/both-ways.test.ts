/** Which changes of a table rows of before it may come behind, in the other direction of a two-way channel. */
import { expect, test } from 'vitest';
import type { PastTable, Statement } from '../../src/model/ports.ts';
import type { ColumnShape, TableShape } from '../../src/model/row.ts';
import { definitionStep } from '../../src/mysql/definition-step.ts';
import { type TwoWayStep, twoWayStep } from '../../src/replication/both-ways.ts';
import { tableStatement } from '../../src/replication/table-statement.ts';
import { shape } from './model.ts';

const COLUMNS = {
  id: '`id` int(11) NOT NULL AUTO_INCREMENT',
  a: '`a` int(11) DEFAULT NULL',
  b: '`b` varchar(10) DEFAULT NULL',
  e: "`e` enum('x','y') NOT NULL DEFAULT 'x'",
  d: '`d` decimal(10,2) DEFAULT 0.00',
  t: '`t` timestamp NULL DEFAULT NULL ON UPDATE current_timestamp()',
  g: '`g` int(11) GENERATED ALWAYS AS (`a` + 1) VIRTUAL',
  n: '`n` int(11) NOT NULL',
};
const { b: _b, ...WITHOUT } = COLUMNS;
const REST = ['PRIMARY KEY (`id`)', 'UNIQUE KEY `u` (`n`)', 'KEY `k` (`a`)', 'CONSTRAINT `c` CHECK (`a` > 0)'];

type Columns = Readonly<Record<string, string>>;

/** A table as it is printed, and as far as shapes go the same. */
function past(
  columns: Columns,
  rest: readonly string[] = REST,
  options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4',
): PastTable {
  const lines = Object.values(columns);
  const named = lines.map((line): ColumnShape => {
    const [, name, type] = /^`(.*?)` (\w+(?:\([^)]*\))?(?: unsigned)?)/.exec(line)!;
    const text = /char|text|enum/.test(type!);
    return {
      name: name!,
      type: type!,
      charset: text ? (/latin1/.exec(line)?.[0] ?? 'utf8mb4') : null,
      collation: text ? 'utf8mb4_general_ci' : null,
      nullable: !line.includes('NOT NULL'),
      generated: line.includes('GENERATED'),
    };
  });
  const at = (name: string): number => named.findIndex((column) => column.name === name);
  const uniques = rest.flatMap((line) => {
    const [, name, column] = /^UNIQUE KEY `(\w+)` \(`(\w+)`\)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, columns: [at(column!)] }];
  });
  const table: TableShape = { ...shape({ schema: 's', name: 't', columns: named }), primaryKey: [at('id')], uniques };
  return {
    shape: table,
    create: `CREATE TABLE \`t\` (\n${[...lines, ...rest].map((line) => `  ${line}`).join(',\n')}\n) ${options}`,
  };
}

const BEFORE = past(COLUMNS);

function stepTo(
  after: PastTable | null,
  plain = 'ALTER TABLE s.t FORCE',
  said: Partial<Statement['history']> = {},
): TwoWayStep | null {
  const table = { schema: 's', name: 't' };
  const between = after === null ? {} : { between: definitionStep(BEFORE, after) };
  const statement = {
    kind: 'statement',
    gtid: '0-1-1',
    position: 'mariadb:0-1-1',
    schema: 's',
    sql: plain,
    plain,
    commitUs: 0,
    passed: [],
    history: {
      tables: [{ ...table, before: BEFORE, after, doubt: null, ...between }],
      renamed: {},
      dropped: [],
      ...said,
    },
  } satisfies Statement;
  return twoWayStep(statement, tableStatement(statement)!, table, { by: 'd', counters: ['d'] });
}

const SAFE: readonly (readonly [string, PastTable, Columns])[] = [
  ['nothing', BEFORE, {}],
  ['a column that takes NULL', past({ z: '`z` text DEFAULT NULL', ...COLUMNS }), { z: 'NULL' }],
  ['a long text', past({ ...COLUMNS, z: '`z` longtext' }), { z: 'NULL' }],
  [
    'one with a default',
    past({ ...COLUMNS, z: "`z` varchar(9) NOT NULL DEFAULT 'it''s' COMMENT 'DEFAULT 5'" }),
    { z: "'it''s'" },
  ],
  ['a number', past({ ...COLUMNS, z: '`z` int(11) DEFAULT -7' }), { z: '-7' }],
  ['one in brackets', past({ ...COLUMNS, z: "`z` text DEFAULT ('x')" }), { z: "'x'" }],
  ['a JSON', past({ ...COLUMNS, z: '`z` longtext DEFAULT NULL CHECK (json_valid(`z`))' }), { z: 'NULL' }],
  ['a time', past({ ...COLUMNS, z: "`z` datetime DEFAULT '2024-02-29 00:00:00'" }), { z: "'2024-02-29 00:00:00'" }],
  [
    'wider ones',
    past({
      ...COLUMNS,
      a: '`a` bigint(20) DEFAULT NULL',
      b: '`b` text DEFAULT NULL',
      e: "`e` enum('x','y','z') NOT NULL",
    }),
    {},
  ],
  ['another order, and another default', past({ b: "`b` varchar(10) DEFAULT 'q'", ...WITHOUT }), {}],
  ['a width for display', past({ ...COLUMNS, n: '`n` int(5) NOT NULL' }), {}],
  [
    'indexes',
    past(COLUMNS, [...REST.filter((line) => !line.startsWith('KEY')), 'KEY `l` (`b`)', 'FULLTEXT KEY `f` (`b`)']),
    {},
  ],
  ['a check less', past(COLUMNS, REST.slice(0, 3)), {}],
  ['comment and character set', past(COLUMNS, REST, "ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='x'"), {}],
];

test('members that may be others than are printed', () => {
  const step = (type: string) => definitionStep(BEFORE, past({ ...COLUMNS, z: `\`z\` ${type} DEFAULT NULL` })).obstacle;
  expect(step("enum('a','?') CHARACTER SET utf8mb4")).toMatch(/members with a question mark/);
  expect(step("enum('a','?') CHARACTER SET latin1")).toBeNull();
});

test('a number that is printed with six digits, and was said with no more', () => {
  const after = past({ ...COLUMNS, z: '`z` float DEFAULT 1.23457' });
  expect(definitionStep(BEFORE, after, { Z: 1.23457 })).toEqual({ obstacle: null, added: { z: '1.23457' } });
  expect(definitionStep(BEFORE, after, { z: 1.234567 }).obstacle).toMatch(/six digits/);
});

test.each(SAFE)('is carried: %s', (_, after, added) => {
  expect(stepTo(after)).toEqual({ obstacle: null, added });
});

const UNSAFE: readonly (readonly [string, PastTable, RegExp])[] = [
  ['a column less', past(WITHOUT), /column b is not there/],
  ['no default and no NULL', past({ ...COLUMNS, z: '`z` int(11) NOT NULL' }), /takes no NULL and has no default/],
  ['a default of now', past({ ...COLUMNS, z: '`z` datetime DEFAULT current_timestamp()' }), /reckoned/],
  ['a default that is printed for others', past({ ...COLUMNS, z: '`z` float DEFAULT 1.23457' }), /six digits/],
  ['a default that is reckoned', past({ ...COLUMNS, z: "`z` varchar(40) DEFAULT (concat('a','b'))" }), /reckoned/],
  ['a numbered one', past({ ...COLUMNS, z: '`z` int(11) NOT NULL AUTO_INCREMENT' }), /numbered/],
  [
    'one that every update moves',
    past({ ...COLUMNS, z: '`z` datetime DEFAULT NULL ON UPDATE current_timestamp()' }),
    /with every update/,
  ],
  ['a generated one', past({ ...COLUMNS, z: '`z` int(11) GENERATED ALWAYS AS (`a`) VIRTUAL' }), /generated/],
  ['a hidden one', past({ ...COLUMNS, z: '`z` int(11) DEFAULT 1 /*!80023 INVISIBLE */' }), /invisible/],
  ['a check of its own', past({ ...COLUMNS, z: '`z` int(11) DEFAULT 1 CHECK (`z` > 0)' }), /check/],
  ['a time of a zone', past({ ...COLUMNS, z: "`z` timestamp NOT NULL DEFAULT '2024-01-01 00:00:00'" }), /zone/],
  ['narrower', past({ ...COLUMNS, a: '`a` smallint(6) DEFAULT NULL' }), /becomes smallint/],
  ['another kind', past({ ...COLUMNS, a: '`a` varchar(20) DEFAULT NULL' }), /becomes varchar/],
  ['more digits behind the point', past({ ...COLUMNS, d: '`d` decimal(12,3) DEFAULT 0.000' }), /decided by column d/],
  [
    'another character set',
    past({ ...COLUMNS, b: '`b` varchar(10) CHARACTER SET latin1 DEFAULT NULL' }),
    /becomes varchar/,
  ],
  ['members in another order', past({ ...COLUMNS, e: "`e` enum('y','x') NOT NULL DEFAULT 'x'" }), /becomes enum/],
  ['no NULL any more', past({ ...COLUMNS, a: '`a` int(11) NOT NULL' }), /takes no NULL any more/],
  ['a column of the primary key', past({ ...COLUMNS, id: '`id` bigint(20) NOT NULL AUTO_INCREMENT' }), /part of a key/],
  ['a column of a unique key', past({ ...COLUMNS, n: '`n` int(11) DEFAULT NULL' }), /part of a key/],
  ['what an update does', past({ ...COLUMNS, t: '`t` timestamp NULL DEFAULT NULL' }), /becomes by an update/],
  [
    'what is generated',
    past({ ...COLUMNS, g: '`g` int(11) GENERATED ALWAYS AS (`a` + 2) VIRTUAL' }),
    /generated column g/,
  ],
  ['the numbering', past({ ...COLUMNS, id: '`id` int(11) NOT NULL' }), /numbering/],
  ['the primary key', past(COLUMNS, ['PRIMARY KEY (`id`,`n`)', ...REST.slice(1)]), /primary key/],
  ['a unique key', past(COLUMNS, [...REST, 'UNIQUE KEY `v` (`a`)']), /unique key v/],
  [
    'a unique key less',
    past(
      COLUMNS,
      REST.filter((line) => !line.startsWith('UNIQUE')),
    ),
    /unique key u/,
  ],
  ['a check more', past(COLUMNS, [...REST, 'CONSTRAINT `x` CHECK (`a` > 1)']), /check x/],
  [
    'a foreign key',
    past(COLUMNS, [...REST, 'CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)']),
    /foreign key f/,
  ],
  ['partitions', past(COLUMNS, REST, 'ENGINE=InnoDB PARTITION BY HASH (`id`)'), /partitions/],
  ['what is not known', past(COLUMNS, [...REST, 'PERIOD FOR SYSTEM_TIME (`a`, `n`)']), /not known/],
];

test.each(UNSAFE)('is not carried: %s', (_, after, why) => {
  expect(stepTo(after)?.obstacle).toMatch(why);
});

test.each([
  ['TRUNCATE TABLE s.t', /takes away rows/],
  ['DROP TABLE s.t', /takes away rows/],
  ['CREATE OR REPLACE TABLE s.t (id INT)', /takes away rows/],
  ['RENAME TABLE s.t TO s.u', /another name/],
  ['ALTER TABLE s.t RENAME TO s.u', /another name/],
  ['ALTER TABLE s.t DROP PARTITION p', /partitions/],
  ['DROP DATABASE s', /no table/],
])('nor is %s', (plain, why) => {
  expect(stepTo(BEFORE, plain)?.obstacle).toMatch(why);
});

test('nor what is said of columns and leaves no trace, and nothing that is not known', () => {
  expect(stepTo(BEFORE, 'ALTER TABLE s.t FORCE', { renamed: { a: 'x' } })?.obstacle).toMatch(/other names/);
  expect(stepTo(BEFORE, 'ALTER TABLE s.t FORCE', { dropped: ['a'] })?.obstacle).toMatch(/drops column a/);
  expect(stepTo(null)?.obstacle).toMatch(/not known/);
});

test('a table that was not there has no rows of before', () => {
  expect(stepTo(BEFORE, 'CREATE TABLE s.t (id INT)')).toBeNull();
});
