/** `otter validate --live` against real servers: nothing to say of a pair that fits, and each finding provoked once. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import type { DiagnosticsJson } from '../../src/render/diagnostics-json.ts';
import { LONG } from '../project/long.ts';
import { rootOf } from '../site/harness.ts';
import { type Ended, person } from './person.ts';

type Finding = DiagnosticsJson['findings'][number];

let folder: string;
let servers: { a: LabServer; b: LabServer };
let a: Connection;
let b: Connection;

const ARGS = ['--binlog-row-metadata=FULL', '--auto-increment-increment=2'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-live-'));
  const [first, second] = await Promise.all([
    startMariaDb({ args: [...ARGS, '--auto-increment-offset=1'] }),
    startMySql({ args: [...ARGS, '--auto-increment-offset=2'] }),
  ]);
  servers = { a: first, b: second };
  [a, b] = await Promise.all([rootOf(first), rootOf(second)]);
});

afterAll(async () => {
  for (const root of [a, b]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const ORDERS =
  'CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, sku VARCHAR(9) NOT NULL, n INT, UNIQUE KEY sku (sku)) ENGINE=InnoDB';

beforeEach(async () => {
  for (const root of [a, b]) {
    await root.query(
      `DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS otter; CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; ${ORDERS}`,
    );
  }
});

interface Wishes {
  readonly a?: string;
  readonly b?: string;
  readonly channel?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly format?: string;
}

/** Lines 6 and 7 are the databases, 10 the ends of the channel, 12 and on its tables. */
function topology({ a: moreA = '', b: moreB = '', channel }: Wishes): string {
  const of = (name: 'a' | 'b', more: string): string => {
    const { family, host, port, otter } = servers[name];
    const parts = {
      engine: family,
      endpoints: `["${host}:${port}"]`,
      user: otter.user,
      password: `{ env: ${name.toUpperCase()}_PASSWORD }`,
    };
    const given = Object.fromEntries(
      [...more.matchAll(/(\w+): (\[.*?\]|\{.*?\}|\S+)/g)].map(([, key, value]) => [key!, value!]),
    );
    const all = Object.entries({ region: 'r', ...parts, ...given }).map(([key, value]) => `${key}: ${value}`);
    return `  ${name}: { ${all.join(', ')} }`;
  };
  return `version: 1
name: main
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${of('a', moreA)}
${of('b', moreB)}
channels:
  shop:
    ${channel ?? 'between: [a, b]\n    tables:\n    - shop.orders'}
`;
}

const TWO_WAY = (...tables: string[]): Wishes => ({
  channel: `between: [a, b]\n    tables:${tables.map((table) => `\n    - ${table}`).join('')}`,
});
const ONE_WAY = (more: string, ...tables: string[]): Wishes => ({
  channel: `from: a\n    to: b${more === '' ? '' : `\n    ${more}`}\n    tables:${tables.map((table) => `\n    - ${table}`).join('')}`,
});

async function validate(wishes: Wishes = {}): Promise<Ended> {
  const path = join(folder, 'main.yaml');
  await writeFile(path, topology(wishes));
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password, ...wishes.env };
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  return person(['-t', path, 'validate', '--live', '--format', wishes.format ?? 'json'], { env: given });
}

async function ask(wishes: Wishes = {}): Promise<{ code: number; found: readonly Finding[]; brief: string[] }> {
  const { code, out } = await validate(wishes);
  for (const { otter } of Object.values(servers)) expect(out).not.toContain(otter.password);
  const { findings } = JSON.parse(out) as DiagnosticsJson;
  return {
    code,
    found: findings,
    brief: findings.map((one) => `${one.severity} ${one.code} line ${one.place?.line}`).sort(),
  };
}

/** What is set for the time of `work`. */
async function during(root: Connection, set: string, unset: string, work: () => Promise<void>): Promise<void> {
  await root.query(set);
  try {
    await work();
  } finally {
    await root.query(unset);
  }
}

