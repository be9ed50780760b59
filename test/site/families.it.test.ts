/** Tables that otter makes at a server of the other family: what hides or forbids, engines, defaults, and texts that look like them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { channel, count, recorder, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  const options = { args: ['--collation-server=utf8mb4_general_ci'] };
  [a, b] = await Promise.all([startMySql(options), startMariaDb(options)]);
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

interface Case {
  readonly columns: string;
  readonly options?: string;
  /** What is inserted at the source; by default the first column has a value, and the others their defaults. */
  readonly row?: string;
  /** What the table at the target must say of itself. */
  readonly has: readonly RegExp[];
  readonly hasNot?: readonly RegExp[];
}

const FROM_MYSQL: Readonly<Record<string, Case>> = {
  hidden: { columns: 'id INT PRIMARY KEY, n INT INVISIBLE DEFAULT 3', has: [/`n` int\(11\) INVISIBLE DEFAULT 3/] },
  hiddenid: {
    columns: 'id INT, n BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY INVISIBLE',

    has: [/`n` bigint\(20\) NOT NULL INVISIBLE AUTO_INCREMENT/],
  },
  wanted: {
    columns: 'id INT PRIMARY KEY, n INT NOT NULL INVISIBLE',
    row: '(id, n) VALUES (1, 1)',
    has: [/`n` int\(11\) NOT NULL,/],
  },
  hiddenkey: { columns: 'id INT PRIMARY KEY, n INT, KEY k (n) INVISIBLE', has: [/KEY `k` \(`n`\) IGNORED/] },
  hiddengenerated: {
    columns: 'id INT PRIMARY KEY, g INT GENERATED ALWAYS AS (id * 2) STORED INVISIBLE',
    has: [/`g` int\(11\) GENERATED ALWAYS AS .* STORED INVISIBLE/],
  },
  idle: {
    columns:
      "id INT PRIMARY KEY, n INT COMMENT 'NOT ENFORCED', CONSTRAINT idle CHECK (n > 5) NOT ENFORCED, CONSTRAINT kept CHECK (n > 0), CONSTRAINT other CHECK (n <> 7) NOT ENFORCED",
    row: '(id, n) VALUES (1, 1)',
    has: [/CONSTRAINT `kept` CHECK/, /COMMENT 'NOT ENFORCED'/],
    hasNot: [/`(idle|other)` CHECK/],
  },
  nested: {
    columns: "id INT PRIMARY KEY, t VARCHAR(60) DEFAULT (concat('a', upper(uuid())))",
    has: [/DEFAULT concat\(_utf8mb4'a',ucase\(uuid\(\)\)\)/],
  },
  quotes: {
    columns:
      "id INT PRIMARY KEY, t TEXT DEFAULT ('it''s \\\\b'), g VARCHAR(9) GENERATED ALWAYS AS (concat('\\\\b''', id)) STORED, CONSTRAINT c CHECK (t <> '\\\\')",
    has: [/`t` text DEFAULT 'it\\'s \\\\b'/, /AS \(concat\('\\\\b\\'',`id`\)\)/, /CHECK \(`t` <> '\\\\'\)/],
  },
  shapes: { columns: 'id INT PRIMARY KEY, g GEOMETRYCOLLECTION', has: [/`g` geometrycollection/] },
  myisam: {
    columns: "id INT PRIMARY KEY COMMENT 'was ENGINE=MyISAM once'",
    options: "ENGINE=MyISAM ROW_FORMAT=FIXED COMMENT='ENGINE=MyISAM ROW_FORMAT=FIXED'",
    has: [/COMMENT 'was ENGINE=MyISAM once'/, /ENGINE=InnoDB .*COMMENT='ENGINE=MyISAM ROW_FORMAT=FIXED'/],
  },
};

