/** `otter drift`: what is declared, what was applied, what nodes report and what the databases are, held side by side. */
import { readApplied } from '../executor/apply.ts';
import { readHistory } from '../executor/snapshot.ts';
import { type Adoption, adopt, type Plain } from '../import/adopt.ts';
import type { LiveFinding } from '../inspect/finding.ts';
import { hasErrors } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import { NAME_PATTERN, type Topology } from '../model/topology.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { type AppliedState, nameOf } from '../planner/change.ts';
import { type Compared, type Difference, differencesOf, inUse, runningTopology } from '../planner/drift.ts';
import { movesOf } from '../planner/moves.ts';
import { driftJson, driftText } from '../render/drift.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { SECTIONS } from '../topology/resolve.ts';
import {
  type CommonOptions,
  type Context,
  colour,
  EXIT,
  sources,
  storeToRead,
  topologyName,
  topologyPath,
} from './context.ts';
import { lookAt } from './live.ts';

export interface DriftOptions extends CommonOptions {
  readonly adopt?: boolean;
  /** False: only files and the state store. */
  readonly databases?: boolean;
  readonly detailedExitcode?: boolean;
}

export async function drift(context: Context, options: DriftOptions): Promise<number> {
  const name = topologyName(context, options, loadTopology);
  const files = declaredIn(context, options);
  if (options.adopt === true && files === null) {
    throw new OtterError('OT7001', '--adopt wants files to write to, and only a name was given', {
      hint: 'Name the topology by its path: otter drift --adopt -t topologies/NAME',
    });
  }
  if (options.adopt === true && options.env !== undefined) {
    throw new OtterError(
      'OT7001',
      '--adopt writes the files that all environments share, and --env asks for one of them',
      {
        hint: `Write by hand what \`otter drift --env ${options.env}\` shows, into the file of that environment.`,
      },
    );
  }
  await using store = storeToRead(context, options);
  const { applied, live } = await readApplied(store, name, context.signal);
  if (applied.meta.record === null) {
    throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
      hint: 'Apply it first: otter apply',
    });
  }
  const compared: Compared = {
    declared: files?.topology ?? null,
    applied,
    live,
    history: await readHistory(store, name),
  };
  let differences = differencesOf(compared);
  if (options.adopt === true) differences = adoptAll(context, options, files!, compared, differences);
  const asked = options.databases === false ? null : await ofDatabases(context, compared);
  const all = [...differences, ...(asked?.differences ?? [])];
  const report = { topology: name, serial: applied.meta.record.serial, differences: all, asked: asked?.count ?? null };
  context.stdout.write(options.json === true ? `${driftJson(report)}\n` : driftText(report, colour(context, options)));
  if (all.some(({ kind }) => kind !== 'unknown')) return EXIT.differences;
  return all.length > 0 ? EXIT.error : EXIT.done;
}

type Files = LoadedTopology & { readonly topology: Topology; readonly path: string };

/** Null where only a name was given; files that are broken are no other state, and are refused. */
function declaredIn(context: Context, options: CommonOptions): Files | null {
  const given = options.topology;
  if (given !== undefined && NAME_PATTERN.test(given) && !context.parts.exists(given)) return null;
  const path = topologyPath(context, options);
  const loaded = loadTopology(path, sources(context, options));
  if (loaded.topology !== null && !hasErrors(loaded.diagnostics)) return { ...loaded, topology: loaded.topology, path };
  throw new OtterError('OT7002', `${path} is not valid, so it cannot be compared`, {
    hint: 'See `otter validate`, or compare without the files: otter drift -t NAME',
  });
}

async function ofDatabases(
  context: Context,
  { applied, live }: Compared,
): Promise<{ readonly differences: Difference[]; readonly count: number }> {
  const topology = runningTopology(appliedTopology(applied));
  const { findings, reports, asked } = await lookAt(context, topology, applied.names);
  const used = inUse(live);
  const lacking = [...reports].flatMap(([name, { tables }]): Difference[] => {
    const { schema } = topology.database[name]!;
    if (!used.has(name) || tables.some((table) => table.schema === schema)) return [];
    const message = `the schema ${schema} with otter's own tables is not there, or not to be seen by its account`;
    return [{ address: `database.${name}`, class: 'database', kind: 'schema', message, attributes: [], by: null }];
  });
  return { differences: [...lacking, ...findings.flatMap(differenceOf)], count: asked };
}

