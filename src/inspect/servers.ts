/** What is to be said of one server: its family, its settings, what the account may do. */
import type { ServerReport, UnfitSetting } from '../model/inspection.ts';
import { lacking } from '../model/privileges.ts';
import type { DatabaseSpec } from '../model/topology.ts';
import { type LiveFinding, ofDatabase, sentence } from './finding.ts';

/** Shorter, and one bad night at the other end is enough. */
const LOG_SECONDS_MIN = 86_400;
const LOG_SECONDS_ADVISED = 604_800;

/** What channels do with the log of a database; null: nothing. */
export type Reading = 'two-way' | 'one-way' | null;

export function serverFindings(
  name: string,
  spec: Pick<DatabaseSpec, 'engine'>,
  report: ServerReport,
  reading: Reading,
): LiveFinding[] {
  return [
    ...engineFindings(name, spec.engine, report),
    ...(report.readOnly && !writesAnyway(report) ? [readOnly(name, report)] : []),
    ...(report.facts.family === 'oracle' ? report.unfit.map((setting) => unfitOracle(name, setting)) : []),
    ...(reading === null ? [] : logFindings(name, report, reading)),
  ];
}

function engineFindings(
  name: string,
  engine: DatabaseSpec['engine'],
  { facts, endpoint }: ServerReport,
): LiveFinding[] {
  if (engine === facts.family) return [];
  return [
    {
      code: 'OT4050',
      severity: 'warning',
      summary: `database \`${name}\` at ${endpoint} is ${facts.family} ${facts.version}, not ${engine}`,
      detail: `Write \`engine: ${facts.family}\`, unless \`endpoints\` lead to the wrong server.`,
      at: ofDatabase(name, 'engine'),
    },
  ];
}

function unfitOracle(name: string, { message, hint }: UnfitSetting): LiveFinding {
  const at = ofDatabase(name, 'endpoints');
  return { code: 'OT4070', severity: 'error', summary: `database \`${name}\`: ${message}`, detail: sentence(hint), at };
}

function logFindings(
  name: string,
  { unfit, rowMetadata, logSeconds, facts }: ServerReport,
  reading: 'two-way' | 'one-way',
): LiveFinding[] {
  const found = unfit.map((setting) => unfitting(name, setting, reading));
  if (rowMetadata !== null && rowMetadata.toUpperCase() !== 'FULL') {
    found.push({
      code: 'OT4051',
      severity: 'warning',
      summary: `database \`${name}\`: binlog_row_metadata is ${rowMetadata}, so rows in the log do not name their columns`,
      detail: `Columns that change places while rows are unread cannot be noticed. Run \`SET GLOBAL binlog_row_metadata = 'FULL';\` and put it into the server configuration.`,
      at: ofDatabase(name, 'endpoints'),
    });
  }
  if (logSeconds !== null && logSeconds < LOG_SECONDS_MIN) {
    const days = facts.family === 'mariadb' && facts.version.startsWith('10.5.');
    const statement = days
      ? `SET GLOBAL expire_logs_days = ${LOG_SECONDS_ADVISED / 86_400};`
      : `SET GLOBAL binlog_expire_logs_seconds = ${LOG_SECONDS_ADVISED};`;
    found.push({
      code: 'OT4052',
      severity: 'warning',
      summary: `database \`${name}\`: the log is kept for ${duration(logSeconds)} only`,
      detail: `Who is away for longer has to begin anew. Run \`${statement}\` and put it into the server configuration.`,
      at: ofDatabase(name, 'endpoints'),
    });
  }
  return found;
}

function unfitting(name: string, { message, hint, for: whom }: UnfitSetting, reading: Reading): LiveFinding {
  const at = ofDatabase(name, 'endpoints');
  if (whom === 'all' || reading === 'two-way')
    return {
      code: 'OT4021',
      severity: 'error',
      summary: `database \`${name}\`: ${message}`,
      detail: sentence(hint),
      at,
    };
  return {
    code: 'OT4024',
    severity: 'warning',
    summary: `database \`${name}\` has no GTIDs, so its log is followed by file and offset`,
    detail: `That is exact on this one server; another that takes its place is refused. To have GTIDs: ${hint}. Channels that run already go on by file and offset until they begin anew.`,
    at,
  };
}

/** Accounts with one of these write to a server that is read only. */
const OVER_READ_ONLY = ['SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN', 'CONNECTION_ADMIN'];

function writesAnyway({ account }: ServerReport): boolean {
  return !account.roles && lacking(account, OVER_READ_ONLY, { schema: null }).length < OVER_READ_ONLY.length;
}

function readOnly(name: string, { endpoint }: ServerReport): LiveFinding {
  return {
    code: 'OT4007',
    severity: 'error',
    summary: `database \`${name}\` at ${endpoint} is set to read only`,
    detail:
      'Otter writes a heartbeat into every database and rows into targets. Name the endpoint that takes writes first, or run `SET GLOBAL read_only = 0;`.',
    at: ofDatabase(name, 'endpoints'),
  };
}

function duration(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? 'an hour' : `${seconds / 3600} hours`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)} minutes` : `${seconds} seconds`;
}
