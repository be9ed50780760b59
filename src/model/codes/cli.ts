/** OT7xxx: command line and machine; OT9xxx: bugs. */
import type { Explanation } from '../explanation.ts';

export const CLI_CODES = {
  OT7001: {
    title: 'Usage',
    meaning: 'The command line is not one that otter knows.',
    action: 'See the message, or `otter --help` and `otter COMMAND --help`.',
  },
  OT7002: {
    title: 'Which topology, node or serial?',
    meaning:
      'The command needs a topology, a node or a serial, and what was named is not there, or nothing was named and there is more than one.',
    action: 'Name it: `-t topologies/NAME` or `-t NAME`; `otter status` lists nodes, `otter history` lists serials.',
  },
  OT7003: {
    title: 'Argument not understood',
    meaning: 'A file or a word on the command line is not what the command takes.',
    action: 'See the message, and `otter COMMAND --help` for an example.',
  },
  OT7004: {
    title: 'Not built yet',
    meaning: 'The command is part of the contract but this version does not do it.',
    action: '`otter --help` says which commands this version has.',
  },
  OT7005: {
    title: 'Never applied',
    meaning: 'The state store holds nothing of this topology.',
    action: 'Apply it: `otter apply`. If it was applied elsewhere, name that store with --state or OTTER_STATE.',
  },
  OT7006: {
    title: 'Cancelled',
    meaning: 'The question was not answered with yes. Nothing was changed.',
    action: 'Run the command again when you are sure.',
  },
  OT7007: {
    title: 'Nobody agreed',
    meaning:
      'A plan is carried out, and a conflict resolved, only when somebody agrees, and there was no terminal to ask on. Nothing was changed.',
    action:
      'Save the plan with `otter plan --out FILE`, have it reviewed, and apply that file; or add --auto-approve. To `otter conflicts resolve` add --yes.',
  },
  OT7008: {
    title: 'Nodes have not reported in time',
    meaning: 'The desired state is written and stays, but some nodes have not said that they run it.',
    action: 'Start the nodes that the message names; `otter status` shows when they have taken it up.',
  },
  OT7009: {
    title: 'No such conflict',
    meaning:
      'The conflict log of the database has no record of this number. Records are removed when they are older, or more, than the topology keeps, and with the database when it leaves the topology.',
    action: '`otter conflicts` lists what there is; `conflict.keep` says what is kept.',
  },
  OT7010: {
    title: 'Conflict that waits for nobody',
    meaning: 'Only open conflicts can be resolved. This one was decided when it happened, or somebody has resolved it.',
    action: '`otter conflicts --open` lists those that wait for a person.',
  },
  OT7011: {
    title: 'Row that cannot be taken',
    meaning:
      'The row that was chosen for an open conflict does not fit its table: a column that is not there, a value of another kind, NULL where there must be a value, or another key than the conflict has.',
    action:
      'Write a file that holds one JSON object of column names and values: numbers, texts, null; bytes as "0x1aff". Columns that it leaves out stay as they are here.',
  },
  OT7012: {
    title: 'Conflict that has changed meanwhile',
    meaning:
      'Between the moment when it was shown what would be done and the moment when it should be done, the row was written, another change of it was parked, or somebody else resolved it. Nothing was written.',
    action: 'Type the command again, and look at what it shows.',
  },
  OT7013: {
    title: "Not an Otter 4 manager's database",
    meaning:
      'The schema on that server has not the tables that an Otter 4 manager keeps its configuration in (CHANNEL, PIPELINE, DATA_MEDIA and so on).',
    action:
      "Give the address of the manager's own database with its schema, as its `otter.properties` names it: `otter import --otter4 mysql://user@host:3306/otter`.",
  },
  OT7014: {
    title: 'Not adopted',
    meaning:
      'What was applied could not be written into the files so that they stay valid. The files are as they were.',
    action: 'Look at `otter drift`, and change the files by hand.',
  },
  OT7020: {
    title: 'What is on its way cannot be told from what is wrong',
    meaning:
      '`otter verify` looks at rows that seem to differ again when everything that was on its way has arrived. A pipeline did not come on for as long as it waits: it rests, is stopped, or its node does not run. What was compared before stands, and can be gone on with.',
    action: 'See `otter status`. When the pipeline streams, go on: `otter verify --resume`.',
  },
  OT7021: {
    title: 'No verify to go on with',
    meaning:
      '`otter verify --resume` goes on with the run of this topology that was cut, as `verify/` beside the state file, or below `.otter/` where it is typed, has it. There is none, or it was of other tables, other flags or an earlier topology.',
    action: 'Begin anew: `otter verify`.',
  },
  OT7022: {
    title: 'Rows were not sent again in time',
    meaning:
      'The request stands in `otter.resync` of the source, and its pipeline carries it out as soon as it streams. It has not come on with it for as long as the command waits.',
    action:
      'See `otter status`. Nothing need be asked for twice: `otter.resynced` at the source says how far it has come.',
  },
  OT7030: {
    title: 'Dead letters that have changed meanwhile',
    meaning:
      'Between the moment when it was shown what would be dropped and the moment when it should be done, more was set aside behind it, or somebody else settled some of it. Nothing was dropped.',
    action: 'Type the command again, and look at what it shows.',
  },
  OT7031: {
    title: 'Dead letter that does not fit its table any more',
    meaning:
      'The table has lost a column that the change writes, or has another primary key, or is gone. Nothing was written.',
    action:
      'Make the table as it was for the moment and apply the letter, or give it up: `otter deadletter drop` says what is lost.',
  },
  OT7032: {
    title: 'No such dead letter',
    meaning: 'In that database there is no dead letter of this number, or of that place: it was applied or dropped.',
    action: '`otter deadletter list` shows those that there are.',
  },
  OT7040: {
    title: 'Database is not moved there',
    meaning:
      '`otter move` was to have a database owned by a node that the applied topology does not have, or that is of another region than the database: nodes own databases of their own region.',
    action: '`otter status` lists nodes with their regions, and what they own.',
  },
  OT7041: {
    title: 'What rests is not restarted',
    meaning:
      '`otter restart` has something that runs stop and go on. It is paused, or the topology says that it does not run.',
    action: 'Let it go on: `otter resume`, or `enabled: true` and an apply.',
  },
  OT7101: {
    title: 'A server program is missing',
    meaning:
      'Demos, tests and benchmarks start private MariaDB, MySQL or etcd servers. The program was not found on this machine and could not be installed without more rights or another system.',
    action:
      'Type what the message says, or set OTTER_TEST_MARIADB, OTTER_TEST_MYSQL or OTTER_TEST_ETCD to the address of a server that may be written to.',
  },
  OT7102: {
    title: 'A private server did not start',
    meaning:
      'A server that was started for a demo or a test ended, or did not answer in time. The last lines of its log are in the message.',
    action:
      'Look at the log lines: often the disk is full, memory is short, or an option is not known to this version.',
  },
  OT7103: {
    title: 'A server program could not be installed',
    meaning:
      'A command that installs or downloads server packages failed. Nothing that was there before was removed or changed.',
    action: 'Type the command by hand and see what it says, or install the server another way.',
  },
  OT7104: {
    title: 'A server given by address cannot be stopped',
    meaning:
      'A server whose address came from an environment variable is not ours: it is never stopped, killed, frozen or restarted.',
    action: 'Unset the variable, so that a private server is started.',
  },
  OT7105: {
    title: 'A server address is not one',
    meaning: 'An environment variable that names a server for tests does not hold an address of the wanted form.',
    action:
      'Write it as mysql://user:password@host:port for databases, etcd://host:port for etcd; several are separated by commas.',
  },
  OT7111: {
    title: 'Tables cannot be compared',
    meaning:
      'Two tables are compared row by row in the order of their primary key, column by column. One is missing, has no primary key, or differs in its columns.',
    action: 'Give the table the same columns and primary key on both servers.',
  },
  OT9001: {
    title: 'Bug in otter',
    meaning: 'Something happened that otter does not expect. It is not your fault.',
    action: 'Run the command again with OTTER_DEBUG=1 and report what it prints.',
  },
} as const satisfies Record<string, Explanation>;