const NOT_ASKED = new Set(['OT3020', 'OT4001', 'OT4003', 'OT4004', 'OT4005', 'OT4008']);
/** Rows that are there before a copy are for its start to look at. */
const OF_THE_START = new Set(['OT5013']);

/** Only what keeps something from running: what is merely worth knowing is for `otter validate --live`. */
function differenceOf({ code, severity, summary, at }: LiveFinding): Difference[] {
  if (severity !== 'error' || OF_THE_START.has(code)) return [];
  const kind = NOT_ASKED.has(code)
    ? 'unknown'
    : code === 'OT4022'
      ? 'grants'
      : at.path[0] === 'tables'
        ? 'tables'
        : 'settings';
  return [{ address: at.address, class: 'database', kind, message: `${summary} (${code})`, attributes: [], by: null }];
}

/** Writes what was applied into the files. @returns what is still different then */
function adoptAll(
  context: Context,
  options: DriftOptions,
  files: Files,
  compared: Compared,
  differences: readonly Difference[],
): Difference[] {
  const [renamed] = movesOf(files.topology, compared.applied).moves;
  if (renamed !== undefined) {
    throw new OtterError(
      'OT7014',
      `${renamed.from} is to be called ${renamed.to} by the files, and that was not applied yet`,
      {
        hint: 'Apply it (`otter plan`), or take it back in the files; then adopt the rest.',
      },
    );
  }
  const before = new Map<string, string>();
  // In which order entries stand, and that a map is left with nothing in it, shows only when all the rest is done.
  const first = writeBack(context, options, files, compared, differences, before);
  const second = first.rest.some(showsLate) ? writeBack(context, options, files, compared, first.rest, before) : first;
  for (const path of before.keys()) context.stderr.write(`Wrote ${path}.\n`);
  for (const one of second.left) context.stderr.write(`Left as it is: ${one}.\n`);
  return second.rest;
}

function showsLate({ attributes }: Difference): boolean {
  return attributes.some(({ path, before }) => path === 'tables' || before === null);
}

interface WrittenBack {
  /** What could not be written, in words. */
  readonly left: readonly string[];
  /** What is still different. */
  readonly rest: Difference[];
}

/** @param before texts of files as they were, of those that are written */
function writeBack(
  context: Context,
  options: DriftOptions,
  files: Files,
  compared: Compared,
  differences: readonly Difference[],
  before: Map<string, string>,
): WrittenBack {
  const declared = differences.filter((one) => one.class === 'declared');
  // Limits are for people to put back, who read why they were loosened.
  const isLimit = ({ address }: Difference): boolean => address.startsWith('policy.');
  const byFile = Map.groupBy(
    declared.filter((one) => !isLimit(one)),
    ({ address }) => files.sourceOf(address)?.file ?? files.files[0]!.path,
  );
  const left = declared.filter(isLimit).map(({ address }) => `${address}: limits are for people to decide on`);
  for (const [path, some] of byFile) {
    const text = context.parts.readFile(path);
    const adopted = adopt(
      text,
      some.map((one) => adoptionOf(one, compared.applied)),
    );
    left.push(...adopted.left);
    if (adopted.text === text) continue;
    if (!before.has(path)) before.set(path, text);
    context.parts.writeFile(path, adopted.text, {});
  }
  const again = loadTopology(files.path, sources(context, options));
  if (again.topology === null) {
    for (const [path, text] of before) context.parts.writeFile(path, text, {});
    throw new OtterError(
      'OT7014',
      'what was applied, written into the files, would not be valid; they are as they were',
      {
        hint: again.diagnostics[0]?.summary,
      },
    );
  }
  return { left, rest: differencesOf({ ...compared, declared: again.topology }) };
}

function adoptionOf({ address, attributes }: Difference, applied: AppliedState): Adoption {
  const kind = address.slice(0, address.indexOf('.')) as keyof typeof SECTIONS;
  const name = nameOf(address);
  const found = applied.specs.find((one) => one.kind === kind && one.name === name);
  const isApplied = found !== undefined;
  const spec = found?.spec as Readonly<Record<string, unknown>> | undefined;
  return {
    address,
    section: SECTIONS[kind],
    name,
    // An address that is the one it listens on is not said.
    attributes: isApplied
      ? attributes.map(({ path, before }) => ({
          path,
          value: path === 'advertise' && before === spec?.['listen'] ? null : (before as Plain),
        }))
      : null,
  };
}