test('of a pair that fits nothing is said', async () => {
  const { code, out, err } = await validate({ format: 'text' });
  expect(err + out).toMatch(/main\.yaml is valid; its 2 databases were asked\.\n$/);
  expect(code).toBe(0);
  expect(await ask()).toEqual({ code: 0, found: [], brief: [] });
  expect((await validate({ format: 'github' })).out).toBe('');
  // It looked, and left nothing.
  expect((await a.query("SHOW DATABASES LIKE 'otter'"))[0]).toEqual([]);
});

describe('a database that cannot be asked is a finding, and the other is asked all the same', () => {
  const METADATA = 'warning OT4051 line 6';

  test.each<[what: string, wishes: Wishes, said: string]>([
    ['unreachable', { b: 'endpoints: ["127.0.0.1:1"]' }, 'error OT4001 line 7'],
    ['with a wrong password', { env: { B_PASSWORD: 'wrong-secret' } }, 'error OT4003 line 7'],
    ['whose password is not set', { env: { B_PASSWORD: '' } }, 'error OT3020 line 7'],
    ['whose password is in no file', { b: 'password: {file: /nowhere}' }, 'error OT3020 line 7'],
  ])('%s', async (_, wishes, said) => {
    await during(
      a,
      "SET GLOBAL binlog_row_metadata = 'MINIMAL'",
      "SET GLOBAL binlog_row_metadata = 'FULL'",
      async () => {
        const { code, brief, found } = await ask(wishes);
        expect(brief).toEqual([said, METADATA].sort());
        expect(code).toBe(3);
        expect(JSON.stringify(found)).not.toContain('wrong-secret');
      },
    );
  });

  test('the next endpoint is tried', async () => {
    const { host, port } = servers.b;
    expect((await ask({ b: `endpoints: ["127.0.0.1:1","${host}:${port}"]` })).brief).toEqual([]);
  });

  test('files that are not valid come first', async () => {
    const { code, err } = await validate({ channel: 'between: [a, c]\n    tables: [shop.orders]' });
    expect(code).toBe(3);
    expect(err).toContain('were not asked');
  });
});

