/**
 * Is the log of this server one that can be followed exactly? Every refusal names the setting, its value, and what to
 * type; all of them at once, so that nobody has to fix one to learn of the next.
 */
import { OtterError } from '../model/error.ts';
import type { Session } from './connection.ts';
import type { ServerKind } from './server-facts.ts';

interface Rule {
  readonly setting: string;
  readonly wanted: string;
  readonly fits: (value: string) => boolean;
  /** What to type; null when it takes the configuration file and a restart. */
  readonly statement: string | null;
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
  {
    setting: 'binlog_row_value_options',
    wanted: "''",
    fits: is(''),
    statement: "SET GLOBAL binlog_row_value_options = ''",
  },
  {
    setting: 'binlog_transaction_compression',
    wanted: 'OFF',
    fits: is('OFF', '0'),
    statement: 'SET GLOBAL binlog_transaction_compression = OFF',
  },
  { setting: 'gtid_mode', wanted: 'ON', fits: is('ON'), statement: null },
  {
    setting: 'enforce_gtid_consistency',
    wanted: 'ON',
    fits: is('ON', '1'),
    statement: 'SET GLOBAL enforce_gtid_consistency = ON',
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
export async function checkServer(session: Session, kind: ServerKind): Promise<void> {
  const rules = [...BOTH, ...(kind.family === 'mysql' ? MYSQL : MARIADB)];
  const names = rules.map((rule) => `'${rule.setting}'`).join(', ');
  const found = await session.rows<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
  );
  const values = new Map(found.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
  const wrong = rules.filter((rule) => {
    const value = values.get(rule.setting);
    // A server that does not know the setting does not have what it turns on.
    return value !== undefined && !rule.fits(value);
  });
  const faults = [...(wrong.length === 0 ? [] : [unfit(wrong, values)]), ...(await lacking(session, kind))];
  const [first] = faults;
  if (first === undefined) return;
  throw new OtterError(first.code, faults.map(({ message }) => message).join('; '), {
    hint: faults.map(({ hint }) => hint).join('; '),
    where: session.where,
  });
}

interface Fault {
  readonly code: 'OT4021' | 'OT4022';
  readonly message: string;
  readonly hint: string;
}

function unfit(wrong: readonly Rule[], values: ReadonlyMap<string, string>): Fault {
  const said = wrong.map((rule) => `${rule.setting} is ${values.get(rule.setting) || "''"} and must be ${rule.wanted}`);
  const typed = wrong.flatMap((rule) => (rule.statement === null ? [] : [`${rule.statement};`]));
  const configured = wrong.flatMap((rule) => (rule.statement === null ? [`${rule.setting} = ${rule.wanted}`] : []));
  const hints = [
    ...(typed.length === 0 ? [] : [`run \`${typed.join(' ')}\` and let sessions reconnect`]),
    ...(configured.length === 0
      ? []
      : [`put \`${configured.join(', ')}\` into the server configuration and restart it`]),
  ];
  return { code: 'OT4021', message: said.join('; '), hint: hints.join('; ') };
}

/**
 * `REPLICATION SLAVE` to be sent the log, the right to ask where it ends, and `TRIGGER`, without which triggers exist
 * unseen. What a role grants is not listed; whoever has one is believed, and the server refuses later if need be.
 */
async function lacking(session: Session, kind: ServerKind): Promise<Fault[]> {
  const rows = await session.rows<Record<string, string>>('SHOW GRANTS');
  const grants = rows.map((row) => Object.values(row)[0]?.toUpperCase() ?? '');
  if (grants.some((grant) => !grant.includes(' ON '))) return [];
  const has = (among: readonly string[], ...privileges: readonly string[]): boolean =>
    among.some((grant) => ['ALL PRIVILEGES', ...privileges].some((p) => new RegExp(`\\b${p}\\b.* ON `).test(grant)));
  const global = grants.filter((grant) => / ON \*\.\* TO /.test(grant));
  const [ask, also] =
    kind.family === 'mariadb' ? ['BINLOG MONITOR', 'REPLICATION CLIENT'] : ['REPLICATION CLIENT', 'SUPER'];
  const missing = [
    ...(has(global, 'REPLICATION SLAVE', 'REPLICATION REPLICA') ? [] : ['REPLICATION SLAVE']),
    ...(has(global, ask, also) ? [] : [ask]),
    ...(has(grants, 'TRIGGER') ? [] : ['TRIGGER']),
  ];
  if (missing.length === 0) return [];
  const [user] = await session.rows<{ user: string }>('SELECT CURRENT_USER() AS user');
  const account = (user?.user ?? '')
    .split('@')
    .map((part) => `'${part}'`)
    .join('@');
  return [
    {
      code: 'OT4022',
      message: `the user ${account} lacks ${missing.join(' and ')}`,
      hint: `run \`GRANT ${missing.join(', ')} ON *.* TO ${account};\` as an administrator`,
    },
  ];
}
