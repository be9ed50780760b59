/** What SHOW CREATE TABLE prints, as it leaves the source and as the other family takes it: only keywords are keywords. */
import { expect, test } from 'vitest';
import { partsOf } from '../../src/mysql/create-parts.ts';
import { rewriteCreate } from '../../src/mysql/create-table.ts';
import { partAt, translated } from '../../src/mysql/create-translation.ts';
import { shape } from '../replication/model.ts';

const KNOWN: ReadonlySet<string> = new Set(['utf8mb4_general_ci', 'utf8mb4_unicode_520_nopad_ci']);

/** A table of these lines, printed as servers do. */
function printed(items: readonly string[], tail = ') ENGINE=InnoDB'): string {
  return `CREATE TABLE \`d\`.\`t\` (\n${items.map((item) => `  ${item}`).join(',\n')}\n${tail}`;
}

const bodyOf = (items: readonly string[], tail: string): string =>
  printed(items, tail).replace('CREATE TABLE `d`.`t`', '');

test.each([
  [
    "COMMENT='ENGINE=Aria PAGE_CHECKSUM=1 COLLATE=utf8mb4_0900_ai_ci'",
    "ENGINE=Aria DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci PAGE_CHECKSUM=1 COMMENT='ENGINE=Aria PAGE_CHECKSUM=1 COLLATE=utf8mb4_0900_ai_ci' TRANSACTIONAL=1 ROW_FORMAT=PAGE",
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_nopad_ci COMMENT='ENGINE=Aria PAGE_CHECKSUM=1 COLLATE=utf8mb4_0900_ai_ci' ",
  ],
  ['', 'ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8', 'ENGINE=InnoDB ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8'],
  [
    '',
    'ENGINE=MyISAM\n PARTITION BY HASH (`id`)\n(PARTITION p0 ENGINE = MyISAM)',
    'ENGINE=InnoDB\n PARTITION BY HASH (`id`)\n(PARTITION p0 ENGINE=InnoDB)',
  ],
])('options of a table: %s', (_, options, expected) => {
  const items = ["`engine` int COMMENT 'it''s ENGINE=MyISAM, \\'NOT ENFORCED\\''", 'KEY `COLLATE x` (`engine`)'];
  for (const family of ['mariadb', 'mysql'] as const) {
    const made = translated(printed(items, `) ${options}`), family, KNOWN);
    expect(made).toEqual({ body: bodyOf(items, `) ${expected}`), without: [] });
  }
});

test.each([
  ["`a` varchar(9) DEFAULT 'concat(1)' COMMENT 'DEFAULT now()'", null],
  [
    "`a` varchar(9) DEFAULT concat('x)',upper(lower('y'))) COMMENT 'z'",
    "`a` varchar(9) DEFAULT (concat('x)',upper(lower('y')))) COMMENT 'z'",
  ],
  [
    "`DEFAULT x(1)` text DEFAULT 'it''s' CHECK (`DEFAULT x(1)` <> 'DEFAULT y()')",
    "`DEFAULT x(1)` text DEFAULT ('it''s') CHECK (`DEFAULT x(1)` <> 'DEFAULT y()')",
  ],
  ['`a` datetime(3) DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)', null],
  ['`a` date DEFAULT current_timestamp()', '`a` date DEFAULT (current_timestamp())'],
  ["`a` int DEFAULT (abs(-3) + length('x(y)'))", null],
  ['`a` int INVISIBLE DEFAULT -1.5', null],
  ['KEY `k` (`a`) IGNORED', 'KEY `k` (`a`) INVISIBLE'],
])('for MySQL: %s', (item, expected) => {
  expect(translated(printed([item]), 'mysql', KNOWN).body).toBe(bodyOf([expected ?? item], ') ENGINE=InnoDB'));
});

test.each([
  [
    "`a` int DEFAULT '3' /*!80023 INVISIBLE */ COMMENT '/*!80023 INVISIBLE */'",
    "`a` int DEFAULT '3' INVISIBLE COMMENT '/*!80023 INVISIBLE */'",
  ],
  ['KEY `k` (`a`) /*!80000 INVISIBLE */', 'KEY `k` (`a`) IGNORED'],
  [
    "`a` text DEFAULT (concat(_utf8mb4'it\\'s',_utf8mb4'plain'))",
    "`a` text DEFAULT (concat('it\\'s',_utf8mb4'plain'))",
  ],
  ['`g` geomcollection /*!80003 SRID 4326 */', '`g` geometrycollection /*!80003 SRID 4326 */'],
  ["CONSTRAINT `c` CHECK ((`a` <> _utf8mb4'NOT ENFORCED'))", null],
])('for MariaDB: %s', (item, expected) => {
  expect(translated(printed([item]), 'mariadb', KNOWN)).toEqual({
    body: bodyOf([expected ?? item], ') ENGINE=InnoDB'),
    without: [],
  });
});

