/** One definition into another: what the ALTER says. */
import { expect, test } from 'vitest';
import { NotCarriedError as NotCarried } from '../../src/model/load.ts';
import { alterActions, numbered, withParents } from '../../src/mysql/alter-table.ts';
import { partsOf, withoutCounter } from '../../src/mysql/create-parts.ts';

const table = (lines: readonly string[], tail = ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4') =>
  `CREATE TABLE \`t\` (\n${lines.map((line) => `  ${line}`).join(',\n')}\n${tail}`;
const ID = '`id` int NOT NULL';
const KEY = 'PRIMARY KEY (`id`)';

interface More {
  readonly renamed?: Readonly<Record<string, string>>;
  readonly dropped?: readonly string[];
  readonly there?: Readonly<Record<string, string | null>>;
  readonly present?: string;
  readonly swaying?: readonly string[];
  readonly floats?: Readonly<Record<string, number>>;
}

function actions(
  before: string,
  after: string,
  { renamed = {}, dropped = [], there = {}, present, swaying = [], floats = {} }: More = {},
) {
  return alterActions({
    before,
    after,
    present: present ?? before,
    renamed: new Map(Object.entries(renamed)),
    dropped: new Set(dropped),
    swaying: new Set(swaying),
    floats: new Map(Object.entries(floats)),
    columnAt: (name) => (Object.hasOwn(there, name) ? there[name]! : name),
  });
}

const lines = (before: readonly string[], after: readonly string[], more: More = {}) =>
  actions(table([ID, ...before, KEY]), table([ID, ...after, KEY]), more);

test.each<[string, readonly string[], readonly string[], More, readonly string[]]>([
  ['nothing', ['`a` int'], ['`a` int'], {}, []],
  [
    'a new one',
    [],
    ["`c` varchar(9) DEFAULT 'x,(y)'"],
    {},
    ["ADD COLUMN `c` varchar(9) CHARACTER SET utf8mb4 DEFAULT 'x,(y)' AFTER `id`"],
  ],
  ['one that goes', ['`a` int', '`b` int'], ['`b` int'], {}, ['DROP COLUMN `a`']],
  ['another type', ['`a` int'], ['`a` bigint DEFAULT NULL'], {}, ['CHANGE COLUMN `a` `a` bigint DEFAULT NULL']],
  ['another name', ['`a` int'], ['`b` int'], { renamed: { a: 'b' } }, ['RENAME COLUMN `a` TO `b`']],
  ['another name, said otherwise', ['`a` int'], ['`b` int'], {}, ['DROP COLUMN `a`', 'ADD COLUMN `b` int AFTER `id`']],
  [
    'names that change places',
    ['`a` int', '`b` int'],
    ['`b` int', '`a` int'],
    { renamed: { a: 'b', b: 'a' } },
    ['RENAME COLUMN `a` TO `b`', 'RENAME COLUMN `b` TO `a`'],
  ],
  [
    'columns that change places',
    ['`a` int', '`b` int', '`c` int'],
    ['`c` int', '`a` int', '`b` int'],
    {},
    ['CHANGE COLUMN `c` `c` int AFTER `id`'],
  ],
  [
    'one that goes and comes anew',
    ['`a` int'],
    ['`a` int'],
    { dropped: ['a'] },
    ['DROP COLUMN `a`', 'ADD COLUMN `a` int AFTER `id`'],
  ],
  [
    'keys and checks of one that stays behind',
    ['`a` int'],
    ['`a` int', 'KEY `k` (`a`,`id`)', 'UNIQUE KEY `u` (`a`)', 'CONSTRAINT `c` CHECK ((`a` > 1))'],
    { there: { a: null } },
    [],
  ],
  [
    'one that hangs on a session and is as it was',
    ['`a` int', '`b` int AS (`a` / 7) STORED'],
    ['`a` bigint', '`b` int AS (`a` / 7) STORED'],
    { swaying: ['b'] },
    ['CHANGE COLUMN `a` `a` bigint'],
  ],
  ['one that stays behind', ['`a` int'], ['`a` int', '`s` int'], { there: { s: null } }, []],
  [
    'behind one that stays behind',
    ['`s` int'],
    ['`s` int', '`c` int'],
    { there: { s: null } },
    ['ADD COLUMN `c` int AFTER `id`'],
  ],
  [
    'under another name there',
    ['`a` int', 'KEY `a` (`a`)'],
    ['`a` bigint', 'KEY `a` (`a`)', 'KEY `k` (`a`,`id`)'],
    { there: { a: 'z' } },
    ['CHANGE COLUMN `z` `z` bigint', 'ADD KEY `k` (`z`,`id`)'],
  ],
  [
    'a generated one',
    ['`a` int'],
    ['`a` int', '`g` int GENERATED ALWAYS AS ((`a` + 1)) STORED'],
    { there: { a: 'z' } },
    ['ADD COLUMN `g` int GENERATED ALWAYS AS ((`z` + 1)) STORED AFTER `z`'],
  ],
  [
    'keys',
    ['`a` int', 'UNIQUE KEY `u` (`a`)', 'KEY `k` (`a`)'],
    ['`a` int', 'KEY `k` (`a`,`id`)', 'FULLTEXT KEY `f` (`a`)'],
    {},
    ['DROP KEY `u`', 'DROP KEY `k`', 'ADD KEY `k` (`a`,`id`)', 'ADD FULLTEXT KEY `f` (`a`)'],
  ],
  [
    'a key whose column gets another name',
    ['`a` int', 'KEY `k` (`a`)'],
    ['`b` int', 'KEY `k` (`b`)'],
    { renamed: { a: 'b' } },
    ['RENAME COLUMN `a` TO `b`'],
  ],
  [
    'a key that the target has not',
    ['`a` int', 'KEY `k` (`a`)'],
    ['`a` int'],
    { present: table([ID, '`a` int', KEY]) },
    [],
  ],
  [
    'constraints',
    ['`a` int', 'CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `s`.`p` (`a`)'],
    ['`a` int', 'CONSTRAINT `c` CHECK ((`a` > 1))', 'CONSTRAINT `g` FOREIGN KEY (`a`) REFERENCES `s`.`p` (`a`)'],
    { there: { a: 'z' }, present: table([ID, 'CONSTRAINT `f` FOREIGN KEY (`z`) REFERENCES `s`.`p` (`a`)']) },
    [
      'DROP FOREIGN KEY `f`',
      'ADD CONSTRAINT `c` CHECK ((`z` > 1))',
      'ADD CONSTRAINT `g` FOREIGN KEY (`z`) REFERENCES `s`.`p` (`a`)',
    ],
  ],
  [
    'a foreign key whose parent got another name, which the target has too',
    [
      'CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `s`.`p` (`a`)',
      'CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `s`.`p` (`a`)',
    ],
    [
      '`x` int',
      'CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `s`.`q` (`b`)',
      'CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `s`.`q` (`b`)',
    ],
    {
      present: table([
        ID,
        'CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `s`.`q` (`b`)',
        'CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `s`.`z` (`b`)',
      ]),
    },
    [
      'DROP FOREIGN KEY `g`',
      'ADD COLUMN `x` int AFTER `id`',
      'ADD CONSTRAINT `g` FOREIGN KEY (`id`) REFERENCES `s`.`q` (`b`)',
    ],
  ],
])('%s', (_, before, after, more, said) => {
  expect(lines(before, after, more)).toEqual(said);
});

test('options: what means something', () => {
  const [before, after] = [
    ') ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1 ROW_FORMAT=COMPACT',
    ") ENGINE=MyISAM AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='it''s (this)'",
  ];
  expect(actions(table([ID], before), table([ID], after))).toEqual([
    'DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    "COMMENT='it''s (this)'",
  ]);
});

test.each<[string, string, string[], string[], string[]]>([
  [
    'columns that had the one of the table get the new one',
    ') ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci',
    ["`v` varchar(20) DEFAULT ')'", "`e` enum('a,(','b')", '`n` int', '`own` text CHARACTER SET ucs2 COLLATE ucs2_bin'],
    ["`v` varchar(20) DEFAULT ')'", "`e` enum('a,(','b')", '`n` int', '`own` text CHARACTER SET ucs2 COLLATE ucs2_bin'],
    [
      "CHANGE COLUMN `v` `v` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT ')'",
      "CHANGE COLUMN `e` `e` enum('a,(','b') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    ],
  ],
  [
    'columns that keep theirs are told so',
    ') ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci',
    ['`v` varchar(20) DEFAULT NULL'],
    ['`v` varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL'],
    ['CHANGE COLUMN `v` `v` varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL'],
  ],
  [
    'where the table keeps its own nothing is said of it',
    ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
    ['`v` varchar(20)', "`w` char(1) GENERATED ALWAYS AS (convert('a' using latin1) collate latin1_bin) VIRTUAL"],
    ['`v` varchar(30)', "`w` char(1) GENERATED ALWAYS AS (convert('a' using latin1) collate latin1_bin) VIRTUAL"],
    ['CHANGE COLUMN `v` `v` varchar(30)'],
  ],
])('the character set of the table: %s', (_, tail, before, after, said) => {
  const now = ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';
  const found = actions(table([ID, ...before], tail), table([ID, ...after], now));
  expect(found.filter((action) => !action.startsWith('DEFAULT'))).toEqual(said);
});

test.each(["'it''s'", "'a\\'b' COMMENT 'x'", '0', '-1.5e3', 'NULL', "b'1' COMMENT 'now()'", "(_utf8mb4'x')", "('[]')"])(
  'a default that is the same everywhere: %s',
  (value) => {
    expect(lines([], [`\`c\` text NOT NULL DEFAULT ${value}`])).toHaveLength(1);
  },
);

test.each([
  'float DEFAULT NULL',
  "float DEFAULT '0'",
  'float NOT NULL DEFAULT 0',
  'float(10,3) DEFAULT 1.235',
  'float DEFAULT (1.2345678)',
  'double DEFAULT 0.12345678901234566',
  "double DEFAULT '1.7976931348623157e308'",
  'varbinary(9) DEFAULT 0xFF00FE',
  "varbinary(9) DEFAULT 'é?'",
  'varchar(9) DEFAULT 0xF09F98803F',
  "varchar(9) DEFAULT 'é' COMMENT 'what?'",
  "varchar(9) COMMENT '?'",
])('a default that is printed as it is: %s', (rest) => {
  expect(lines([], [`\`c\` ${rest}`])).toHaveLength(1);
});

test.each([
  ['float DEFAULT 1.23457', /six digits/],
  ["float NOT NULL DEFAULT '16777200' COMMENT '0'", /six digits/],
  ["varbinary(9) DEFAULT '\ufffd\\0\ufffd'", /bytes/],
  ["varchar(9) COLLATE utf8mb4_bin DEFAULT '??'", /question mark/],
  ["text DEFAULT (_utf8mb4'????')", /question mark/],
  ["enum('?','b') CHARACTER SET latin1 DEFAULT '?'", /question mark/],
])('a default that may be another than is printed: %s', (rest, why) => {
  expect(() => lines([], [`\`c\` ${rest}`])).toThrow(why);
  expect(lines(['`c` int'], [`\`c\` ${rest}`])).toHaveLength(1);
});

test.each([
  ['float DEFAULT 1', 1],
  ["float NOT NULL DEFAULT '-1.5'", -1.5],
  ['float DEFAULT 0.1', 0.1],
  ["float DEFAULT '1e20'", 1e20],
])('a default that is printed with six digits and was said with no more: %s', (rest, said) => {
  expect(lines([], [`\`c\` ${rest}`], { floats: { c: said } })).toHaveLength(1);
  expect(() => lines([], [`\`c\` ${rest}`], { floats: { c: said * (1 + 2e-7) } })).toThrow(/six digits/);
  expect(() => lines([], [`\`c\` ${rest}`], { floats: { d: said } })).toThrow(/six digits/);
});

const WIDE = ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4';

test.each<[string, string, string, boolean]>([
  ['a new one', "enum('?','b')", WIDE, true],
  ['a SET', "set('a','b?') NOT NULL DEFAULT 'a'", WIDE, true],
  [
    'in its own character set',
    "enum('?') CHARACTER SET utf16 COLLATE utf16_bin",
    ') ENGINE=InnoDB DEFAULT CHARSET=latin1',
    true,
  ],
  ['in its own collation', "enum('?') COLLATE utf8mb4_bin", ') ENGINE=InnoDB DEFAULT CHARSET=latin1', true],
  ['of bytes', "enum('\ufffd') CHARACTER SET latin1", WIDE, true],
  ['without such letters', "enum('?') CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", WIDE, false],
  ['in a table without such letters', "set('?')", ') ENGINE=InnoDB DEFAULT CHARSET=latin1', false],
  ['elsewhere', "enum('a') COMMENT '?'", WIDE, false],
])('members that may be others than are printed: %s', (_, rest, tail, stops) => {
  const to = (before: readonly string[]) => () =>
    actions(table([ID, ...before], tail), table([ID, `\`c\` ${rest}`], tail));
  for (const before of [[], ["`c` enum('a')"]]) {
    if (stops) expect(to(before)).toThrow(/members/);
    else expect(to(before)()).toHaveLength(1);
  }
  expect(to([`\`c\` ${rest}`])()).toEqual([]);
});

test('columns that begin to number rows', () => {
  const found = (before: readonly string[], after: readonly string[], renamed = {}, dropped: readonly string[] = []) =>
    numbered({
      before: table(before),
      after: table(after),
      renamed: new Map(Object.entries(renamed)),
      dropped: new Set(dropped),
      columnAt: (name) => (name === 'own' ? null : `${name}_there`),
    });
  const number = (name: string) => `\`${name}\` int NOT NULL AUTO_INCREMENT`;
  expect(found([ID], [number('id')])).toEqual(['id_there']);
  expect(found([ID], [number('n')], { id: 'n' })).toEqual(['id_there']);
  expect(found([number('id')], [number('id')])).toEqual([]);
  expect(found(['`own` int'], [number('own')])).toEqual([]);
  expect(found([ID], ["`id` int COMMENT 'AUTO_INCREMENT'"])).toEqual([]);
  // It is new, and refused for that.
  expect(found([ID], [number('id')], {}, ['id'])).toEqual([]);
});

test.each([
  'DEFAULT current_timestamp()',
  'DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
  'DEFAULT (uuid())',
  'DEFAULT uuid()',
  'DEFAULT (1 + rand())',
  'DEFAULT 1 + rand()',
  "DEFAULT ('a' || rand())",
  'NOT NULL AUTO_INCREMENT',
])('a default that is not: %s', (value) => {
  expect(() => lines([], [`\`c\` int ${value}`])).toThrow(NotCarried);
  // Of a column that was there already it concerns new rows only, which come with their values.
  expect(lines(['`c` int'], [`\`c\` int ${value}`])).toHaveLength(1);
});

test.each([
  ['one that did not travel under its name', ['`a` int'], ['`b` int'], { renamed: { a: 'b' }, there: { a: null } }],
  ['two of one name there', ['`a` int'], ['`a` int', '`b` int'], { there: { a: 'B' } }],
  ['generated now', ['`a` int', '`b` int'], ['`a` int', '`b` int GENERATED ALWAYS AS (`a`) STORED'], {}],
  ['not generated any more', ['`a` int', '`b` int GENERATED ALWAYS AS (`a`) STORED'], ['`a` int', '`b` int'], {}],
  ['one that hangs on a session', ['`a` int'], ['`a` int', '`b` int AS (`a`) STORED'], { swaying: ['b'] }],
  [
    'one that hangs on a session and says another thing',
    ['`a` int', '`b` int AS (`a`) STORED'],
    ['`a` int', '`b` int AS (`a` / 7) STORED'],
    { swaying: ['b'] },
  ],
  ['a part that is not known', [], ['PERIOD FOR SYSTEM_TIME (`a`, `b`)'], {}],
])('not carried: %s', (_, before, after, more) => {
  expect(() => lines(before, after, more)).toThrow(NotCarried);
});

test('not carried: other partitions', () => {
  const parted = (n: number) =>
    `) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4\n/*!50100 PARTITION BY HASH (\`id\`)\nPARTITIONS ${n} */`;
  expect(actions(table([ID], parted(2)), table([ID, '`a` int'], parted(2)))).toHaveLength(1);
  expect(() => actions(table([ID], parted(2)), table([ID], parted(3)))).toThrow(/partitions/);
});

test('parts of what servers print', () => {
  const text = table([ID, KEY], ") ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COMMENT='AUTO_INCREMENT=3'");
  expect(withoutCounter(text)).toBe(text.replace(' AUTO_INCREMENT=3', ''));
  expect(partsOf(text)?.options).toEqual(
    new Map([
      ['ENGINE', 'InnoDB'],
      ['DEFAULT CHARSET', 'utf8mb4'],
      ['COMMENT', "'AUTO_INCREMENT=3'"],
    ]),
  );
  expect(partsOf('CREATE VIEW v AS SELECT 1')).toBeNull();
});

test('parents have the names that they have there', () => {
  const text = table([ID, 'CONSTRAINT `REFERENCES` FOREIGN KEY (`id`) REFERENCES `s`.`p` (`x`) ON DELETE CASCADE']);
  expect(withParents(text, (parent) => (parent === '`s`.`p`' ? '`z`.`q`' : parent))).toContain(
    'REFERENCES `z`.`q` (`x`)',
  );
});

test('not carried: an engine that has no rows', () => {
  const kept = (engine: string) => table([ID], `) ENGINE=${engine} DEFAULT CHARSET=utf8mb4`);
  expect(actions(kept('MyISAM'), kept('InnoDB'))).toEqual([]);
  expect(() => actions(kept('InnoDB'), kept('BLACKHOLE'))).toThrow(/BLACKHOLE/);
});
