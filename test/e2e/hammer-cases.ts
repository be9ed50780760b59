/** By which rules the hammer falls, and on which sites. */
import type { HammerCase } from './hammer.ts';

type Rules = Pick<HammerCase, 'conflict' | 'ofTables' | 'counters' | 'manual'>;

export const POLICIES = {
  'site-priority': { conflict: '{ policy: site-priority }' },
  'last-write-wins': { conflict: '{ policy: last-write-wins }' },
  'last-write-wins by a column': { conflict: '{ policy: last-write-wins, by: updated_at }' },
  'site-priority with merged columns and counters': {
    conflict: '{ policy: site-priority, merge: column, counters: [points] }',
    counters: true,
  },
  'last-write-wins with merged columns, groups and counters': {
    conflict: '{ policy: last-write-wins, merge: column, counters: [points] }',
    ofTables: { uniques: '{ groups: [[a, b]] }' },
    counters: true,
  },
  manual: { conflict: '{ policy: manual }', manual: true },
} as const satisfies Record<string, Rules>;

/** Rounds of chaos in turn: a pair and a star, with every kind of fault in each two. */
export const CHAOS: readonly ChaosRound[] = [
  { sites: 'two whose primaries change', policy: 'site-priority', ddl: true },
  { sites: 'a star of three', policy: 'last-write-wins with merged columns, groups and counters', ddl: false },
  { sites: 'two whose servers are killed', policy: 'site-priority', ddl: true },
  { sites: 'a star whose hub changes', policy: 'site-priority', ddl: false },
  { sites: 'two of MySQL', policy: 'site-priority with merged columns and counters', ddl: true },
  { sites: 'a mesh of three', policy: 'last-write-wins', ddl: false },
];

interface ChaosRound {
  readonly sites: keyof typeof SITES;
  readonly policy: keyof typeof POLICIES;
  readonly ddl: boolean;
}

/** A round of it. */
export function chaosOf({ sites, policy, ddl }: ChaosRound, name: string, seconds: number): HammerCase {
  return { name, ...SITES[sites], ...POLICIES[policy], ddl, chaos: true, seconds };
}

type Sites = Pick<HammerCase, 'engines' | 'shape' | 'killsServers' | 'failOver'>;

export const SITES = {
  'two of MariaDB': { engines: ['mariadb', 'mariadb'] },
  'two of MySQL': { engines: ['mysql', 'mysql'] },
  'MariaDB and MySQL': { engines: ['mariadb', 'mysql'] },
  'MySQL and MariaDB 11': { engines: ['mysql', 'mariadb11'] },
  'two whose servers are killed': { engines: ['mariadb', 'mysql'], killsServers: true },
  'two whose primaries change': { engines: ['mariadb', 'mysql'], failOver: [0, 1] },
  'a star whose hub changes': { engines: ['mariadb', 'mariadb', 'mysql'], shape: 'star', failOver: [0] },
  'a star of three': { engines: ['mariadb', 'mariadb', 'mysql'], shape: 'star' },
  'a mesh of three': { engines: ['mariadb', 'mysql', 'mariadb'], shape: 'mesh' },
} as const satisfies Record<string, Sites>;

/** What is hammered for long, with seconds: every policy and every kind of sites, and not all of each with all. */
export const LONG: readonly (readonly [keyof typeof POLICIES, keyof typeof SITES, number])[] = [
  ['site-priority', 'two whose servers are killed', 30],
  ['site-priority', 'a star of three', 30],
  ['last-write-wins', 'two of MySQL', 30],
  ['last-write-wins', 'a mesh of three', 30],
  ['last-write-wins by a column', 'MySQL and MariaDB 11', 30],
  ['site-priority with merged columns and counters', 'MariaDB and MySQL', 30],
  ['last-write-wins with merged columns, groups and counters', 'two of MariaDB', 30],
  ['last-write-wins with merged columns, groups and counters', 'a star of three', 30],
  ['manual', 'two of MariaDB', 10],
];
