/**
 * Is the log of this server one that can be followed exactly? Every refusal names the setting, its value, and what to
 * type; all of them at once, so that nobody has to fix one to learn of the next.
 */
import { OtterError } from '../model/error.ts';
import type { UnfitSetting } from '../model/inspection.ts';
import type { LogNeeds } from '../model/ports.ts';
import { hasSomewhere, lackingForLog } from '../model/privileges.ts';
import type { Session } from './connection.ts';
import { readAccount } from './grants.ts';
import { atLeast, logStatus, type ServerKind } from './server-facts.ts';
import { quoteText } from './sql.ts';

interface Rule {
  readonly setting: string;
  readonly wanted: string;
  readonly fits: (value: string) => boolean;
  /** What to type; null when it takes the configuration file and a restart. */
  readonly statement: string | null;
  /** What to do, where that is not to set it. */
  readonly remedy?: string;
}

const is =
  (...values: readonly string[]) =>
  (value: string): boolean =>
    values.includes(value.toUpperCase());

const BOTH: readonly Rule[] = [
  { setting: 'log_bin', wanted: 'ON', fits: is('ON', '1'), statement: null },
  { setting: 'binlog_format', wanted: 'ROW', fits: is('ROW'), statement: "SET GLOBAL binlog_format = 'ROW'" },
  { setting: 'binlog_row_image', wanted: 'FULL', fits: is('FULL'), statement: "SET GLOBAL binlog_row_image = 'FULL'" },
];

const MYSQL: readonly Rule[] = [
  // Else what stands before a watermark in the log may be seen only after it: a chunk of a copy would keep old rows.
  {
    setting: 'binlog_order_commits',
    wanted: 'ON',
    fits: is('ON', '1'),
    statement: 'SET GLOBAL binlog_order_commits = ON',
  },
  {
    setting: 'binlog_row_value_options',
    wanted: "''",
    fits: is(''),
    statement: "SET GLOBAL binlog_row_value_options = ''",
  },
];

const MARIADB: readonly Rule[] = [
  {
    setting: 'binlog_alter_two_phase',
    wanted: 'OFF',
    fits: is('OFF', '0'),
    statement: 'SET GLOBAL binlog_alter_two_phase = OFF',
  },
];

/** @throws OtterError OT4021 for settings, and what privileges lack besides; OT4022 for privileges alone. */
export async function checkServer(session: Session, kind: ServerKind, needs: LogNeeds): Promise<void> {
  const lacking = await lackingPrivileges(session, kind);
  const wrong = await wrongSettings(session, kind, lacking);
  const gtids = await withoutGtids(session, kind);
  const faults = [
    ...(wrong.length === 0 ? [] : [unfit(wrong)]),
    ...(gtids !== null && (needs.gtids || gtids.for === 'all') ? [gtids] : []),
    ...lacking,
  ];
  const [first] = faults;
  if (first === undefined) return;
  const said = faults.map(({ message }) => message).join('; ');
  throw new OtterError(first.code, `${session.where['database']}: ${said}`, {
    hint: faults.map(({ hint }) => hint).join('; '),
    where: session.where,
  });
}

/** Each setting with which the log cannot be followed exactly, for itself. */
export async function unfitSettings(session: Session, kind: ServerKind): Promise<readonly UnfitSetting[]> {
  const gtids = await withoutGtids(session, kind);
  const lacking = await lackingPrivileges(session, kind);
  return [
    ...(await wrongSettings(session, kind, lacking)).map((one) => unfit([one])),
    ...(gtids === null ? [] : [gtids]),
  ];
}

interface Fault extends UnfitSetting {
  readonly code: 'OT4021' | 'OT4022';
}

interface Wrong extends Rule {
  readonly value: string;
}

/** Those that only who may look at the log is told are looked at when nothing of that is `lacking`. */
async function wrongSettings(session: Session, kind: ServerKind, lacking: readonly Fault[]): Promise<Wrong[]> {
  const rules = [...BOTH, ...(kind.family === 'mysql' ? MYSQL : MARIADB)];
  const values = await globalVariables(
    session,
    rules.map(({ setting }) => setting),
  );
  const wrong = rules.flatMap((rule) => {
    const value = values.get(rule.setting);
    // A server that does not know the setting does not have what it turns on.
    return value === undefined || rule.fits(value) ? [] : [{ ...rule, value }];
  });
  return lacking.length > 0 ? wrong : [...wrong, ...(await filters(session, kind)), ...(await unlogged(session, kind))];
}

/** Schemas that are kept out of the log: their changes, and statements of sessions whose default schema they are. */
async function filters(session: Session, kind: ServerKind): Promise<Wrong[]> {
  const [row] = await session.rows<Record<string, string | null>>(logStatus(kind));
  return (['Binlog_Do_DB', 'Binlog_Ignore_DB'] as const).flatMap((column) => {
    const value = row?.[column] ?? '';
    const setting = column.toLowerCase();
    // Given with nothing it would be a filter too.
    const remedy = `take \`${setting}\` out of the server configuration and restart it`;
    return value === '' ? [] : [{ setting, wanted: 'not set', fits: is(''), statement: null, remedy, value }];
  });
}

