/** The page of the types, made of what the program goes by: the kinds of types, the rules of what fits, the differences. */
import { type ColumnType, parseColumnType } from '../../src/mysql/types.ts';
import { type Fit, type FitColumn, fitOf } from '../../src/replication/column-fit.ts';
import { DIFFERENCES, type Happens, SERVERS } from '../../src/replication/differences.ts';
import { TYPE_CASES } from '../values/cases.ts';

/** How a value of each kind is carried. */
const CARRIED: Readonly<Record<Exclude<ColumnType['kind'], 'unsupported'>, string>> = {
  integer: 'the number, of up to 64 bits',
  decimal: 'every digit',
  float: 'the same 32 bits',
  double: 'the same 64 bits',
  bit: 'every bit',
  year: 'the year, 0000 too',
  date: 'as it is, zero and partly zero dates too',
  datetime: 'as it is, every microsecond',
  timestamp: 'the moment, whatever the time zones of the servers are',
  time: 'as it is, with sign and every microsecond',
  text: 'every character; written in the character set of the target',
  'fixed-binary': 'every byte, zeros at the end too',
  address: 'its bytes',
  binary: 'every byte',
  vector: 'the same 32 bits of each number',
  json: 'what the server prints is the same, and so is the type of every scalar in it (MySQL)',
  enum: 'the number of the member, that of the error value too',
  set: 'the bits of the members',
  geometry: 'its bytes, the number of its reference system too',
};

