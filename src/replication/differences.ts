/**
 * Values that a server holds and another cannot: all that are known, with what happens to each. docs/types.md is made of
 * this list, and the tests of values (`test/values/`) leave out these and no others; each has a test of its own there.
 */

export const SERVERS = ['MariaDB 10.11', 'MariaDB 11.8', 'MySQL 9'] as const;
export type ServerName = (typeof SERVERS)[number];

/**
 * - `equal`: the target has another form of the same value, which compares as equal.
 * - `stops`: the target refuses the row, and the pipeline stands before it (OT5016).
 * - `refused`: the source does not hand the row on, and the pipelines that have its table stand before it (OT4040).
 */
export type Happens = 'equal' | 'stops' | 'refused';

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
];
