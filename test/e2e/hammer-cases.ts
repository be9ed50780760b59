/** By which rules the hammer falls, and on which sites. A rule that is built next is one line more. */
import type { HammerCase } from './hammer.ts';

type Rules = Pick<HammerCase, 'conflict' | 'ofTables' | 'counters'>;

export const POLICIES: readonly ({ readonly policy: string } & Rules)[] = [
  { policy: 'site-priority', conflict: '{ policy: site-priority }' },
  { policy: 'last-write-wins', conflict: '{ policy: last-write-wins }' },
  { policy: 'last-write-wins by a column', conflict: '{ policy: last-write-wins, by: updated_at }' },
  {
    policy: 'site-priority with merged columns and counters',
    conflict: '{ policy: site-priority, merge: column, counters: [points] }',
    counters: true,
  },
  {
    policy: 'last-write-wins with merged columns, groups and counters',
    conflict: '{ policy: last-write-wins, merge: column, counters: [points] }',
    ofTables: { uniques: '{ groups: [[a, b]] }' },
    counters: true,
  },
];

type Sites = Pick<HammerCase, 'engines' | 'shape' | 'killsServers'>;

/** A policy that knows only some shapes filters these. */
export const SITES: readonly ({ readonly sites: string } & Sites)[] = [
  { sites: 'two of MariaDB', engines: ['mariadb', 'mariadb'] },
  { sites: 'two of MySQL', engines: ['mysql', 'mysql'] },
  { sites: 'MariaDB and MySQL', engines: ['mariadb', 'mysql'] },
  { sites: 'MySQL and MariaDB 11', engines: ['mysql', 'mariadb11'] },
  { sites: 'two whose servers are killed', engines: ['mariadb', 'mysql'], killsServers: true },
  { sites: 'a star of three', engines: ['mariadb', 'mariadb', 'mysql'], shape: 'star' },
];