/** A replica of another server may apply what it does not log. */
async function unlogged(session: Session, kind: ServerKind): Promise<Wrong[]> {
  const names = ['log_replica_updates', 'log_slave_updates'];
  const values = await globalVariables(session, names);
  const setting = names.find((name) => values.has(name));
  if (setting === undefined || is('ON', '1')(values.get(setting)!)) return [];
  const replicates =
    kind.family === 'mysql'
      ? await session.rows(atLeast(kind.release, 8, 1) ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS')
      : // Whether one is configured may be asked by few accounts; that it runs is told everybody.
        await session.rows("SHOW GLOBAL STATUS WHERE Variable_name = 'Slaves_running' AND Value > 0");
  if (replicates.length === 0) return [];
  const remedy = `put \`${setting} = ON\` into the server configuration and restart it`;
  const wanted = 'ON, since the server is a replica';
  return [{ setting, wanted, fits: is('ON', '1'), statement: null, remedy, value: 'OFF' }];
}

/** Turned on while the server runs, step by step, each of which it refuses before the one before. */
const GTID_STEPS = ['OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE'];

/** Without GTIDs the log is followed by file and offset: one-way only, and where it says how long transactions are. */
async function withoutGtids(session: Session, kind: ServerKind): Promise<Fault | null> {
  if (kind.family !== 'mysql') return null;
  const values = await globalVariables(session, ['gtid_mode', 'enforce_gtid_consistency']);
  const mode = values.get('gtid_mode')?.toUpperCase() ?? 'OFF';
  if (mode === 'ON') return null;
  const consistent = is('ON', '1')(values.get('enforce_gtid_consistency') ?? '');
  const steps = [
    ...(consistent ? [] : ['enforce_gtid_consistency = ON']),
    ...GTID_STEPS.slice(GTID_STEPS.indexOf(mode) + 1).map((step) => `gtid_mode = ${step}`),
  ].map((step) => `SET GLOBAL ${step};`);
  const first = steps.length === 0 ? '' : `run \`${steps.join(' ')}\`; `;
  const all = !atLeast(kind.release, 8, 0);
  return {
    code: 'OT4021',
    for: all ? 'all' : 'two-way',
    message: `gtid_mode is ${mode} and must be ON${all ? '' : ' for a two-way channel'}`,
    hint: `${first}wait until \`SHOW STATUS LIKE 'Ongoing_anonymous_transaction_count'\` says 0 and channels that read the server have caught up; run \`SET GLOBAL gtid_mode = ON;\`; put \`enforce_gtid_consistency = ON, gtid_mode = ON\` into the server configuration`,
  };
}

/** Those that the server knows, by their names in small letters. */
export async function globalVariables(
  session: Session,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = await session.rows<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names.map(quoteText).join(', ')})`,
  );
  return new Map(found.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
}

function unfit(wrong: readonly Wrong[]): Fault {
  const said = wrong.map((rule) => `${rule.setting} is ${rule.value || "''"} and must be ${rule.wanted}`);
  const typed = wrong.flatMap((rule) => (rule.statement === null ? [] : [`${rule.statement};`]));
  const configured = wrong.flatMap(({ setting, wanted, statement, remedy }) =>
    statement === null && remedy === undefined ? [`${setting} = ${wanted}`] : [],
  );
  const hints = [
    ...(typed.length === 0 ? [] : [`run \`${typed.join(' ')}\` and let sessions reconnect`]),
    ...(configured.length === 0
      ? []
      : [`put \`${configured.join(', ')}\` into the server configuration and restart it`]),
    ...wrong.flatMap(({ remedy }) => remedy ?? []),
  ];
  return { code: 'OT4021', for: 'all', message: said.join('; '), hint: hints.join('; ') };
}

/**
 * What following the log takes, and `TRIGGER`, without which triggers exist unseen. What a role grants is not listed;
 * whoever has one is believed, and the server refuses later if need be.
 */
async function lackingPrivileges(session: Session, kind: ServerKind): Promise<Fault[]> {
  const account = await readAccount(session);
  const missing = [...lackingForLog(account, kind.family), ...(hasSomewhere(account, 'TRIGGER') ? [] : ['TRIGGER'])];
  if (missing.length === 0) return [];
  return [
    {
      code: 'OT4022',
      for: 'all',
      message: `the user ${account.name} lacks ${missing.join(' and ')}`,
      hint: `run \`GRANT ${missing.join(', ')} ON *.* TO ${account.name};\` as an administrator`,
    },
  ];
}
