/** OT1xxx: findings about topology files. OT100x reading, OT101x shape, OT102x variables, OT103x places, OT104x channels, OT105x tables, OT107x comments, OT109x not built yet. */
import type { Explanation } from '../explanation.ts';

export const TOPOLOGY_CODES = {
  OT1001: {
    title: 'YAML cannot be read',
    meaning: 'The file is not valid YAML 1.2, or uses a tag or directive that a topology has no use for.',
    action:
      'Correct the place that is underlined. Indent with spaces, and quote texts that contain `: ` or begin with `*`, `&`, `{`, `[` or `@`.',
  },
  OT1002: {
    title: 'File cannot be read',
    meaning: 'A topology file, or a file that one includes, is missing, is not a text in UTF-8, or may not be read.',
    action:
      'Check the path and its permissions. `-t` takes a YAML file or a directory of them; paths in `include` start at the file that includes, and lead to files named `*.yaml` or `*.yml`.',
  },
  OT1003: {
    title: 'Topology too large',
    meaning:
      'A file, the number of files, the nesting or the anchors go beyond what a topology may have; the bounds keep a damaged or hostile file from filling the memory. Or a channel is larger than what the state store keeps in one piece.',
    action:
      'Split the topology, or remove the nested anchors. Many similar tables are one entry: `shop.item_[0-1023]`, `shop.log_*`.',
  },
  OT1004: {
    title: 'Key defined twice',
    meaning:
      'The same key stands twice, in one map or in two files that are merged. Neither may win silently, so both are refused.',
    action: 'Remove or rename one of the two places shown.',
  },
  OT1005: {
    title: 'Unknown anchor',
    meaning:
      'An alias (`*name`, also after `<<:`) names an anchor that is not defined before it in the same file, or a merge key is given something that is not a map.',
    action: 'Define the anchor (`&name`) before its use, in the same file.',
  },
  OT1006: {
    title: 'No topology here',
    meaning: 'The path holds no topology: a directory without `*.yaml` or `*.yml`, or files without any content.',
    action: 'Give the path with `-t`, or write a first topology with `otter init`.',
  },
  OT1007: {
    title: 'No such environment',
    meaning:
      '`--env NAME` lays `env/NAME.yaml`, or the files of `env/NAME/`, beside the topology over it, and there is neither.',
    action: 'Use one of the names that are listed, or write the file; docs/topology.md says what stands in it.',
  },
  OT1008: {
    title: 'Environment removes what is not there',
    meaning:
      'In the file of an environment `null` takes a key of the topology away, and the topology has no such key. It may be misspelt there.',
    action: 'Correct the key, or remove the line. What the environment adds without a value is written `{}`.',
  },
  OT1009: {
    title: 'Layout that cannot be kept',
    meaning:
      'The file uses YAML in a way for which `otter fmt` has no layout that says exactly the same, so it is left as it is.',
    action: 'Write the place plainly, or leave the file out of `otter fmt`. It may be valid all the same.',
  },
  OT1010: {
    title: 'Unknown key',
    meaning:
      'The key means nothing at this place. It is refused because a misspelt key would otherwise silently do nothing.',
    action:
      'Use the spelling that is suggested; `docs/reference/topology.md` lists every key. Keys that only hold anchors begin with `x-` and stand at the top level.',
  },
  OT1011: {
    title: 'Key is missing',
    meaning: 'A key that has no default is not there.',
    action: 'Add it; `docs/reference/topology.md` says what it means.',
  },
  OT1012: {
    title: 'Wrong kind of value',
    meaning: 'The value is, for example, a text where a list or a map is wanted.',
    action: 'Write the kind of value that the message names.',
  },
  OT1013: {
    title: 'Value not allowed',
    meaning: 'The key takes one of a few values and this is none of them.',
    action: 'Use one of the values that the message lists.',
  },
  OT1014: {
    title: 'Malformed value',
    meaning: 'The value is of the right kind but not written as this key wants it, or is out of range.',
    action: 'Write it as the message shows.',
  },
  OT1015: {
    title: 'Keys that do not go together',
    meaning: 'Two keys exclude each other, or a key has no meaning beside another one.',
    action: 'Keep the one you mean and remove the other.',
  },
  OT1016: {
    title: 'Secret written in the file',
    meaning:
      'A password, token or address with a secret stands in the topology itself. Topologies are reviewed, committed and stored, so secrets are only referred to.',
    action:
      'Write `{ env: NAME }` or `{ file: /path }`; the node that needs the secret resolves it. If the file was shared, change the secret.',
  },
  OT1020: {
    title: 'Unknown variable',
    meaning: 'A `${var.NAME}`, or a `--var` or `--var-file` entry, names a variable that `vars` does not declare.',
    action: 'Declare it: `vars: { NAME: { default: ... } }`, or correct the spelling.',
  },
  OT1021: {
    title: 'Variable without a value',
    meaning: 'A variable that is used has no default and was given no value.',
    action: 'Pass `--var NAME=VALUE`, a `--var-file`, or set `OTTER_VAR_NAME` in the environment.',
  },
  OT1022: {
    title: 'Malformed reference',
    meaning: 'A text contains `${...}` that is not `${var.NAME}`, or contains it where variables are not filled in.',
    action: 'Write `${var.NAME}`. For a literal `${` write `$${`.',
  },
  OT1023: {
    title: 'Variable file cannot be used',
    meaning: 'A file given with `--var-file` is not a map of variable names to single values.',
    action: 'Write one `NAME: value` per line.',
  },
  OT1024: {
    title: 'Variable that may be a secret',
    meaning:
      'A variable whose name says that it holds a secret is filled in where the value is stored as it is, and shown by plans.',
    action:
      'Refer to the secret (`{ env: NAME }`, `{ file: /path }`) where one is wanted; or give the variable another name, or ignore the finding with a reason.',
  },
  OT1030: {
    title: 'Not a name',
    meaning:
      'Names become parts of addresses, of keys of the state store and of metrics, so they begin with a small letter and go on with small letters, digits, `-` and `_`, 63 at most.',
    action: 'Choose such a name, for example `shop-2`.',
  },
  OT1031: {
    title: 'Nothing has this name',
    meaning: 'A name refers to a region, database, channel or receiver that the topology does not declare.',
    action: 'Declare it, or correct the spelling.',
  },
  OT1032: {
    title: 'Region without a node',
    meaning: 'A database is read and written by a node of its own region, and this region has none.',
    action: 'Add a node: `nodes: { NAME: { region: REGION, listen: "HOST:PORT" } }`.',
  },
  OT1033: {
    title: 'Not a network address',
    meaning: 'Addresses are `host:port`; Oracle endpoints are `host:port/SERVICE`; IPv6 addresses stand in brackets.',
    action:
      'Write for example `db.example.com:3306`, `10.1.0.11:3306`, `[fd00::1]:3306` or `dw.internal:1521/FREEPDB1`.',
  },
  OT1034: {
    title: 'Address used twice',
    meaning: 'Two nodes would listen on the same address, or two databases are the same server.',
    action: 'Give each its own address. One server is one database, however many schemas of it take part.',
  },
  OT1035: {
    title: 'Address that peers cannot reach',
    meaning:
      'The node listens on every interface, and without `advertise` its peers are told exactly that, which is no address to dial.',
    action: 'Add `advertise: "HOST:PORT"` with the address under which the other nodes reach this one.',
  },
  OT1036: {
    title: 'Link open to the network',
    meaning:
      'A node listens where other machines reach it, and rows travel there unencrypted; without `link` whoever reaches the port can read them.',
    action:
      'Declare `link: { tls: { ca, cert, key } }`; docs/links.md has the commands that make the certificates. Inside a network that is yours alone it may stay.',
  },
  OT1037: {
    title: 'Root of a file set is no whole path',
    meaning:
      'A root is a directory on the machines of a region, and begins with `/`: nodes run in whatever directory they are started in.',
    action:
      'Write the whole path. It must be the same directory for every node of the region, so with several nodes on a disk that they share.',
  },
  OT1040: {
    title: 'Databases not distinct',
    meaning: 'A channel joins different databases; the same one stands at both ends, or twice in a list.',
    action: 'Name each database once.',
  },
  OT1041: {
    title: 'Priority does not fit the channel',
    meaning:
      'Under site-priority every database of the channel has exactly one place in the order, so that every conflict has one answer.',
    action: 'List every database of `between` once in `priority`, the preferred one first.',
  },
  OT1042: {
    title: 'Copy from a site that is not preferred',
    meaning:
      'The existing rows are copied from the first database of `between`, and only rows that come from the preferred site are always right to place.',
    action: 'Put the same database first in `between` and in `priority`, or set `initial: none`.',
  },
  OT1043: {
    title: 'Oracle is only a target',
    meaning: 'Otter writes Oracle databases but does not read their logs.',
    action: 'Use the database in `to` only.',
  },
  OT1044: {
    title: 'Table in two two-way channels',
    meaning:
      'Whether a write was seen elsewhere is known per channel, so two two-way channels of one table would let the sites drift apart.',
    action: 'Keep the table in one of the two channels, or narrow the patterns so that they do not meet.',
  },
  OT1045: {
    title: 'Table in a ring of channels',
    meaning:
      'A change would travel through several channels and come back to where it was made. Marks end loops inside a channel, not across channels.',
    action:
      'Make one channel of the ring (`between`), or take the table out of one of its channels. If the patterns only seem to meet, narrow them.',
  },
  OT1046: {
    title: 'Priority and shape',
    meaning:
      'Under site-priority the order of writes is the log of the preferred site, so every write passes through it: it is the hub of a star. With a direct way between two others (a mesh), or with another site preferred, the sites can end up different.',
    action:
      'Use `shape: star` with the same database first in `between` and in `priority`, or `policy: last-write-wins`.',
  },
  OT1047: {
    title: 'Written by two channels',
    meaning:
      'Two channels carry the same table from the same source into the same target table; each change is written twice, in an order that nobody decides.',
    action: 'Take the table out of one of the channels.',
  },
  OT1048: {
    title: 'Replace of a shared table',
    meaning:
      'With `existing: replace` each table that joins deletes what the target table holds, before its own rows are copied. Where several sources, shards or channels write one table, each would delete the rows of the others.',
    action: 'Write `existing: merge`: rows of the same key are overwritten, the others stay.',
  },
  OT1049: {
    title: 'Conflict rule that contradicts itself',
    meaning:
      'The parts of `conflict` do not go together: a column that tells the time where no time is asked, groups of columns where a row is one thing, a column that should add up and be won, or one that does not travel.',
    action: 'Take out what has no meaning there; `docs/conflicts.md` says what each part does.',
  },
  OT1050: {
    title: 'Not a table name',
    meaning:
      'Tables are written `schema.table`; either part may hold `*` and `?`, or a numbered range like `[0-31]`; `/regex/` stands for the whole name.',
    action:
      'Write for example `shop.orders`, `shop.log_*`, `shop.item_[00-31]`, `/shop\\.log_\\d+/`. Odd names go in backquotes: `` `my.schema`.`my table` ``.',
  },
  OT1051: {
    title: 'Names cannot be mapped',
    meaning: '`from` and `to` do not say to which table each matching table goes.',
    action:
      'Give both the same wildcards or ranges of the same length, or make `to` a single name (which merges the tables).',
  },
  OT1052: {
    title: 'Table listed twice',
    meaning: 'The same `from` stands twice in one channel, and a table goes one way only.',
    action:
      'Remove one of the two entries. To send a table to two places, use two channels or a list in the channel’s `to`.',
  },
  OT1053: {
    title: 'Mapping cannot be reversed',
    meaning:
      'In a two-way channel a table must find its way back: every table of one side belongs to exactly one table of the other.',
    action: 'Give each table its own partner. Many tables merged into one is possible one-way only (`from` and `to`).',
  },
  OT1054: {
    title: 'Columns contradict each other',
    meaning: 'Column settings name the same column in ways that cannot both hold, or two columns would get one name.',
    action: 'Use either `only` or `omit`, and give every renamed column a name of its own.',
  },
  OT1055: {
    title: 'Not a user’s table',
    meaning:
      'The entry names a schema that belongs to the server or holds otter’s own tables; carrying those would break both sides.',
    action:
      'Name the schemas of your applications. Otter’s own schema is `schema` of the database, `otter` unless you changed it.',
  },
  OT1056: {
    title: 'Expression that cannot be read',
    meaning:
      'A `where` or `columns.set` is not an expression as otter reads them: SQL with columns, constants in single quotes, `= <> < <= > >= <=>`, `AND OR NOT`, `IN`, `BETWEEN`, `LIKE`, `IS NULL`, `+ - * / DIV %`, `CASE` and some functions.',
    action: 'Correct it where the finding points. `docs/mapping.md` lists operators and functions.',
  },
  OT1057: {
    title: 'Mapping that has no way back',
    meaning:
      'In a two-way channel every site has the same rows with the same values. A filter, computed or masked values, or a processor would give the sites different rows, and what one of them writes could not be carried back.',
    action:
      'Take the key out, or carry the table by a one-way channel (`from` and `to`). A constant that differs between the sites belongs in a column that does not travel (`columns.omit`).',
  },
  OT1058: {
    title: 'Mask that cannot work',
    meaning:
      'A mask by `hash` needs a key, without which anybody could try out all values; a column is masked and set at once, or is masked and does not travel.',
    action:
      'Give the channel `mask_key: { env: NAME }` or `{ file: /path }`, the same for as long as the rows are to be found again, and name each column once.',
  },
  OT1059: {
    title: 'Module that cannot be a processor',
    meaning:
      'What `process` names is an ES module of at most 64 KiB beside the topology, whose default export is a function. Its text travels in the state store, so it cannot import other files.',
    action: 'Correct the path or the module. `docs/mapping.md` shows one.',
  },
  OT1060: {
    title: 'Name that Oracle cannot have',
    meaning:
      'A table or column at an Oracle database would have a name that is longer than 128 bytes, or has a double quote in it.',
    action:
      'Give it another one with `to`, `columns.rename` or `columns.set`. docs/oracle.md says how names are found there.',
  },
  OT1061: {
    title: 'Lanes that cannot be',
    meaning:
      'With `apply: { lanes: N }` N connections write the rows of a pipeline side by side, each in transactions of its own. So a transaction of the source becomes visible at the target in parts, and rows of different lanes in no certain order. Two-way channels, `order`, and Oracle databases as targets need one writer.',
    action:
      'Write `apply: { lanes: 4, atomic: false }` if that is meant (`docs/apply.md` says what is kept and what is not), or leave `lanes` out.',
  },
  OT1068: {
    title: 'Rows that cannot be set aside',
    meaning:
      'With `on_error: park` a row that the target refuses becomes a dead letter, and its pipeline goes on. In a two-way channel that would let the sites differ in silence: the checkpoint says that the site has all that comes before it, so its next write of that row would count as one that had seen the change, and win over it. With several lanes, what must wait behind it could not be told in time; an Oracle database has no table for it.',
    action:
      'Leave `on_error` out: the pipeline then stops before the row, with its key and the reason, and goes on by itself when that is mended. With lanes, `lanes: 1` will do too.',
  },
  OT1070: {
    title: 'Comment that ignores nothing',
    meaning:
      'A comment `otter:ignore` names no code of otter, or gives no reason. Who comes later has to know why the finding was left.',
    action: 'Write `# otter:ignore OT1036 why it may stay`, on the line of the finding or on the line before.',
  },
  OT1071: {
    title: 'Finding that cannot be ignored',
    meaning:
      'A comment `otter:ignore` names the code of an error. Errors are what cannot be carried out, or would write wrong rows; only warnings can be ignored.',
    action: 'Correct what the error says, and remove the comment.',
  },
  OT1072: {
    title: 'Comment that is not needed',
    meaning: 'A comment `otter:ignore` stands where nothing with this code is found any more.',
    action: 'Remove it: `otter validate --fix` does.',
  },
  OT1080: {
    title: 'Rule that cannot be followed',
    meaning:
      '`rules` names a code that no finding has, a condition that cannot be read, or a waiver whose day is none, or of a finding for an object that is not declared. Rules that are not understood are not passed over.',
    action: 'Correct it; `docs/guards.md` lists what a condition can ask, and `otter explain` the codes.',
  },
  OT1081: {
    title: 'New name that leads nowhere',
    meaning:
      'An entry of `moved` names what is no object, leads back to its beginning, or to something that is not declared. Only channels and databases have positions that a new name could lose.',
    action: 'Correct the addresses, or take the entry out: one that has been applied is not needed any more.',
  },
  OT1082: {
    title: 'Condition of an alert that cannot be read',
    meaning:
      'The `when` of an alert asks something that what it watches does not have, compares with a value of another kind (`lag > 30` for `lag > 30s`), or has a word where none belongs.',
    action:
      'Correct it at the place that is shown; `docs/alerts.md` lists what can be asked of a channel, a database, a node and a file set.',
  },
  OT1083: {
    title: 'Alert that cannot be',
    meaning:
      'A time of an alert is none (`between` without length, `repeat: 0s`, a `zone` that does not exist), or `do`, `limit` or `zone` stands where it has no meaning: only channels can be resumed and restarted.',
    action: 'Correct or remove the key; `docs/alerts.md` shows each.',
  },
  OT1084: {
    title: 'Alert that tells nobody',
    meaning: 'The alert has no `notify` and no `do`, so it is only seen by who types `otter alerts`.',
    action: 'Name receivers: `notify: [ops]`, declared under `notify:`.',
  },
  OT1085: {
    title: 'Receiver that cannot be',
    meaning:
      'A receiver of alerts has a part of what it needs: a mail server wants both `user` and `password`, or none.',
    action: 'Add what is missing.',
  },
  OT1090: {
    title: 'Not built yet, refused',
    meaning:
      'This version understands the key but does not do what it says, and leaving it out would change which rows, values or files are written. `validate` mentions it; `plan` and `apply` refuse it.',
    action: 'Remove the key, or wait for the version that has it. `docs/reference/topology.md` lists what is built.',
  },
  OT1091: {
    title: 'Not built yet, without effect',
    meaning:
      'This version understands the key but does nothing with it. Which rows and values are written does not depend on it.',
    action: 'Nothing has to be done; do not rely on it yet.',
  },
} as const satisfies Record<string, Explanation>;
