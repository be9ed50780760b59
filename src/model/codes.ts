/**
 * The catalogue of codes that errors and findings carry. One room per range, so that a code is easy to find;
 * a code that was released is never used for something else.
 *
 * OT1xxx topology files, OT2xxx plan and apply, OT3xxx state store, OT4xxx databases and their logs,
 * OT5xxx rows on their way, OT6xxx links between nodes, OT7xxx command line and machine, OT8xxx files and watching, OT9xxx bugs.
 * OT5xxx rows on their way, OT6xxx links between nodes, OT7xxx command line and machine, OT8xxx files, OT9xxx bugs.
 */
import { ALERT_CODES } from './codes/alerts.ts';
import { CLI_CODES } from './codes/cli.ts';
import { DASHBOARD_CODES } from './codes/dashboard.ts';
import { DATABASE_CODES } from './codes/database.ts';
import { FILES_CODES } from './codes/files.ts';
import { LINK_CODES } from './codes/link.ts';
import { ORACLE_CODES } from './codes/oracle.ts';
import { PLAN_CODES } from './codes/plan.ts';
import { REPLICATION_CODES } from './codes/replication.ts';
import { STATE_CODES } from './codes/state.ts';
import { TOPOLOGY_CODES } from './codes/topology.ts';
import { WATCHING_CODES } from './codes/watching.ts';
import type { Explanation } from './explanation.ts';

export const CODES = {
  ...TOPOLOGY_CODES,
  ...PLAN_CODES,
  ...STATE_CODES,
  ...DATABASE_CODES,
  ...ORACLE_CODES,
  ...REPLICATION_CODES,
  ...LINK_CODES,
  ...CLI_CODES,
  ...ALERT_CODES,
  ...DASHBOARD_CODES,
  ...WATCHING_CODES,
  ...FILES_CODES,
} as const satisfies Record<string, Explanation>;

export type Code = keyof typeof CODES;

export function explain(code: string): Explanation | undefined {
  return Object.hasOwn(CODES, code) ? CODES[code as Code] : undefined;
}
