/** OT4xxx: databases, their logs, their fitness. */
import type { Explanation } from '../explanation.ts';

/** How a channel begins anew, behind the end of the log. */
const BEGIN_ANEW =
  'The channel begins anew: take all of it out of the topology, apply, empty its tables at the site that is to be overwritten, put it back, apply; its tables are copied.';

/** How tables are copied again; everything else of the database goes on meanwhile. */
const COPY_AGAIN =
  'The table is then copied anew: take it (or the channel, where a pattern names it) out of the topology, apply, empty it at the site that is to be overwritten, put it back, apply. Other channels go on meanwhile.';

const GTIDS_ON =
  "`set global enforce_gtid_consistency = WARN` and look into the error log for statements that do not fit; then `= ON`; then `set global gtid_mode = OFF_PERMISSIVE`, `ON_PERMISSIVE`; wait until `show status like 'Ongoing_anonymous_transaction_count'` says 0 and the pipelines that read this server have caught up; then `set global gtid_mode = ON`, and both into the server configuration.";

export const DATABASE_CODES = {
  OT4001: {
    title: 'Database unreachable',
    meaning: 'None of the endpoints of the database answered in time, or each refused the connection.',
    action: 'Check that the server runs and that the node reaches host and port; otter tries again by itself.',
  },
  OT4002: {
    title: 'Not a log position',
    meaning: 'A text that should be a position in a server log (a GTID, a GTID set, or file and offset) is not one.',
    action: 'Write it as `mariadb:0-1-42`, `mysql:UUID:1-5` or `file:binlog.000003:4711@SERVER_UUID`.',
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
      'The server cannot send its log from the position otter stands at: the log files were purged, the log was reset, or the server has another history than the one the position comes from.',
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
    meaning:
      'The log has transactions without a GTID, or `gtid_mode` is not ON, where positions must be GTIDs: the channel has followed GTIDs so far, or it goes two ways. Files and offsets will do one-way only, from MySQL 8.0 on. Or `gtid_mode` became ON before a pipeline had read all that was written without GTIDs: the server does not send it any more.',
    action: `Turn GTIDs on, also while the server runs: ${GTIDS_ON} Where the pipeline is behind, \`set global gtid_mode = ON_PERMISSIVE\` until it has caught up. A channel that began without them begins anew to have them; so does one that had them, if anything was written without them meanwhile. ${BEGIN_ANEW}`,
  },
  OT4024: {
    title: 'Log followed by file and offset',
    meaning:
      'The server has `gtid_mode` OFF, so places in its log are named by file and offset. Nothing is lost or doubled; but such a place means something on this one server only: a replica or a restored backup that takes its place is refused (OT4020), and so is a two-way channel.',
    action: `Nothing, if that will do. Else turn GTIDs on, also while the server runs: ${GTIDS_ON} Pipelines that run already go on by file and offset until they begin anew.`,
  },
  OT4025: {
    title: 'GTIDs of the log go backwards',
    meaning:
      'In one domain of a MariaDB log a transaction has a sequence number that is not above those before it, as happens when several servers are written to in one domain, or somebody set `gtid_seq_no`. A position cannot tell then what came before it.',
    action: `Set \`gtid_strict_mode = ON\` and give every server that is written to a \`gtid_domain_id\` of its own. ${BEGIN_ANEW}`,
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
    title: 'XA transaction whose rows are gone',
    meaning:
      'The rows of an XA transaction stand in the log where it was prepared. It was committed after that part of the log had been purged and no reader had its rows any more, so nobody knows which tables it changed.',
    action: `Decide XA transactions (\`XA RECOVER\` lists them) before the log that has them is purged. ${COPY_AGAIN}`,
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
  OT4050: {
    title: 'Engine is another',
    meaning:
      'The topology names one server family and the database is of the other. Nodes go by what the server says; what is checked before goes by the topology.',
    action: 'Correct `engine` of the database, or its `endpoints` if they lead to the wrong server.',
  },
  OT4051: {
    title: 'Log does not name columns',
    meaning:
      'Without `binlog_row_metadata = FULL` rows in the log have no column names, so otter reads them by the columns that the table has when it reads them. Columns of one type that changed places while rows were unread cannot be noticed then.',
    action:
      'Run `set global binlog_row_metadata = FULL` and put it into the server configuration. The log grows by a few bytes for every table in a transaction.',
  },
  OT4052: {
    title: 'Log is kept for a short time',
    meaning:
      'The server purges its log before a day has passed. A node, a link or a target that is away for longer comes back to a log that is gone (OT4020), and the channel has to begin anew.',
    action:
      'Let the log be kept for longer than the longest outage you want to sit out: `set global binlog_expire_logs_seconds = 604800`, and in the server configuration.',
  },
  OT4053: {
    title: 'No table for an entry',
    meaning:
      'No table that the account may see has a name which the entry of the channel means. Tables that are made later under such a name join by themselves. At a server that keeps names in small letters (`lower_case_table_names=1`) a name with capitals can mean none, and is refused.',
    action:
      'Correct the name (letters count, also their case), make the table, or grant the account `SELECT` on its schema.',
  },
  OT4054: {
    title: 'Equal AUTO_INCREMENT numbers at both sites',
    meaning:
      'Both servers of a two-way channel would hand out the same numbers, so rows that have nothing to do with each other would meet under one key and be settled as a conflict.',
    action:
      'Give every site the same auto_increment_increment (at least the number of sites) and an auto_increment_offset of its own, as the message says, in the server configuration too. Sessions that are open keep what they had.',
  },
  OT4055: {
    title: 'Clocks differ',
    meaning:
      'The clocks of two servers of a channel are more than a second apart. Rows stay the same on both sides; but times that the servers write themselves (CURRENT_TIMESTAMP) and the lag that otter shows are off by so much.',
    action: 'Keep the clocks of both machines with NTP (chrony, systemd-timesyncd).',
  },
  OT4056: {
    title: 'Packets of the target are smaller',
    meaning:
      'The target takes smaller packets than the source, so a row that the source has may be too large for it, and the pipeline would stop there (OT5016).',
    action:
      'Run the statement of the message at the target and put it into the server configuration; sessions that are open keep what they had.',
  },
  OT4057: {
    title: 'One-way table without primary key',
    meaning:
      'Rows are found by all their columns at the target, which reads the whole table for each of them, and equal rows cannot be told apart.',
    action: 'Give the table a primary key at both sites.',
  },
  OT4058: {
    title: 'Triggers run at the target',
    meaning:
      'Triggers of the target table run for replicated rows too. What a trigger of the same kind wrote at the source comes by the log as well, so that it happens twice.',
    action:
      'Let the body begin with `IF @otter_apply IS NULL THEN`, drop the trigger at the target, or leave it where what it does is wanted for replicated rows.',
  },
  OT4059: {
    title: 'Two databases are one server',
    meaning:
      'Two databases of a channel lead to the same server, so the channel would carry rows from a table into itself or its neighbour.',
    action: 'Correct the `endpoints` of one of them.',
  },
  OT4060: {
    title: 'Columns compare texts in another way',
    meaning:
      'A column that is no key has another collation at the target than at the source. The values are the same; what applications find, sort and group by them may not be.',
    action: 'Give the column the same collation at both, or leave it where the target is only read and means it so.',
  },
  OT4061: {
    title: 'Value may hang on the session',
    meaning:
      'A stored generated column divides (`div_precision_increment`), subtracts unsigned numbers, takes a CHAR or cuts fractions of seconds (`sql_mode`); or a check reads what hangs on the session. Otter writes in sessions that are set as servers come, in UTC. Where clients of the source write in others, values may differ, and a check may refuse a row, before which the pipeline then stands.',
    action:
      'Nothing where clients leave these settings alone. Else make the column VIRTUAL at the target or leave it out there, or drop the check there.',
  },
  OT4062: {
    title: 'Column of an entry is not there',
    meaning:
      'An entry that means one table names a column in `only`, `omit` or `rename` that the table does not have. A slip of the pen in `omit` lets a column travel that was to stay.',
    action: 'Correct the name, or take it out. Capitals do not matter.',
  },
  OT4063: {
    title: 'Shards count the same keys',
    meaning:
      'Several tables of one server go into one table, and each has an AUTO_INCREMENT key of its own. Rows with the same number have nothing to do with each other: the copy of one overwrites that of the other, and an insert that comes later is refused (OT5016).',
    action:
      'Make a column for it part of the key of the target table, and set it to another constant for each of them (`columns.set`), as docs/mapping.md shows. Nothing, if the numbers are known to be different.',
  },
  OT4080: {
    title: 'Server lacks transactions that were read',
    meaning:
      'Transactions that were read from the log of this database, and may have been applied elsewhere, are not in the server that has its place now: a replica took over that had not received them, the server was restored from a backup, or it lost them when it crashed. Going on would leave the databases different for good, so what reads this database stops, and no endpoint that lacks them is used.',
    action: `Bring back the server that has them, and let the new one replicate from it until it has them; or take them from its log: \`mysqlbinlog --include-gtids=GTIDS BINLOG | mysql\` (MariaDB: \`mariadb-binlog --start-position=GTID BINLOG | mariadb\`). Otter then goes on by itself. If they are lost for good, the message says which they were: rows that they wrote are still at the other sites. ${BEGIN_ANEW} \`otter verify\` shows before what differs.`,
  },
  OT4081: {
    title: 'Several endpoints take writes',
    meaning:
      'More than one endpoint of the database can be written, and each has transactions that another lacks. A former primary was started again beside the one that took its place, say. Otter does not guess which of them counts, and uses none.',
    action:
      'Find out which is the primary. `SET GLOBAL read_only = ON` on the others; look at what they have more (`mysqlbinlog`), and make replicas of them again. Otter then goes on by itself with the one that takes writes.',
  },
} as const satisfies Record<string, Explanation>;