test('what MariaDB would enforce, or cannot hide, is left out and named', () => {
  const items = [
    '`a` int NOT NULL /*!80023 INVISIBLE */',
    'CONSTRAINT `c``d` CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */',
  ];
  const made = translated(printed(items), 'mariadb', KNOWN);
  expect(made.body).toBe(bodyOf(['`a` int NOT NULL '], ') ENGINE=InnoDB'));
  expect(made.without).toEqual(['that column a is invisible', 'check c`d, which is not enforced']);
  expect(translated(printed(items), 'mysql', KNOWN)).toEqual({ body: bodyOf(items, ') ENGINE=InnoDB'), without: [] });
});

test('a line of a statement is a part of the table', () => {
  const body = bodyOf(
    ['`a``b` int', 'PRIMARY KEY (`a``b`)', 'KEY `k` (`a``b`)', 'CONSTRAINT `c` CHECK (1)'],
    ') ENGINE=X',
  );
  expect([1, 2, 3, 4, 5, 6, 7].map((line) => partAt(body, line))).toEqual([
    null,
    'column a`b',
    'the primary key',
    'key k',
    'constraint c',
    'an option of the table',
    null,
  ]);
});

test('a line break in a name ends no line', () => {
  const table = shape({
    name: 'a\nb',
    foreignKeys: [
      {
        name: 'f\n)',
        columns: [1],
        parentSchema: 'd',
        parentTable: 'p\n',
        parentColumns: ['x'],
        onDelete: '',
        onUpdate: '',
      },
    ],
  });
  const items = [
    "`x\n,y` int COMMENT 'it''s\n  `no` line'",
    '`x\n)` int',
    'KEY `k\n` (`x\n)`)',
    'CONSTRAINT `f\n)` FOREIGN KEY (`x\n)`) REFERENCES `p\n` (`x`)',
  ];
  const made = rewriteCreate(`CREATE TABLE \`a\nb\` (\n  ${items.join(',\n  ')}\n) ENGINE=InnoDB`, table, () => true);
  const whole = items.map((item) => item.replace('REFERENCES', 'REFERENCES `d`.'));
  expect(made).toBe(
    `CREATE TABLE \`shop\`.\`a\nb\` (\n  ${whole.join(',\n  ').replace('`d`. `p', '`d`.`p')}\n) ENGINE=InnoDB`,
  );
  const { body } = translated(made, 'mysql', KNOWN);
  expect(body).toBe(made.slice('CREATE TABLE `shop`.`a\nb`'.length));
  expect([2, 3, 4, 5, 6, 8, 10].map((line) => partAt(body, line))).toEqual([
    'column x\n,y',
    'column x\n,y',
    'column x\n,y',
    'column x\n)',
    'column x\n)',
    'key k\n',
    'constraint f\n)',
  ]);
  expect(partsOf(made)).toMatchObject({
    columns: [{ name: 'x\n,y' }, { name: 'x\n)' }],
    keys: [{ name: 'k\n' }],
    foreignKeys: [{ name: 'f\n)' }],
  });
});

test('places on the disks of the source stay there, texts that look like them go', () => {
  const text = "COMMENT='DATA DIRECTORY=\\'/a\\''";
  const create = `CREATE TABLE \`t\` (\n  \`id\` int\n) ENGINE=InnoDB DATA DIRECTORY='/it''s/a' ${text}\n/*!50100 (PARTITION p0 DATA DIRECTORY = '/b' INDEX DIRECTORY = '/c' ENGINE = InnoDB) */`;
  expect(rewriteCreate(create, shape({ schema: 'd', name: 't' }), () => true)).toBe(
    `CREATE TABLE \`d\`.\`t\` (\n  \`id\` int\n) ENGINE=InnoDB ${text}\n/*!50100 (PARTITION p0 ENGINE = InnoDB) */`,
  );
});
