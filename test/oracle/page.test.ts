/** docs/oracle.md: what it says of types, and of what stands in, is what the program and the tests go by; OTTER_UPDATE=1 writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CARRIAGES, madeType, parseSourceType, READABLE_CHARSETS } from '../../src/model/oracle-types.ts';
import { ORACLE_TABLES } from '../../src/oracle/own-records.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { REWRITINGS } from './stand-in.ts';

const PAGE = 'docs/oracle.md';

/** One of each kind, and those that are too large for the first choice. */
const MADE: readonly string[] = [
  ...['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'bigint unsigned', 'bit(64)', 'year'],
  ...['decimal(10,2)', 'decimal(38,0)', 'decimal(65,30)', 'float', 'double'],
  ...['date', 'datetime', 'datetime(6)', 'timestamp(3)', 'time(6)'],
  ...['char(10)', 'varchar(1000)', 'varchar(1001)', 'text', 'longtext', 'json', "enum('new','old')", "set('a','b')"],
  ...['binary(16)', 'varbinary(2000)', 'varbinary(2001)', 'blob', 'uuid', 'inet6', 'geometry', 'vector(3)'],
];

const SECTIONS: Readonly<Record<string, () => string>> = {
  types: () =>
    table(
      ['of MySQL and MariaDB', 'into', 'which must have'],
      CARRIAGES.map(({ from, to, needs }) => [upper(from), to.map((one) => `\`${one}\``).join(', '), needs]),
    ),
  made: () =>
    table(
      ['of MySQL and MariaDB', 'made as', 'in a key'],
      MADE.map((type) => {
        const from = parseSourceType(type, /^(char|varchar|\w*text|json)/.test(type) ? 'utf8mb4' : null);
        const [plain, key] = [madeType(from, false), madeType(from, true)];
        return [`\`${type}\``, `\`${plain}\``, key === null ? 'refused' : key === plain ? 'the same' : `\`${key}\``];
      }),
    ),
  charsets: () => `${READABLE_CHARSETS.map((one) => `\`${one}\``).join(', ')}.`,
  rewritings: () =>
    table(
      ['what', 'why'],
      REWRITINGS.map(({ name, why }) => [name, why]),
    ),
};

function upper(types: readonly string[]): string {
  return types.map((type) => type.toUpperCase()).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

test('its tables are those of the program', () => {
  const written: string[] = [];
  const page = readFileSync(PAGE, 'utf8').replace(
    /(<!-- written: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, head, name, end) => {
      written.push(name);
      return `${head}\n${SECTIONS[name]!()}\n\n${end}`;
    },
  );
  expect(written).toEqual(Object.keys(SECTIONS));
  if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, 'utf8')).toBe(page);
});

test('its example is a topology, with nothing in it that is not built', () => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))!;
  const rest =
    '\n  shop:\n    region: eu\n    engine: mysql\n    endpoints: ["shop.example.com:3306"]\n    user: otter\n    password: { env: SHOP_PASSWORD }\nchannels:';
  const text = `version: 1\nname: main\nregions: { eu: {} }\nnodes: { eu-1: { region: eu, listen: "127.1.0.5:7401" } }\n${example!.replace('\nchannels:', rest)}`;
  const { diagnostics, unbuilt } = loadTexts([{ path: 'main.yaml', text }]);
  expect([...diagnostics, ...unbuilt]).toEqual([]);
});

test('it names the tables that otter makes', () => {
  expect(readFileSync(PAGE, 'utf8')).toContain(ORACLE_TABLES.map((one) => `\`${one}\``).join(', '));
});
