/**
 * The tables of each channel: names that parse, mappings that say where every table goes and, two-way, lead back;
 * columns that do not contradict each other.
 */
import { isAmong } from '../model/column-names.ts';
import { nameProblem } from '../model/oracle-names.ts';
import { mappingProblem, pairProblem, reversalProblem } from '../model/table-mapping.ts';
import type { TablePattern } from '../model/table-pattern.ts';
import { parsePattern, singleName } from '../model/table-pattern.ts';
import type { ChannelSpec, TableSpec } from '../model/topology.ts';
import { checkRows } from './check-rows.ts';
import type { Checked } from './checked.ts';
import { PatternIndex } from './pattern-index.ts';
import type { Path } from './tree.ts';
import { locate, valuePlace } from './tree.ts';

interface Entry {
  readonly table: TableSpec;
  readonly path: Path;
  readonly from: TablePattern;
}

export function checkTables(checked: Checked): void {
  for (const [name, channel] of Object.entries(checked.topology.channel)) {
    const entries = channel.tables.flatMap((table, i): Entry[] => {
      const path: Path = ['channels', name, 'tables', i];
      checkColumns(checked, table, path);
      checkOwner(checked, channel, table, path);
      checkOracleNames(checked, channel, table, path);
      checkRows(checked, channel, table, path);
      const from = checkNames(checked, channel, table, path);
      return from === null ? [] : [{ table, path, from }];
    });
    checkWeights(checked, channel, name);
    checkTwice(checked, entries);
    if (channel.direction.kind === 'two-way' && !isTooMany(checked, name, entries)) checkPairs(checked, entries);
  }
}

/** Path of a name as it is written: the entry itself when it is only a name. */
export function namePath({ root }: Pick<Checked, 'root'>, entry: Path, side: 'from' | 'to'): Path {
  const key: Path = [...entry, side];
  if (locate(root, key).depth === key.length) return key;
  const from: Path = [...entry, 'from'];
  return locate(root, from).depth === from.length ? from : entry;
}

/** The pattern of the source, or null when the entry is of no use to further checks. */
function checkNames(checked: Checked, channel: ChannelSpec, table: TableSpec, entry: Path): TablePattern | null {
  const { report } = checked;
  const from = parsePattern(table.from);
  if (!from.ok)
    report({
      code: 'OT1050',
      summary: `\`${table.from}\` is not a table name`,
      detail: capital(from.problem),
      path: namePath(checked, entry, 'from'),
      at: 'value',
      instead: from.instead,
    });
  if (table.to === null) return from.ok ? from.pattern : null;
  const to = parsePattern(table.to);
  const toPath = (): Path => namePath(checked, entry, 'to');
  if (!to.ok)
    report({
      code: 'OT1050',
      summary: `\`${table.to}\` is not a table name`,
      detail: capital(to.problem),
      path: toPath(),
      at: 'value',
      instead: to.instead,
    });
  if (!from.ok || !to.ok) return null;
  const problem = mappingProblem(from.pattern, to.pattern);
  if (problem !== null) {
    report({
      code: 'OT1051',
      summary: `\`${table.from}\` cannot go to \`${table.to}\``,
      detail: capital(problem),
      path: toPath(),
      at: 'value',
    });
    return null;
  }
  const back = channel.direction.kind === 'two-way' ? reversalProblem(table) : null;
  if (back !== null) {
    const summary = `\`${table.to}\` does not lead back to \`${table.from}\``;
    report({
      code: 'OT1053',
      summary,
      detail: `${capital(back)} A two-way channel needs the way back.`,
      path: toPath(),
      at: 'value',
    });
    return null;
  }
  return from.pattern;
}

const SERVER_SCHEMAS = ['mysql', 'information_schema', 'performance_schema', 'sys'];

/** Wildcards leave out what is not a user's by themselves; a name is taken at its word, so it is refused. */
function checkOwner(checked: Checked, channel: ChannelSpec, table: TableSpec, entry: Path): void {
  const { direction } = channel;
  const databases = direction.kind === 'two-way' ? direction.between : [...direction.from, ...direction.to];
  for (const name of databases) {
    const text = namesAt(channel, table, name);
    const parsed = parsePattern(text);
    if (!parsed.ok || parsed.pattern.kind !== 'parts' || parsed.pattern.schema.kind !== 'name') continue;
    const schema = parsed.pattern.schema.text;
    const own = Object.hasOwn(checked.topology.database, name) ? checked.topology.database[name]!.schema : null;
    if (schema !== own && !SERVER_SCHEMAS.includes(schema.toLowerCase())) continue;
    const side = text === table.from ? 'from' : 'to';
    const whose = schema === own ? 'otter’s own' : 'the server’s own';
    const summary = `\`${text}\` is in ${whose} schema of database \`${name}\``;
    checked.report({ code: 'OT1055', summary, path: namePath(checked, entry, side), at: 'value' });
    return;
  }
}