describe('servers', () => {
  const settings: [set: string, unset: string, at: 'a' | 'b', said: string[]][] = [
    ["binlog_format = 'MIXED'", "binlog_format = 'ROW'", 'a', ['error OT4021 line 6']],
    ["binlog_row_image = 'MINIMAL'", "binlog_row_image = 'FULL'", 'b', ['error OT4021 line 7']],
    ["binlog_row_value_options = 'PARTIAL_JSON'", "binlog_row_value_options = ''", 'b', ['error OT4021 line 7']],
    ["binlog_row_metadata = 'MINIMAL'", "binlog_row_metadata = 'FULL'", 'b', ['warning OT4051 line 7']],
    ['binlog_expire_logs_seconds = 3600', 'binlog_expire_logs_seconds = 0', 'a', ['warning OT4052 line 6']],
    ['binlog_expire_logs_seconds = 3600', 'binlog_expire_logs_seconds = 0', 'b', ['warning OT4052 line 7']],
    ['max_allowed_packet = 1048576', 'max_allowed_packet = 67108864', 'b', ['warning OT4056 line 7']],
    ['read_only = 1', 'read_only = 0', 'a', ['error OT4007 line 6']],
    ['read_only = 1', 'read_only = 0', 'b', ['error OT4007 line 7']],
  ];

  test.each(settings)('%s', async (set, unset, at, said) => {
    const root = at === 'a' ? a : b;
    await during(root, `SET GLOBAL ${set}`, `SET GLOBAL ${unset}`, async () => {
      const { code, brief, found } = await ask();
      expect(brief).toEqual(said);
      expect(code).toBe(said[0]!.startsWith('error') ? 3 : 0);
      // What is to be typed is what helps.
      const typed = /`(SET GLOBAL [^`]*;)`/.exec(found[0]!.detail)![1]!;
      await root.query(typed);
      expect((await ask()).brief).toEqual([]);
    });
  });

  test('settings of the log matter for sources only', async () => {
    await during(b, "SET GLOBAL binlog_row_image = 'MINIMAL'", "SET GLOBAL binlog_row_image = 'FULL'", async () => {
      expect((await ask(ONE_WAY('', 'shop.orders'))).brief).toEqual([]);
    });
  });

  test('another engine than the topology says', async () => {
    const { code, brief } = await ask({ a: 'engine: mysql', b: 'engine: mariadb' });
    expect(brief).toEqual(['warning OT4050 line 6', 'warning OT4050 line 7']);
    expect(code).toBe(0);
  });

  test('a clock that is ahead', async () => {
    const init = "SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 90'";
    await during(b, init, "SET GLOBAL init_connect = ''", async () => {
      const { brief, found } = await ask();
      expect(brief).toEqual(['warning OT4055 line 7']);
      expect(found[0]!.summary).toMatch(/the clock of `b` is (89|90)\.\d s ahead of that of `a`/);
    });
  });

  test('equal numbers at both sites, and what to type', async () => {
    const reset = 'SET GLOBAL auto_increment_increment = 2, GLOBAL auto_increment_offset =';
    await during(b, `${reset} 1`, `${reset} 2`, async () => {
      const { code, brief, found } = await ask();
      expect(brief).toEqual(['warning OT4054 line 10']);
      expect(code).toBe(0);
      for (const [name, root] of Object.entries({ a, b }))
        await root.query(new RegExp(`^at ${name}: (.*;)$`, 'm').exec(found[0]!.detail)![1]!);
      expect((await ask()).brief).toEqual([]);
    });
  });

  test('two databases that are one server', async () => {
    const { port, otter } = servers.a;
    const wishes = {
      b: `engine: mariadb endpoints: ["localhost:${port}"] user: ${otter.user}`,
      env: { B_PASSWORD: otter.password },
    };
    expect((await ask(wishes)).brief).toEqual(['warning OT4054 line 10', 'warning OT4059 line 7']);
  });
});

describe('privileges', () => {
  test.each(['a', 'b'] as const)('what lacks at %s is named with the statements that grant it', async (name) => {
    const root = name === 'a' ? a : b;
    await root.query("DROP USER IF EXISTS 'poor'@'%'; CREATE USER 'poor'@'%' IDENTIFIED BY 'poor-secret'");
    const wishes = { [name]: 'user: poor', env: { [`${name.toUpperCase()}_PASSWORD`]: 'poor-secret' } };
    const line = name === 'a' ? 6 : 7;
    const first = await ask(wishes);
    // Of tables that it may not see nothing is said.
    expect(first.brief).toEqual([`error OT4022 line ${line}`]);
    expect(first.code).toBe(3);
    const statements = (found: readonly Finding[]): string[] =>
      found.flatMap(({ detail }) => detail.split('\n').filter((text) => text.startsWith('GRANT ')));
    for (const statement of statements(first.found)) await root.query(statement);
    expect((await ask(wishes)).brief).toEqual([]);
    // A table that is to be made takes more; at the first site none is made.
    await root.query('DROP TABLE shop.orders');
    if (name === 'b') await root.query("REVOKE CREATE ON shop.* FROM 'poor'@'%'");
    expect((await ask(wishes)).brief).toEqual([name === 'a' ? 'error OT5021 line 12' : `error OT4022 line ${line}`]);
    await root.query("DROP USER 'poor'@'%'");
  });

  test.each(['a', 'b'] as const)('who has a role at %s is believed', async (name) => {
    const root = name === 'a' ? a : b;
    const own = `GRANT ALL ON *.* TO 'reader'`;
    const usual = name === 'a' ? "SET DEFAULT ROLE reader FOR 'rolled'@'%'" : "SET DEFAULT ROLE reader TO 'rolled'@'%'";
    await root.query(
      `CREATE ROLE reader; ${own}; CREATE USER 'rolled'@'%' IDENTIFIED BY 'x-secret'; GRANT reader TO 'rolled'@'%'; ${usual}`,
    );
    const wishes = { [name]: 'user: rolled', env: { [`${name.toUpperCase()}_PASSWORD`]: 'x-secret' } };
    expect((await ask(wishes)).brief).toEqual([]);
    await root.query("DROP USER 'rolled'@'%'; DROP ROLE reader");
  });
});

describe('tables', () => {
  const T = 'shop.t';

  test.each<[what: string, first: string, second: string, wishes: Wishes, said: string[]]>([
    ['that are not there', '', '', TWO_WAY(T, 'shop.x_*'), ['warning OT4053 line 12', 'warning OT4053 line 13']],
    [
      'that only the second site has',
      '',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      TWO_WAY(T),
      ['error OT5021 line 12'],
    ],
    ['that are to be made', 'CREATE TABLE shop.t (id INT PRIMARY KEY)', '', TWO_WAY(T), []],
    ['without a primary key', 'CREATE TABLE shop.t (id INT)', '', TWO_WAY(T), ['error OT5014 line 12']],
    ['without a primary key, one-way', 'CREATE TABLE shop.t (id INT)', '', ONE_WAY('', T), ['error OT5022 line 13']],
    [
      'without a primary key and a copy',
      'CREATE TABLE shop.t (id INT)',
      '',
      ONE_WAY('initial: none', T),
      ['warning OT4057 line 14'],
    ],
    [
      'with a column less',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      ONE_WAY('', T),
      ['error OT5011 line 13'],
    ],
    [
      'with a generated column',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT AS (id) STORED)',
      ONE_WAY('', T),
      ['error OT5011 line 13'],
    ],
    [
      'with another key',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT UNIQUE)',
      TWO_WAY(T),
      ['error OT5014 line 12', 'error OT5014 line 12'],
    ],
    [
      'of other types',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v BIGINT)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)',
      ONE_WAY('', T),
      ['error OT5028 line 13'],
    ],
    [
      'that compare texts differently',
      'CREATE TABLE shop.t (id VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY)',
      'CREATE TABLE shop.t (id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY)',
      TWO_WAY(T),
      ['error OT5014 line 12', 'error OT5014 line 12'],
    ],
    [
      'without transactions',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY) ENGINE=MyISAM',
      ONE_WAY('', T),
      ['error OT5027 line 13'],
    ],
    [
      'that keeps its history',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING',
      '',
      ONE_WAY('', T),
      ['error OT4040 line 13'],
    ],
    [
      'with a trigger, two-way',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.id = NEW.id',
      TWO_WAY(T),
      ['error OT5014 line 12'],
    ],
    [
      'with a trigger, one-way',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.id = NEW.id',
      ONE_WAY('', T),
      ['warning OT4058 line 13'],
    ],
    [
      'with a trigger that asks',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW IF @otter_apply IS NULL THEN SET NEW.id = NEW.id; END IF',
      TWO_WAY(T),
      [],
    ],
    [
      'whose parent is not in the channel',
      'CREATE TABLE shop.p (id INT PRIMARY KEY); CREATE TABLE shop.t (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.p (id) ON DELETE CASCADE)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY, p INT)',
      ONE_WAY('', T),
      ['error OT5030 line 13'],
    ],
    [
      'that cascade, two-way',
      'CREATE TABLE shop.p (id INT PRIMARY KEY); CREATE TABLE shop.t (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.p (id) ON DELETE CASCADE)',
      '',
      TWO_WAY('shop.p', T),
      ['error OT5014 line 13'],
    ],
    [
      'that have rows at the target',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      "CREATE TABLE shop.t (id INT PRIMARY KEY, note VARCHAR(20)); INSERT INTO shop.t VALUES (1, 'a private row')",
      TWO_WAY(T),
      ['error OT5011 line 12', 'error OT5013 line 12'],
    ],
    [
      'that have rows at the target, and are to be replaced',
      'CREATE TABLE shop.t (id INT PRIMARY KEY)',
      'CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)',
      ONE_WAY('existing: replace', T),
      [],
    ],
  ])('%s', async (_, first, second, wishes, said) => {
    if (first !== '') await a.query(first);
    if (second !== '') await b.query(second);
    const { code, brief, found } = await ask(wishes);
    expect(brief).toEqual(said);
    expect(code).toBe(said.some((one) => one.startsWith('error')) ? 3 : 0);
    expect(JSON.stringify(found)).not.toContain('a private row');
  });

  test('in a channel that runs, rows at the target are nothing to say', async () => {
    await b.query(
      "INSERT INTO shop.orders VALUES (1, 'x', 1); CREATE DATABASE otter; CREATE TABLE otter.copy (pipeline VARCHAR(99), source_table VARCHAR(99)); INSERT INTO otter.copy VALUES ('shop/a>b', 'shop.orders')",
    );
    expect((await ask()).brief).toEqual([]);
    await b.query('DROP TABLE shop.orders');
    expect((await ask()).brief).toEqual(['error OT5021 line 12']);
  });

  test.runIf(LONG)('a thousand tables are asked for in a few questions', async () => {
    for (const root of [a, b]) {
      for (let start = 0; start < 1_000; start += 100)
        await root.query(
          Array.from({ length: 100 }, (_, i) => `CREATE TABLE shop.m_${start + i} (id INT PRIMARY KEY)`).join(';'),
        );
    }
    await b.query('DROP TABLE shop.m_7; CREATE TABLE shop.m_7 (id INT PRIMARY KEY, gone INT)');
    const questions = async (): Promise<number> => {
      const [rows] = await b.query("SHOW GLOBAL STATUS LIKE 'Questions'");
      return Number((rows as { Value: string }[])[0]!.Value);
    };
    const before = await questions();
    expect((await ask(TWO_WAY('shop.*'))).brief).toEqual(['error OT5011 line 12']);
    expect((await questions()) - before).toBeLessThan(200);
  });
});

test('every format has the findings', async () => {
  await b.query('DROP TABLE shop.orders; CREATE TABLE shop.orders (id INT PRIMARY KEY)');
  for (const format of ['text', 'json', 'github', 'sarif']) {
    const { code, out } = await validate({ format });
    expect(code).toBe(3);
    expect(out).toContain('OT5011');
    expect(out).toContain('shop/a>b: shop.orders has no writable column sku for shop.orders.sku');
  }
  expect((await validate({ format: 'text' })).out).toMatch(/--> .*main\.yaml:12:/);
});

test('status --tables says what each entry of the applied channels means', async () => {
  await a.query(
    'CREATE TABLE shop.item_0 (id INT PRIMARY KEY); CREATE TABLE shop.item_1 LIKE shop.item_0; CREATE TABLE shop.item_12 LIKE shop.item_0; CREATE DATABASE otter; CREATE TABLE otter.skip LIKE shop.item_0',
  );
  const path = join(folder, 'main.yaml');
  const tables = ['"*.*"', '{ from: "shop.item_[0-3]", to: dw.item }', 'shop.item_1', 'shop.missing'];
  await writeFile(path, topology(ONE_WAY('existing: merge', ...tables)));
  const env = { A_PASSWORD: servers.a.otter.password, B_PASSWORD: servers.b.otter.password };
  const otter = (...args: string[]): Promise<Ended> =>
    person(['-t', path, '--state', `file:${join(folder, 'tables.db')}`, ...args], { env });
  expect(await otter('apply', '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
  const { code, out } = await otter('status', '--tables');
  expect(code).toBe(0);
  expect(out).toBe(`main  serial 1

channel shop
  *.*
    a  shop.item_12
    a  shop.orders
  shop.item_[0-3] -> dw.item
    a  shop.item_0 -> dw.item
  shop.item_1
    a  shop.item_1
  shop.missing: no table
`);
  const blind = await person(
    ['-t', path, '--state', `file:${join(folder, 'tables.db')}`, 'status', '--tables', '--json'],
    {},
  );
  expect(JSON.parse(blind.out)).toMatchObject({
    serial: 1,
    channels: [{ name: 'shop', entries: [{ from: '*.*', to: '*.*', tables: [] }, {}, {}, {}] }],
    away: [{ database: 'a', code: 'OT3020' }],
  });
});
