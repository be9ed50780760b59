/** What is asked of all sites of the hammer once they are equal: what was committed is held against what stands. */
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { HammerCase } from './hammer.ts';
import { nothingIsSilent } from './hammer-manual.ts';
import { rows } from './otter.ts';

type Account = (sites: readonly Connection[], which: HammerCase) => Promise<void>;

export const ACCOUNTS: readonly Account[] = [
  tallyAddsUp,
  (sites, which) => (which.manual === true ? nothingIsSilent(sites) : lossesAreTold(sites)),
];

/** Of every row the sum of what was added to it anywhere and committed. */
async function tallyAddsUp(sites: readonly Connection[], { counters }: HammerCase): Promise<void> {
  if (counters !== true) return;
  const sums = new Map<string, number>();
  for (const site of sites) {
    for (const row of await rows(site, 'SELECT id, SUM(points) FROM own.added GROUP BY id')) {
      const [id, points] = JSON.parse(row) as [string | number, string | number];
      sums.set(String(id), (sums.get(String(id)) ?? 0) + Number(points));
    }
  }
  const stands = (await rows(sites[0]!, 'SELECT id, points FROM hammer.tally')).map((row) => {
    const [id, points] = JSON.parse(row) as [string | number, string | number];
    return [String(id), Number(points)];
  });
  expect(Object.fromEntries(stands), 'what was added up at all sites').toEqual(
    Object.fromEntries(stands.map(([id]) => [id, sums.get(String(id)) ?? 0])),
  );
}

/** Of rows that were made and do not stand, the conflict log of one site tells once what they lost to. */
async function lossesAreTold(sites: readonly Connection[]): Promise<void> {
  const texts = async (site: Connection, sql: string): Promise<string[]> =>
    (await rows(site, sql)).map((row) => (JSON.parse(row) as [string])[0]);
  const made: string[] = [];
  const told: string[] = [];
  for (const site of sites) {
    made.push(...(await texts(site, 'SELECT tag FROM own.claimed')));
    const losers = `SELECT IF(winner='local', incoming, present) FROM otter.conflict WHERE table_name='claimed'`;
    told.push(...(await texts(site, losers)).map((image) => (JSON.parse(image) as { tag: string }).tag.slice(1, -1)));
  }
  const stand = new Set(await texts(sites[0]!, 'SELECT tag FROM hammer.claimed'));
  expect(made.length, 'rows were made').toBeGreaterThan(0);
  expect(told.sort(), 'rows that lost their place').toEqual(made.filter((tag) => !stand.has(tag)).sort());
}
