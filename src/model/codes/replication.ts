/** OT5xxx: rows on their way. */
import type { Explanation } from '../explanation.ts';

export const REPLICATION_CODES = {
  OT5001: {
    title: 'Fenced',
    meaning:
      'Another node has taken over this database: the checkpoint row has another epoch or sequence than this node last wrote. Nothing was changed by this node after that.',
    action:
      'Nothing, if the database was moved on purpose. If both nodes claim it again and again, look for two processes with the same node name.',
  },
  OT5010: {
    title: 'Key column left out',
    meaning: 'A table is replicated without a column of its primary key; rows could not be told apart at the target.',
    action: 'Take the column out of `columns.omit`, or add it to `columns.only`.',
  },
  OT5011: {
    title: 'Column missing at the target',
    meaning: 'A column that travels has no writable counterpart in the target table, or shares it with another one.',
    action:
      'Add the column to the target table, name its counterpart with `columns.rename`, or leave it out with `columns.omit`.',
  },
  OT5012: {
    title: 'Primary keys differ',
    meaning:
      'The primary key of the target table has columns that the source does not send, or takes rows for one that are two at the source: it has fewer columns than each key of the source, or its collation calls texts equal that are different there.',
    action:
      'Give both tables the same primary key, with the same collations (at the target `_bin` will do), and have the table copied again if it has rows.',
  },
  OT5013: {
    title: 'Target table has rows',
    meaning:
      'The channel copies existing rows, and the target table already has some. With `existing: refuse`, the default, otter does not touch them.',
    action:
      'One-way: empty the table, or set `existing: replace` (all its rows are deleted first, those of another source too) or, where several sources share the table, `existing: merge`; or `initial: none` if both sides are equal already. Two-way: rows that only this site has are not copied to the first one, so put them aside (`CREATE TABLE aside AS SELECT * FROM the_table`, under a name that no channel has), delete them here with `DELETE`, wait until the pipeline streams, and insert those again that are missing; they are then carried like any other.',
  },
  OT5014: {
    title: 'Table cannot take part in a two-way channel',
    meaning:
      'Two-way replication needs a primary key, keys and unique keys of whole columns that compare alike at both sites, no foreign keys that cascade without being logged, and no triggers that fire on replicated rows.',
    action: 'Change the table as the message says, or replicate it one-way.',
  },
  OT5015: {
    title: 'Structure changed',
    meaning:
      'A statement that changes the structure of a replicated table is next in the log, and the channel says `ddl: stop`; or it says `ddl: replicate`, and the statement was made at a site from which changes are not carried.',
    action:
      'Make the same change at the target where it is missing, set `ddl: ignore` on the channel and apply; the pipeline goes on after the statement. Set it back afterwards. Where it emptied a two-way table (TRUNCATE, DROP PARTITION), do not repeat it at the other site, whose later rows have been carried already: delete the rows there with DELETE.',
  },
  OT5016: {
    title: 'Row cannot be applied',
    meaning:
      'The target refused a row that the source has. The pipeline stands before that row; nothing after it was applied.',
    action:
      'Mend the cause that the message names at the target; the pipeline tries again by itself. A one-way channel may set such rows aside instead (`on_error: park`, see `docs/deadletter.md`), or give the whole transaction up: `otter skip`.',
  },
  OT5017: {
    title: 'Rows hit a lock or a deadlock',
    meaning: 'The window was rolled back and is tried again.',
    action: 'Nothing, unless it goes on: then look for long transactions at the target.',
  },
  OT5018: {
    title: 'Log reader is behind',
    meaning:
      'A window waits until the reader of its own database has passed the end of the log, so that conflicts can be judged. It was rolled back and is tried again.',
    action: 'Nothing, unless it goes on: the status says what the reader waits for.',
  },
  OT5019: {
    title: 'Index of recent writes is full',
    meaning:
      'The peer has been away for so long that the writes it has not seen no longer fit into the file set aside for those that found no room in memory. The index is emptied and begins anew, from the log, behind what the peer has seen.',
    action:
      'Raise OTTER_INDEX_FILE_BYTES on the node and restart it, where the disk of OTTER_SPILL_DIR has room. Until then the pipeline from the peer stands still if the peer has written anything while it was away; if it has not, it is enough to bring it back.',
  },
  OT5020: {
    title: 'Source was reopened',
    meaning:
      'The reader of the source started again in the middle of a transaction; the pipeline resumes from its checkpoint.',
    action: 'Nothing; it goes on by itself.',
  },
  OT5021: {
    title: 'Table missing at the target',
    meaning: 'Rows for a table arrived, and the target has no such table; somebody dropped or renamed it.',
    action:
      'Put it back with its rows, the pipeline then goes on by itself. Made again empty it would stay without the rows that were copied before: have it copied again instead. Take it (or the channel, where a pattern names it) out of the topology, apply, put it back, apply. A table that was never copied need only be created; two-way, if the other site has rows in it, OT5013 comes next and says what to do with them.',
  },
  OT5022: {
    title: 'Table without primary key',
    meaning:
      'Rows of this table cannot be told apart, so existing rows cannot be copied in chunks and the table cannot be two-way.',
    action: 'Add a primary key, or use `initial: none` in a one-way channel.',
  },
  OT5025: {
    title: 'Large transaction met a conflict',
    meaning:
      'A transaction too large to keep in memory met a concurrent write. It was rolled back, comes again, and is then decided piece by piece.',
    action: 'Nothing; it goes on by itself.',
  },
  OT5026: {
    title: 'Large transaction is written anew',
    meaning:
      'A transaction too large to keep in memory met rows that were not as its source has them. It was rolled back, comes again, and is then written with more care.',
    action: 'Nothing; it goes on by itself.',
  },
  OT5027: {
    title: 'Target table without transactions',
    meaning:
      'Rows and the position of a pipeline are committed together, so that a change is applied exactly once. A table of an engine without transactions (MyISAM, Aria, MEMORY) cannot take part in that.',
    action: 'Change its engine at the target: `ALTER TABLE ... ENGINE=InnoDB`. Tables that otter creates are InnoDB.',
  },
  OT5028: {
    title: 'Column types do not fit',
    meaning:
      'A column of the target table does not take every value of its source column as it is: members of an ENUM or SET that mean others, shorter texts or numbers, another character set, fractions that would be rounded, times of another kind. Much of that a server changes without an error, so nothing is written.',
    action:
      'Give every column that the message names the type of the source or a wider one of the same kind (INT to BIGINT, a longer VARCHAR, more digits, new members of an ENUM at its end), or leave it out with `columns.omit`; the pipeline goes on by itself. In a two-way channel both sides need the same types.',
  },
  OT5029: {
    title: 'Table cannot be made at the target',
    meaning:
      'The target table is missing, and the target server does not take its definition as the source prints it: a type, an expression or a collation that only the other server family has.',
    action:
      'Make the table at the target yourself, empty, with the same columns and keys and types that take the same values; the pipeline goes on by itself. A column that is left out with `columns.omit` need not be there.',
  },
  OT5030: {
    title: 'Child rows change unseen',
    meaning:
      'A foreign key with CASCADE, SET NULL or SET DEFAULT changes child rows inside the storage engine, and servers before MySQL 9.6 do not log those rows. The target then stays the same only if its own foreign key does the same, and so if the parent table is replicated by the same channel.',
    action:
      'Put the parent table into the channel, or give the target table the same foreign key, as the message says; or make the key one of RESTRICT or NO ACTION. Where the child was in the channel while the parent was not, the cascades of that time are lost: take the child out, apply, and put it in again, so that it is copied anew.',
  },
  OT5031: {
    title: 'Table without the columns of its conflict rule',
    meaning:
      'The topology names columns by which conflicts of the table are decided (`by`, `groups`, `counters`), and the table at the deciding site has no such column, does not send it, or it is of a kind that tells no time or does not add up. A counter cannot be part of a key.',
    action:
      'Correct the name or the type, or give the table an entry of its own with a `conflict` that fits it (`by: null`, `counters: []`); the pipeline goes on by itself.',
  },
  OT5032: {
    title: 'File of recent writes cannot be used',
    meaning:
      'Writes that a peer has not seen, and that found no room in memory, are kept in a file on the node, and this file could not be made, written or read: the disk is full or broken, or the folder is missing. Nothing is decided from what is left: the index is emptied and begins anew, from the log, behind what the peer has seen.',
    action:
      'Make room on the disk, or name a folder on another, local one with OTTER_SPILL_DIR and restart the node. The pipeline tries again by itself. More memory (OTTER_INDEX_BYTES) makes the file needed later.',
  },
  OT5033: {
    title: 'Change of tables is not carried',
    meaning:
      'The channel says `ddl: replicate`, and a statement in the log of the source changes tables in a way that is not carried: partitions, a new column whose values each server would reckon for itself, a type that the other server family converts in another way, a table that several share or that leaves the channel, or something that is not known for certain. Two-way, where rows of before the change are on their way in the other direction, only what is safe for them is carried. Nothing of it was done at the target.',
    action:
      'Make the change at the target as the message says, set `ddl: ignore` on the channel and apply; the pipeline goes on after the statement. Then set `ddl: replicate` again. What is carried and what is not is in docs/ddl.md.',
  },
  OT5034: {
    title: 'Target refuses a change of tables',
    meaning:
      'A change of tables was carried, and the server of the target does not take it: its table is not like that of the source, rows there do not fit, or another session keeps the table locked.',
    action:
      'Mend the cause that the message names at the target; the pipeline stands before the change and tries again by itself. If the change is there already, set `ddl: ignore` on the channel, apply, and set it back when the pipeline has gone on.',
  },
  OT5050: {
    title: 'Expression or mask does not fit the table',
    meaning:
      'A `where`, `columns.set`, `columns.mask` or `process` of the entry names a column that the table does not have, compares or adds what cannot be compared or added, makes of a key something by which rows could not be told apart, or reads a column that a foreign key changes without a trace in the log. Nothing of the table was carried.',
    action:
      'Correct it as the message says and apply again, or give the table an entry of its own. `docs/mapping.md` lists operators, functions and what can be compared.',
  },
  OT5051: {
    title: 'Expression has no answer for a row',
    meaning:
      'For the row that is named, a `where`, `columns.set` or `columns.mask` cannot be answered exactly: a text with bytes that are no characters, a number that is no member of its ENUM, a DOUBLE that grows too large. The pipeline stops before that row; nothing is guessed.',
    action:
      'Change the expression so that it has an answer for such rows (`coalesce`, `CASE`), or take the table out; a corrected row at the source alone does not help, since the log still has the old one.',
  },
  OT5052: {
    title: 'Filtered table whose child rows would be deleted with it',
    meaning:
      'A row that leaves the filter (`where`, or a `process` that drops it) is deleted at the target. There a foreign key with CASCADE, SET NULL or SET DEFAULT would then change rows of a table that refers to it, though at the source these stay as they are.',
    action:
      'Make that foreign key at the target one of RESTRICT or NO ACTION, or drop it there; or do without the filter.',
  },
  OT5053: {
    title: 'Processor failed',
    meaning:
      'The module that `process` names could not be loaded by the node of the source, or for the row that is named it threw, or gave something that cannot be written exactly: another value in the key, an unknown or missing column, a value of another kind; or it took five seconds for a few rows, and was ended. The pipeline stands before that row. What the module threw is not repeated, since it may quote values.',
    action:
      'Correct the module and apply again: the pipeline goes on by itself. A node that runs with OTTER_PROCESSORS=off runs none.',
  },
  OT5054: {
    title: 'Table whose rows cannot be read again',
    meaning:
      'With `reread` a row travels as its source has it now, which may be later than the place in the log. The table needs a primary key to be found by; and at the target no other unique key and no foreign key, which might refuse a row that is ahead of others.',
    action: 'Leave `reread` out for this table, or drop the key at the target.',
  },
  OT5055: {
    title: 'Generated column hangs on the session',
    meaning:
      'Values of generated columns are not carried; the target makes them. A stored one whose expression reads a TIMESTAMP, or names days or months, or counts weeks, comes to another value in a session of another `time_zone`, `lc_time_names` or `default_week_format`, and nobody can tell which sessions wrote at the source.',
    action:
      'At the target, make the column VIRTUAL or leave it out; or give it, at both, an expression that does not hang on the session: DATETIME instead of TIMESTAMP, `UNIX_TIMESTAMP(column)`, `DATE_FORMAT` with numbers, `WEEK` with its mode. The pipeline goes on by itself.',
  },
  OT5056: {
    title: 'Two tables become one',
    meaning:
      'Two tables of the source have names that differ, and the target takes them for one: an Oracle has `item` in capitals, as it has `ITEM`, and a server with `lower_case_table_names = 1` keeps all names in small letters. Rows of one would overwrite those of the other, and nobody has said that they belong together.',
    action:
      'Give one of them another name at the target with an entry of its own (`to`). If all rows are meant for one table, say so: give both the same `to`, letter by letter. The pipeline goes on by itself.',
  },
  OT5061: {
    title: 'Lanes go back to the order of the log',
    meaning:
      'One of the lanes of a pipeline (`apply.lanes`) met a row that the target refused. Beside other lanes a row may come before one that makes room for it, through a key or trigger that the target got lately; so what was on its way is written once more by one writer, in the order of the log, and each row once.',
    action:
      'Nothing. If the row is refused in its order too, the pipeline says so with OT5016. If this comes again and again, use `lanes: 1` and look at what the target has that the source does not.',
  },
  OT5080: {
    title: 'Dead letters are in the way',
    meaning:
      'The pipeline has set changes aside (`on_error: park`), and what comes next cannot go on beside them: a change of one of their tables, whose columns they would not fit afterwards; several lanes, or a channel that both sides write; or a table whose key takes two rows of the source for one. Nothing was passed over.',
    action:
      'Settle them: `otter deadletter list` shows them, `otter deadletter retry` applies them when their cause is mended, `otter deadletter drop` gives them up. The pipeline then goes on by itself.',
  },
  OT5081: {
    title: 'Too many dead letters',
    meaning:
      'A pipeline sets no more than 10,000 changes aside. With so many it is hardly single rows that are wrong: it stands before the next one that would have to be set aside, and nothing is lost.',
    action:
      'See what they have in common (`otter deadletter list`), mend it at the target, and apply them (`otter deadletter retry`), or give them up (`otter deadletter drop`). The pipeline then goes on by itself.',
  },
  OT5085: {
    title: 'Pipeline is not moved',
    meaning:
      'The node that owns the target was to move the position of a pipeline that rests (`otter position set`), and could not do it safely: it stands elsewhere than it was seen, is still copying tables, has several lanes, or is one direction of a two-way channel. It stands where it stood.',
    action: 'Look at `otter position show`, and at what the message says.',
  },
  OT5023: {
    title: 'Topology has not arrived everywhere yet',
    meaning: 'The node that owns the source has not read the newest topology yet; the pipeline waits for it.',
    action: 'Nothing; if it lasts, check that the node of the source database runs and reaches the state store.',
  },
  OT5024: {
    title: 'Another pipeline has not begun',
    meaning:
      'The first copy of a two-way channel waits until writes at the other site are followed; in a mesh what other sites write to a table waits until its copy from the first site begins.',
    action: 'Nothing; if it lasts, look at the error of the pipeline that is named.',
  },
} as const satisfies Record<string, Explanation>;
