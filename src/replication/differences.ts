/**
 * Values that a server holds and another cannot: all that are known, with what happens to each. docs/types.md is made of
 * this list, and the matrix of values (`test/values/matrix.ts`) leaves out these and no others; `differences.it.test.ts` there holds each.
 */

export const SERVERS = ['MariaDB 10.11', 'MariaDB 11.8', 'MySQL 9'] as const;
export type ServerName = (typeof SERVERS)[number];

/**
 * - `equal`: the target has another form of the same value, which compares as equal.
 * - `respelled`: the target keeps what the value means in its own words.
 * - `stops`: the target refuses the row, and the pipeline stands before it (OT5016).
 * - `refused`: the source does not hand the row on, and the pipelines that have its table stand before it (OT4040).
 */
export type Happens = 'equal' | 'respelled' | 'stops' | 'refused';

export interface Difference {
  readonly what: string;
  /** Types as they are declared. */
  readonly types: RegExp;
  readonly from: readonly ServerName[];
  readonly to: readonly ServerName[];
  /** An example, in the SQL of the source. */
  readonly value: string;
  readonly happens: Happens;
  /** What to do about it; null where nothing need be done. */
  readonly remedy: string | null;
}

const MARIADB: readonly ServerName[] = ['MariaDB 10.11', 'MariaDB 11.8'];

export const DIFFERENCES: readonly Difference[] = [
  {
    what: 'text that is not valid in its character set, which MariaDB keeps and MySQL does not: bytes above 127 in ascii, surrogates in utf8mb3, utf8mb4 and utf32',
    types: /^varchar\(\d+\) character set ascii/,
    from: MARIADB,
    to: ['MySQL 9'],
    value: "_ascii x'80'",
    happens: 'stops',
    remedy: 'mend such texts at the source, or make the column VARBINARY at both',
  },
  {
    what: 'the number −0, which MariaDB stores as 0',
    types: /^(float|double)/,
    from: ['MySQL 9'],
    to: MARIADB,
    value: '-0e0',
    happens: 'equal',
    remedy: null,
  },
  {
    what: 'times after 2038-01-19 03:14:07 UTC, which TIMESTAMP has since MariaDB 11.5',
    types: /^timestamp/,
    from: ['MariaDB 11.8'],
    to: ['MariaDB 10.11', 'MySQL 9'],
    value: "'2106-02-07 06:28:15'",
    happens: 'stops',
    remedy: 'use DATETIME on both sides',
  },
  {
    what: 'times with a fraction of a second beyond 838:59:59, which MySQL has not',
    types: /^time\(/,
    from: MARIADB,
    to: ['MySQL 9'],
    value: "'838:59:59.999999'",
    happens: 'stops',
    remedy: 'keep times below 838:59:59',
  },
  {
    what: 'JSON of MariaDB, which is a text, in a column that was made with the type JSON of MySQL: spaces and the order of keys go, of equal keys the last stays, and numbers beyond 64 bits become doubles',
    types: /^json/,
    from: MARIADB,
    to: ['MySQL 9'],
    value: `'{"b": 1,   "a": 2}'`,
    happens: 'respelled',
    remedy: 'make the column LONGTEXT at the target, as otter does where it makes the table',
  },
  {
    what: 'JSON of 32 and more levels, which a column that was made with the type JSON of MariaDB denies',
    types: /^json/,
    from: ['MySQL 9'],
    to: MARIADB,
    value: "CONCAT(repeat('[', 90), repeat(']', 90))",
    happens: 'stops',
    remedy: 'make the column LONGTEXT at the target, which has no such check',
  },
  {
    what: 'JSON with bytes in it that are no VARBINARY, which no expression of SQL makes again',
    types: /^json/,
    from: ['MySQL 9'],
    to: SERVERS,
    value: 'JSON_ARRAY(ST_AsWKB(POINT(1, 2)))',
    happens: 'refused',
    remedy: 'store bytes as text in JSON, or cast them to VARBINARY; or leave the column out of the channel',
  },
];
