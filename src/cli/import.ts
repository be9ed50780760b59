/** `otter import`: writes a topology from live databases, or from an Otter 4 manager's own database. */
import { type NamedAddress, parseAddress } from '../import/address.ts';
import { draftOf, type FoundDatabase, loneFindings, withFindings } from '../import/databases.ts';
import type { Draft } from '../import/draft.ts';
import { Names, passwordVariable, slug } from '../import/names.ts';
import { type Refused, settle } from '../import/settle.ts';
import { write } from '../import/write.ts';
import type { LiveFinding } from '../inspect/finding.ts';
import { inspect } from '../inspect/inspect.ts';
import type { Answered } from '../inspect/live.ts';
import { wantedTables } from '../inspect/pairs.ts';
import { OtterError } from '../model/error.ts';
import type { LiveDatabase } from '../model/inspection.ts';
import { NAME_PATTERN } from '../model/topology.ts';
import { loadTexts } from '../topology/load.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';
import { type Otter4Options, readOtter4 } from './import-otter4.ts';
import { passwordFor } from './password.ts';

export interface ImportOptions extends CommonOptions, Otter4Options {
  readonly db?: readonly string[];
  readonly oneWay?: boolean;
  readonly out?: string;
}

const DEFAULT_NAME = 'imported';

export async function importTopology(context: Context, options: ImportOptions): Promise<number> {
  checkOptions(context, options);
  const draft =
    options.otter4 === undefined ? await fromDatabases(context, options) : await readOtter4(context, options);
  const { draft: settled, written, rest } = settle(draft, judge);
  if (options.out === undefined) context.stdout.write(written.text);
  else context.parts.writeFile(options.out, written.text, { fresh: true });
  tell(context, settled, options);
  // Outside the channels nothing can be left out: what is wrong with a server's name or address is for a person.
  for (const { line, text, code } of rest) context.stderr.write(`Not valid yet, line ${line}: ${text} (${code})\n`);
  return rest.length === 0 ? EXIT.done : EXIT.error;
}

/** Errors of the checks, and what plans would refuse. */
function judge(text: string): Refused[] {
  const { diagnostics, unbuilt } = loadTexts([{ path: 'import.yaml', text }]);
  return [...diagnostics, ...unbuilt].flatMap(({ severity, code, summary, detail, range }) =>
    severity === 'error'
      ? [{ code, line: range?.line ?? 1, text: `${summary}.${detail === '' ? '' : ` ${detail}`}` }]
      : [],
  );
}

function checkOptions({ parts }: Context, options: ImportOptions): void {
  const { db = [], otter4, oneWay, cursors, offline, name, out } = options;
  const usage = (message: string, hint: string): OtterError => new OtterError('OT7001', message, { hint });
  if ((db.length === 0) === (otter4 === undefined)) {
    throw usage(
      otter4 === undefined ? 'nothing to import from was named' : '--db and --otter4 do not go together',
      'Give one or more --db mysql://user@host:3306/schema, or one --otter4 mysql://user@host:3306/otter.',
    );
  }
  if (otter4 === undefined && (cursors !== undefined || offline === true))
    throw usage('--cursors and --offline have a meaning only with --otter4', 'Leave them out.');
  if (oneWay === true && db.length < 2) throw usage('--one-way wants two databases', 'Give a second --db.');
  if (name !== undefined && !NAME_PATTERN.test(name))
    throw usage(`--name ${name} is no name`, 'Names are small letters, digits, - and _, and begin with a letter.');
  if (out !== undefined && parts.exists(out))
    throw new OtterError('OT7003', `${out} is there already and is left alone`, { hint: 'Name another file.' });
}

async function fromDatabases(context: Context, options: ImportOptions): Promise<Draft> {
  const { parts, signal } = context;
  const named = namesOf((options.db ?? []).map((text) => parseAddress('--db', text)));
  await using reached = new AsyncDisposableStack();
  const live = new Map<string, LiveDatabase>();
  const databases: FoundDatabase[] = [];
  for (const { name, address } of named) {
    const password = await passwordFor(context, passwordVariable(name), `${address.user} at ${name}`);
    const database = reached.use(await parts.reachServer(address, password, signal));
    live.set(name, database);
    databases.push({ name, address, report: await database.report() });
  }
  const schema = databases[0]!.address.schema;
  const name = options.name ?? (slug(schema ?? '') || DEFAULT_NAME);
  const draft = draftOf(databases, { name, oneWay: options.oneWay === true });
  return withFindings(draft, await findingsOf(draft, databases, live));
}

async function findingsOf(
  draft: Draft,
  databases: readonly FoundDatabase[],
  live: ReadonlyMap<string, LiveDatabase>,
): Promise<LiveFinding[]> {
  const { topology } = loadTexts([{ path: 'import.yaml', text: write(draft).text }]);
  if (topology === null || draft.channels.length === 0) return databases.flatMap(loneFindings);
  const reports = new Map(databases.map(({ name, report }) => [name, report]));
  const wanted = wantedTables(topology, reports);
  const answered = new Map<string, Answered>();
  for (const { name, report } of databases) {
    answered.set(name, { report, tables: await live.get(name)!.tables(wanted.get(name)!) });
  }
  return inspect({ topology, databases: answered });
}

/** Hosts give names where none were given. */
function namesOf(
  given: readonly NamedAddress[],
): { readonly name: string; readonly address: NamedAddress['address'] }[] {
  const names = new Names();
  const said = new Set<string>();
  for (const { name } of given) {
    if (name === null) continue;
    if (said.has(name))
      throw new OtterError('OT7001', `--db ${name}= stands twice`, { hint: 'Give each its own name.' });
    said.add(names.make(name, 'db'));
  }
  return given.map(({ name, address }) => ({
    name: name ?? names.make(/^[\d.:]+$/.test(address.host) ? 'db' : address.host.split('.')[0]!, 'db'),
    address,
  }));
}

function tell({ stderr }: Context, { channels, leftOut, databases }: Draft, { out }: ImportOptions): void {
  const tables = channels.reduce((sum, channel) => sum + channel.tables.length, 0);
  const without = leftOut.length + channels.reduce((sum, channel) => sum + channel.leftOut.length, 0);
  const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;
  stderr.write(
    `Found ${count(databases.length, 'database')}, ${count(channels.length, 'channel')} with ${tables} table ${tables === 1 ? 'entry' : 'entries'}${without === 0 ? '' : `; ${without} left out, see the comments`}.\n`,
  );
  if (out !== undefined) stderr.write(`Wrote ${out}. Next: read its comments, then otter validate --live -t ${out}\n`);
}