/** What is said outright to be the name of something in an Oracle; of wildcards the tables tell. */
function checkOracleNames(checked: Checked, { direction }: ChannelSpec, table: TableSpec, entry: Path): void {
  const { database } = checked.topology;
  if (direction.kind === 'two-way') return;
  const oracle = direction.to.find((name) => Object.hasOwn(database, name) && database[name]!.engine === 'oracle');
  if (oracle === undefined) return;
  const refuse = (name: string, path: Path, at: 'key' | 'value'): void => {
    const problem = nameProblem(name);
    if (problem === null) return;
    const summary = `Oracle database \`${oracle}\` can have nothing that is called ${JSON.stringify(name)}`;
    checked.report({ code: 'OT1060', summary, detail: `The name ${problem}.`, path, at });
  };
  const parsed = parsePattern(table.to ?? table.from);
  const single = parsed.ok ? singleName(parsed.pattern) : null;
  for (const name of single === null ? [] : [single.schema, single.table])
    refuse(name, namePath(checked, entry, 'to'), 'value');
  for (const [from, to] of Object.entries(table.columns.rename))
    refuse(to, [...entry, 'columns', 'rename', from], 'value');
  for (const name of Object.keys(table.rows?.set ?? {})) refuse(name, [...entry, 'columns', 'set', name], 'key');
}

function checkWeights({ report }: Checked, channel: ChannelSpec, name: string): void {
  for (const text of Object.keys(channel.order ?? {})) {
    const parsed = parsePattern(text);
    if (parsed.ok) continue;
    const path: Path = ['channels', name, 'order', text];
    report({
      code: 'OT1050',
      summary: `\`${text}\` is not a table name`,
      detail: capital(parsed.problem),
      path,
      at: 'key',
    });
  }
}

function checkTwice(checked: Checked, entries: readonly Entry[]): void {
  const seen = new Map<string, Path>();
  for (const { table, path, from } of entries) {
    const single = singleName(from);
    // Two spellings of one name (`a.b` and `` `a`.`b` ``) are the same.
    const key = single === null ? `pattern ${table.from}` : JSON.stringify([single.schema, single.table]);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path);
    else {
      const place = namePath(checked, path, 'from');
      const range = valuePlace(checked.root, namePath(checked, first, 'from'));
      const related = [{ message: 'first listed here', range }];
      checked.report({
        code: 'OT1052',
        summary: `\`${table.from}\` is listed twice`,
        path: place,
        at: 'value',
        related,
      });
    }
  }
}

const PATTERNS_MAX = 2_000;

/** Each would be compared with each. */
function isTooMany({ report }: Checked, name: string, entries: readonly Entry[]): boolean {
  const beyond = entries.filter(({ from }) => singleName(from) === null)[PATTERNS_MAX];
  if (beyond === undefined) return false;
  const summary = `\`channels.${name}\` has more than ${PATTERNS_MAX} entries with wildcards or numbers`;
  report({ code: 'OT1003', summary, path: beyond.path, at: 'value' });
  return true;
}

/** Two-way: no two entries may claim the same table at one side and different ones at the other. Each is told against one only. */
function checkPairs(checked: Checked, entries: readonly Entry[]): void {
  const byFrom = new PatternIndex(entries.map((entry, i) => [entry.table.from, i] as const));
  const byTo = new PatternIndex(entries.map((entry, i) => [entry.table.to ?? entry.table.from, i] as const));
  for (const [i, other] of entries.entries()) {
    const near = new Set([...byFrom.meeting(other.table.from), ...byTo.meeting(other.table.to ?? other.table.from)]);
    for (const j of near) {
      const one = entries[j]!;
      // The same name twice was reported already.
      if (j >= i || one.table.from === other.table.from) continue;
      const problem = pairProblem(one.table, other.table);
      if (problem === null) continue;
      reportPair(checked, one, other, problem);
      break;
    }
  }
}

function reportPair(checked: Checked, one: Entry, other: Entry, problem: string): void {
  const range = valuePlace(checked.root, namePath(checked, one.path, 'from'));
  checked.report({
    code: 'OT1053',
    summary: `\`${other.table.from}\` and \`${one.table.from}\` get into each other's way`,
    detail: capital(problem),
    path: namePath(checked, other.path, 'to'),
    at: 'value',
    related: [{ message: 'the other entry', range }],
  });
}

/** Tables that a channel has at a database: the source's names at the first, the target's at the others. */
export function namesAt(channel: ChannelSpec, table: TableSpec, database: string): string {
  const { direction } = channel;
  const here = direction.kind === 'two-way' ? direction.between[0] === database : direction.from.includes(database);
  return here ? table.from : (table.to ?? table.from);
}

function checkColumns({ report }: Checked, table: TableSpec, entry: Path): void {
  const { only, omit, rename } = table.columns;
  const base: Path = [...entry, 'columns'];
  const bad = (summary: string, path: Path, at: 'key' | 'value' = 'value'): void => {
    report({ code: 'OT1054', summary, path: [...base, ...path], at });
  };
  if (only !== null && omit.length > 0) {
    bad('`only` and `omit` exclude each other', ['omit'], 'key');
    return;
  }
  const travels = (column: string): boolean => !isAmong(omit, column) && (only === null || isAmong(only, column));
  const targets = new Map<string, string>();
  for (const [from, to] of Object.entries(rename)) {
    if (!travels(from)) bad(`\`${from}\` is renamed but does not travel`, ['rename', from], 'key');
    const first = targets.get(to.toLowerCase());
    if (first !== undefined) bad(`\`${first}\` and \`${from}\` would both be called \`${to}\``, ['rename', from]);
    else targets.set(to.toLowerCase(), from);
    // A column that keeps its name is only known when it is listed; the others are seen when the table is.
    if (!isAmong([from], to) && only !== null && isAmong(only, to) && !isAmong(Object.keys(rename), to)) {
      bad(`\`${from}\` would be called \`${to}\`, as another column is`, ['rename', from]);
    }
  }
}

function capital(text: string): string {
  const sentence = text.startsWith('`') ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}