const FROM_MARIADB: Readonly<Record<string, Case>> = {
  hidden: {
    columns: 'id INT PRIMARY KEY, n INT INVISIBLE DEFAULT 3',
    has: [/`n` int DEFAULT '3' \/\*!80023 INVISIBLE \*\//],
  },
  hiddenkey: {
    columns: 'id INT PRIMARY KEY, n INT, KEY k (n) IGNORED',
    has: [/KEY `k` \(`n`\) \/\*!80000 INVISIBLE \*\//],
  },
  nested: {
    columns:
      "id INT PRIMARY KEY, t VARCHAR(60) DEFAULT concat('a)', upper(uuid())), n INT DEFAULT (abs(-3) + length('x(y)')), d DATETIME DEFAULT (current_timestamp() + interval 1 day), e DATE DEFAULT curdate(), f DATETIME DEFAULT current_timestamp() ON UPDATE current_timestamp(), g TEXT DEFAULT 'it''s now()', h VARCHAR(40) DEFAULT 'x' COMMENT 'DEFAULT now()'",
    has: [
      /DEFAULT \(concat\(_utf8mb4'a\)',upper\(uuid\(\)\)\)\)/,
      /`d` datetime DEFAULT \(\(now\(\) \+ interval 1 day\)\)/,
      /`e` date DEFAULT \(curdate\(\)\)/,
      /`f` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE/,
      /`g` text .*DEFAULT \(_utf8mb4'it\\'s now\(\)'\)/,
      /`h` varchar\(40\) .*DEFAULT 'x' COMMENT 'DEFAULT now\(\)'/,
    ],
  },
  aria: {
    columns: "id INT PRIMARY KEY COMMENT 'ENGINE=Aria PAGE_CHECKSUM=1'",
    options:
      "ENGINE=Aria COMMENT='ENGINE=Aria' PAGE_CHECKSUM=1 CHARSET=utf8mb4 TRANSACTIONAL=1 ROW_FORMAT=PAGE PARTITION BY HASH (id) (PARTITION p0, PARTITION p1)",
    has: [
      /COMMENT 'ENGINE=Aria PAGE_CHECKSUM=1'/,
      /ENGINE=InnoDB .*COMMENT='ENGINE=Aria'/,
      /PARTITION p1 ENGINE = InnoDB/,
    ],
  },
};

test('tables of either family are made at the other as they are, and what cannot be is left out or named', async () => {
  const roots = await Promise.all([rootOf(a), rootOf(b)]);
  const warnings: string[] = [];
  await using sites = new Sites(
    { a, b },
    recorder((message, fields) => {
      if (message.startsWith('table was made without'))
        warnings.push(`${String(fields['table'])}: ${String(fields['without'])}`);
    }),
  );
  const ways = [
    { from: 'a', to: 'b', schema: 'frommy', cases: FROM_MYSQL, source: roots[0], target: roots[1] },
    { from: 'b', to: 'a', schema: 'frommaria', cases: FROM_MARIADB, source: roots[1], target: roots[0] },
  ];
  for (const { schema, cases, source } of ways) {
    await source.query(`CREATE DATABASE ${schema}`);
    for (const [name, { columns, options = '', row }] of Object.entries(cases)) {
      await source.query(`CREATE TABLE ${schema}.${name} (${columns}) ${options}`);
      await source.query(`INSERT INTO ${schema}.${name} ${row ?? '(id) VALUES (1)'}`);
    }
  }
  await roots[0].query('CREATE TABLE frommy.strange (id INT PRIMARY KEY, t VARCHAR(9), KEY f ((lower(t))))');
  sites.set({
    ...Object.fromEntries(
      ways.map(({ from, to, schema, cases }) => [
        schema,
        channel(
          { kind: 'one-way', from: [from], to: [to] },
          Object.keys(cases).map((name) => `${schema}.${name}`),
        ),
      ]),
    ),
    strange: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['frommy.strange']),
  });
  sites.start('a');
  sites.start('b');
  const settled = (): boolean =>
    ['frommy/a>b', 'frommaria/b>a'].every((name) => sites.figures()[name]?.phase === 'streaming');
  await until('all are made', settled).catch(() => undefined);
  const problems: string[] = [];
  for (const { schema, cases, target, from, to } of ways) {
    expect(sites.figures()[`${schema}/${from}>${to}`]).toMatchObject({ phase: 'streaming', error: null });
    for (const [name, { has, hasNot = [] }] of Object.entries(cases)) {
      const [rows] = await target.query(`SHOW CREATE TABLE ${schema}.${name}`);
      const made = (rows as { 'Create Table': string }[])[0]!['Create Table'];
      for (const pattern of has)
        if (!pattern.test(made)) problems.push(`${schema}.${name} lacks ${pattern.source}:\n${made}`);
      for (const pattern of hasNot)
        if (pattern.test(made)) problems.push(`${schema}.${name} has ${pattern.source}:\n${made}`);
      expect(await count(target, `${schema}.${name}`), name).toBe(1);
    }
  }
  expect(problems.join('\n\n')).toBe('');
  expect(warnings.toSorted()).toEqual([
    'frommy.idle: check idle, which is not enforced, check other, which is not enforced',
    'frommy.wanted: that column n is invisible',
  ]);
  await until('it is refused', () => sites.figures()['strange/a>b']?.error?.code === 'OT5029');
  expect(sites.figures()['strange/a>b']!.error!.message).toMatch(
    /^frommy\.strange cannot be made like the source's \(key f\): /,
  );
  for (const root of roots) root.destroy();
}, 60_000);
