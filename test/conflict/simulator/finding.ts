/** What the slow path locks at the hub: rows by every touched key, holders of every touched value, and the gaps. */

import { footprint } from '../../../src/replication/conflict/footprint.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import type { Claim } from '../../../src/replication/conflict/tokens.ts';
import type { Database } from './database.ts';
import { KEYS } from './schema.ts';

export interface Found {
  readonly present: readonly LockedRow[];
  readonly rows: ReadonlySet<string>;
  /** Keys and values that nobody has. */
  readonly gaps: ReadonlySet<string>;
}

export function find(database: Database, claims: readonly Claim[]): Found {
  const present: LockedRow[] = [];
  const asked = new Set<string>();
  for (const { table, columns, rows } of footprint(claims.map(({ change }) => change))) {
    const unique = table.uniques.find((each) => each.columns === columns);
    for (const row of rows) {
      const values = table.columns.map((_, index) => (columns.includes(index) ? row[index]! : null));
      const lock = unique === undefined ? KEYS.row(table, row) : KEYS.uniques(table, values)[0]!;
      asked.add(lock);
      const key = unique === undefined ? lock : database.holders.get(lock);
      const found = key === undefined ? undefined : database.rows.get(key);
      if (found !== undefined) present.push({ table, image: found.image });
    }
  }
  const rows = new Set(present.flatMap(({ table, image }) => KEYS.touched(table, null, image)));
  return { present, rows, gaps: new Set([...asked].filter((lock) => !rows.has(lock))) };
}
