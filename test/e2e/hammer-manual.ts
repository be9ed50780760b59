/** What a person does when the hammer rests under `policy: manual`: decides everything that waits, by the program. */
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { Random } from '../../src/lab/random.ts';
import { type Otter, rows } from './otter.ts';

interface Open {
  readonly id: string;
  readonly table: string;
  readonly key: Readonly<Record<string, string>>;
}

/** How many decide at once, each another row: mostly a row waits at both databases, and either may be asked. */
const AT_ONCE = 4;
const ROUNDS = 10;
const TAKES = ['incoming', 'local', 'base'] as const;
/**
 * Closed meanwhile by a decision about another row, not as it was when it was shown, or another row has to be decided first
 * which this one refers to.
 */
const NOT_NOW = ['OT7010', 'OT7011', 'OT7012'];

/**
 * Decides until nothing waits any more; returns how often.
 * @param arrived returns when every decision has arrived at the other database
 */
export async function decideAll(otter: Otter, random: Random, arrived: () => Promise<void>): Promise<number> {
  let decided = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const open = await waiting(otter);
    if (open.length === 0) return decided;
    const byRow = Map.groupBy(open, ({ table, key }) => JSON.stringify([table, key]));
    const chosen = [...byRow.values()].map((records) => ({ id: random.pick(records).id, take: random.pick(TAKES) }));
    const next = chosen.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const { id, take } of next) if (await decide(otter, id, take)) decided += 1;
      }),
    );
    await arrived();
  }
  throw new Error(`after ${ROUNDS} rounds there still waits ${JSON.stringify((await waiting(otter)).slice(0, 5))}`);
}

async function waiting(otter: Otter): Promise<Open[]> {
  const { code, out, err } = await otter.run('conflicts', '--open', '--limit', '100000', '--json');
  expect(code, err).toBe(0);
  return (JSON.parse(out) as { conflicts: Open[] }).conflicts;
}

/** False: not now. */
async function decide(otter: Otter, id: string, take: string): Promise<boolean> {
  const { code, err } = await otter.run('conflicts', 'resolve', id, '--take', take, '--yes');
  if (code === 0) return true;
  expect(NOT_NOW, err).toContain(/OT\d{4}/.exec(err)?.[0]);
  return false;
}

/** Of rows that were made and do not stand, the conflict log of some site tells. */
export async function nothingIsSilent(sites: readonly Connection[]): Promise<void> {
  const texts = async (site: Connection, sql: string): Promise<string[]> =>
    (await rows(site, sql)).map((row) => (JSON.parse(row) as [string])[0]);
  const made: string[] = [];
  const told = new Set<string>();
  for (const site of sites) {
    made.push(...(await texts(site, 'SELECT tag FROM own.claimed')));
    for (const column of ['incoming', 'present', 'base'])
      for (const image of await texts(
        site,
        `SELECT ${column} FROM otter.conflict WHERE table_name='claimed' AND ${column} IS NOT NULL`,
      ))
        told.add((JSON.parse(image) as { tag: string }).tag.slice(1, -1));
  }
  const stand = new Set(await texts(sites[0]!, 'SELECT tag FROM hammer.claimed'));
  expect(made.length, 'rows were made').toBeGreaterThan(0);
  expect(
    made.filter((tag) => !stand.has(tag) && !told.has(tag)),
    'rows that went in silence',
  ).toEqual([]);
}