/** One of each type, in the widths that stand for the others. */
const TYPES: readonly string[] = [
  ...['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'int unsigned', 'decimal(12,2)', 'decimal(20,4)'],
  ...['float', 'double', 'bit(8)', 'bit(64)', 'year', 'date', 'datetime', 'datetime(6)'],
  ...['timestamp', 'timestamp(6)', 'time', 'time(6)'],
  ...['char(9)', 'varchar(9)', 'varchar(99)', 'tinytext', 'text', 'mediumtext', 'longtext'],
  ...['binary(4)', 'binary(16)', 'varbinary(16)', 'tinyblob', 'blob', 'mediumblob', 'longblob'],
  ...["enum('a','b')", "enum('a','b','c')", "set('a','b')", "set('a','b','c')"],
  ...['json', 'uuid', 'inet4', 'inet6', 'vector(4)', 'point', 'polygon', 'geometry'],
];

const HAPPENS: Readonly<Record<Happens, string>> = {
  equal: 'arrives in another form, which compares as equal',
  respelled: 'arrives in other words',
  stops: 'the target refuses the row; the pipeline stands before it (`OT5016`)',
  refused: 'the row is not handed on; the pipelines of its table stand before it (`OT4040`)',
};

export function typesPage(): string {
  return [
    '# Types and values',
    `What is written at a source stands at the target as it was: every value of every type of MySQL and MariaDB, in rows that are copied and
in rows that come by the log, in keys too. What a target column would change without a word is refused before the first row
([\`OT5028\`](reference/codes.md)), what a target refuses stops its pipeline before that row (\`OT5016\`), and what cannot be read exactly is not
handed on (\`OT4040\`). Time zones and \`sql_mode\` of the servers and of their sessions do not matter, but for [generated columns](#generated-columns-and-checks). Written from
\`src/mysql/types.ts\`, \`src/replication/column-fit.ts\` and \`src/replication/differences.ts\`, and held by tests that write every value below and
its neighbours on one server and compare what both say of them (\`test/values/\`).`,
    '## What travels, and where it fits',
    `Otter makes missing tables with the types of the source. Where you make them yourself, other types do too, of the same name in a greater width, or as follows. The second list takes what
fits; a value that does not stops the pipeline. Every other pair is refused. A column that takes no NULL where the source's does stops the pipeline at one; such a TIMESTAMP is refused.`,
    table(
      ['type', 'what is carried', 'fits exactly into', 'into, as long as values fit'],
      TYPES.map((type) => [
        `\`${type}\``,
        CARRIED[kindOf(type)],
        listed(type, ['exact']),
        listed(type, ['aloud', 'cuts']),
      ]),
    ),
    `A \`json\` of MariaDB is its \`longtext\` in \`utf8mb4\`, and travels as that text. What MySQL has as \`json\` is the text that MySQL prints at a MariaDB. \`uuid\`, \`inet4\`, \`inet6\` and columns that are \`COMPRESSED\` are MariaDB's;
at a MySQL they are \`binary(16)\`, \`binary(4)\` and columns that are not compressed. Members of ENUM and SET may be added
at the end of the target's list, and nowhere else.`,
    '## Generated columns and checks',
    `Values of generated columns are not carried; the target makes them, and its checks are asked again. Otter's sessions are set as servers come when nobody
sets them: UTC, a strict \`sql_mode\` without \`NO_UNSIGNED_SUBTRACTION\` and \`PAD_CHAR_TO_FULL_LENGTH\`, \`div_precision_increment = 4\`, \`lc_time_names = 'en_US'\`,
\`default_week_format = 0\`. What users' sessions were set to no log tells. So:

- A **stored** generated column that both sides have is refused (\`OT5055\`, at the start and by \`validate --live\`) when its expression reads the time zone (a TIMESTAMP other than
  by \`UNIX_TIMESTAMP\`, \`FROM_UNIXTIME\`; a TIMESTAMP that is made of a DATETIME), the language of days and months (\`DAYNAME\`, \`MONTHNAME\`, \`DATE_FORMAT\` with names) or
  the week's mode (\`WEEK\` without one): clients set these as they like, and servers differ in them anyhow. A VIRTUAL column at the target, or none, is taken.
- One that divides, subtracts unsigned numbers, reads a CHAR or cuts fractions of seconds is only told of (\`OT4061\`): hardly anybody sets what it hangs on, and columns like
  \`price / quantity\` are common. Where sessions of yours do set \`div_precision_increment\` or such an \`sql_mode\`, values of that column may differ.
- A check that hangs on any of these is told of by \`validate --live\` (\`OT4061\`). Where the target refuses a row by it, or by a value that a session without strict mode cut into a
  generated column, the pipeline stands before that row (\`OT5016\`); nothing is written otherwise.
- All other expressions, such as \`a + b\`, \`concat(a, b)\` and \`json_extract(j, '$.x')\`, come to the same values.
- MySQL itself reads a backslash in a text of a generated column that was made under \`NO_BACKSLASH_ESCAPES\` in another way when the table is made again from what
  \`SHOW CREATE TABLE\` prints, by otter or by a dump: write such an expression with \`CHAR(92)\`.`,
    '## Character sets',
    `Texts of these sets were written and compared: ${charsets().join(', ')}. What the columns of a target take:`,
    table(
      ['target', 'texts of'],
      ['utf8mb4', 'utf8mb3', 'latin1'].map((target) => [
        target,
        charsets()
          .filter((source) => fitOf(text(source, 9), text(target, 99)) === 'exact')
          .join(', '),
      ]),
    ),
    '(`utf16`, `utf16le` and `utf32` take what `utf8mb4` does.) Into others a text goes as long as its letters exist there; one that has others stops the pipeline.',
    '## Differences between the families',
    `All that are known, between ${SERVERS.join(', ')}:`,
    table(
      ['value', 'from', 'to', 'what happens', 'what to do'],
      DIFFERENCES.map(({ what, from, to, happens, remedy }) => [
        what,
        from.join(', '),
        to.join(', '),
        HAPPENS[happens],
        remedy ?? 'nothing',
      ]),
    ),
    `## What is not carried

- Types that are not in the list above: tables that have one are refused (\`OT4040\`), and so are MariaDB's times in the format of MySQL 5.5
  (\`mysql56_temporal_format = OFF\`; \`ALTER TABLE ... MODIFY\` of the column with it ON makes it one of the present format).
- Keys over expressions and multi-valued keys of MySQL at a MariaDB, and tables whose defaults ask a sequence, which is not carried: such a table cannot be made at the target
  (\`OT5029\`). A primary key of a generated column is refused (\`OT5010\`).
- \`ENUM\` and \`SET\` in \`utf8mb4\`, \`utf16\`, \`utf32\` or \`gb18030\` whose members are printed with a question mark: servers print one for every letter beyond U+FFFF. Rows travel, as numbers;
  but the table cannot be made at the target (\`OT5029\`, make it there yourself with the same members in their order), nor such a column be added or changed there (\`OT5033\`).
- Rows of which the log has only some columns (\`binlog_row_image\`, \`OT4031\`) or the changed parts of a JSON (\`binlog_row_value_options\`, \`OT4033\`): set as
  [preparing a database](databases.md) says. Compressed and encrypted logs are read.
`,
  ].join('\n\n');
}

function kindOf(type: string): keyof typeof CARRIED {
  const { kind } = parseColumnType(type, null);
  if (kind === 'unsupported') throw new Error(`${type} is not carried`);
  return kind;
}

function column(type: string): FitColumn {
  const isText = /char|text/.test(type);
  return { type, charset: isText ? 'utf8mb4' : null, collation: isText ? 'utf8mb4_general_ci' : null, nullable: true };
}

function text(charset: string, letters: number): FitColumn {
  return { type: `varchar(${letters})`, charset, collation: `${charset}_bin`, nullable: true };
}

function listed(from: string, fits: readonly Fit[]): string {
  const found = TYPES.filter((to) => to !== from && fits.includes(fitOf(column(from), column(to))));
  return found.map((to) => `\`${to}\``).join(', ');
}

/** Of the columns that the tests write. */
function charsets(): readonly string[] {
  const names = TYPE_CASES.map(({ type }) => /character set (\w+)/.exec(type)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
