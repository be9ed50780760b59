/** OT4xxx: databases, their logs, their fitness. */
import type { Explanation } from '../explanation.ts';

/** How a channel begins anew, behind the end of the log. */
const BEGIN_ANEW =
  'The channel begins anew: take all of it out of the topology, apply, empty its tables at the site that is to be overwritten, put it back, apply; its tables are copied.';

/** How tables are copied again; everything else of the database goes on meanwhile. */
const COPY_AGAIN =
  'The table is then copied anew: take it (or the channel, where a pattern names it) out of the topology, apply, empty it at the site that is to be overwritten, put it back, apply. Other channels go on meanwhile.';

export const DATABASE_CODES = {
  OT4001: {
    title: 'Database unreachable',
    meaning: 'None of the endpoints of the database answered in time, or each refused the connection.',
    action: 'Check that the server runs and that the node reaches host and port; otter tries again by itself.',
  },
  OT4002: {
    title: 'Not a log position',
    meaning: 'A text that should be a position in a server log (a GTID, a GTID set, or file and offset) is not one.',
    action: 'Write it as `mariadb:0-1-42`, `mysql:UUID:1-5` or `file:binlog.000003:4711`.',
  },
  OT4003: {
    title: 'Database refused the login',
    meaning: 'The server answered but does not accept this user, password, host or TLS certificate.',
    action: 'Correct `user`, `password` or `tls` of the database in the topology, or the account on the server.',
  },
  OT4004: {
    title: 'Connection to the database lost',
    meaning:
      'An open connection ended or fell silent: the server was restarted, the session was killed, or the network was cut.',
    action: 'Nothing: otter connects again and goes on from its position.',
  },
  OT4005: {
    title: 'Database busy',
    meaning:
      'The server refuses or rolls back work for now: too many connections, a deadlock, a lock that was not given in time.',
    action: 'Nothing, unless it lasts: otter tries again. Then look for long transactions, and at `max_connections`.',
  },
  OT4006: {
    title: 'Statement refused by the database',
    meaning: 'The server answered a statement of otter with an error.',
    action:
      'The message has the error of the server and its number. Correct the cause there; otter does not go on before.',
  },
  OT4007: {
    title: 'Database cannot write',
    meaning: 'The server cannot store anything at the moment: its disk is full or it is set to read only.',
    action: 'Free disk space, or end the read-only mode (`set global read_only = 0`); otter tries again.',
  },
  OT4008: {
    title: 'TLS files unreadable',
    meaning: 'A file named under `tls` of the database cannot be read on this node.',
    action: 'Put the file where the topology says, readable for the user that runs the node.',
  },
  OT4020: {
    title: 'Log position no longer there',
    meaning:
      'The server cannot send its log from the position otter stands at: the log files were purged, or the server has another history than the one the position comes from.',
    action: `Let the log be kept longer: \`set global binlog_expire_logs_seconds = 604800\`. ${BEGIN_ANEW}`,
  },
  OT4021: {
    title: 'Server setting unfit for replication',
    meaning:
      'With this setting the log of the server does not hold every change of every row, or not in a form that can be followed exactly.',
    action:
      'The message names the setting, its value and what to type. Put it into the server configuration as well; then let sessions reconnect.',
  },
  OT4022: {
    title: 'Privilege missing',
    meaning: 'The user of the database may not do what following the log needs.',
    action: 'The message has the GRANT statement to run as an administrator.',
  },
  OT4023: {
    title: 'No GTID',
    meaning: 'The log holds transactions without a GTID, which cannot be named in a position.',
    action: 'Set `gtid_mode = ON` and `enforce_gtid_consistency = ON` on the server.',
  },
  OT4030: {
    title: 'Structure in the log differs from the present one',
    meaning:
      'Rows in the log belong to an older structure of their table than the one the database has now, or the table is gone. The log does not name columns, so their values cannot be told apart with certainty.',
    action: `It happens when a table is altered while rows of before are still unread: let pipelines catch up before the next change of structure. ${COPY_AGAIN}`,
  },
  OT4031: {
    title: 'Row image not full',
    meaning: 'The log holds only some columns of a changed row.',
    action: `Run \`set global binlog_row_image = FULL\` and let sessions reconnect. ${COPY_AGAIN}`,
  },
  OT4032: {
    title: 'Change logged as a statement',
    meaning:
      'A session changed rows with a binlog_format other than ROW; the log has the statement, not the rows. Statements that name no replicated table, and reach none through triggers, views, routines or foreign keys, are passed over.',
    action: `Let that session use \`binlog_format = ROW\`. What it changed is not in the log. ${COPY_AGAIN}`,
  },
  OT4033: {
    title: 'Log event not supported',
    meaning: 'The log has an event that otter does not read, and leaving it out could lose changes.',
    action: 'The message names the event and the setting that produces it.',
  },
  OT4034: {
    title: 'Log event unreadable',
    meaning: 'An event of the log does not have the form it should have.',
    action: 'Check the log with `mysqlbinlog --verify-binlog-checksum`, and report the message.',
  },
  OT4035: {
    title: 'Gap in the log',
    meaning: 'The server itself wrote into its log that changes may be missing from it (an incident event).',
    action: BEGIN_ANEW,
  },
  OT4036: {
    title: 'XA transaction',
    meaning: 'Rows of a replicated table were changed in an XA transaction, which is logged before it is decided.',
    action: `Use ordinary transactions (or \`XA COMMIT ... ONE PHASE\`) for replicated tables. ${COPY_AGAIN}`,
  },
  OT4037: {
    title: 'Part of a transaction rolled back in the log',
    meaning:
      'A transaction that changed tables of different engines was rolled back in part; the log does not tell which rows stayed.',
    action: `Use InnoDB for all tables that change together. ${COPY_AGAIN}`,
  },
  OT4040: {
    title: 'Column type not exact yet',
    meaning: 'The table has columns of a type that otter cannot carry without loss yet.',
    action: 'Leave the table out of the channel, or change the type of the column.',
  },
  OT4041: {
    title: 'Table cannot be read in order',
    meaning: 'Existing rows are read in the order of the primary key, and the table has none.',
    action: 'Give the table a primary key, or set `initial: none` for the channel.',
  },
} as const satisfies Record<string, Explanation>;
