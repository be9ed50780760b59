/** `otter drift`: what is declared, what was applied, what nodes report and what the databases are, held side by side. */
import { readApplied } from '../executor/apply.ts';
import { readHistory } from '../executor/snapshot.ts';
import type { LiveFinding } from '../inspect/finding.ts';
import { hasErrors } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import { NAME_PATTERN } from '../model/topology.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { type Compared, type Difference, differencesOf, inUse, runningTopology, unowned } from '../planner/drift.ts';
import { driftJson, driftText } from '../render/drift.ts';
import { loadTopology } from '../topology/load.ts';
import { adoptAll, type Files } from './adopting.ts';
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
  const report = {
    topology: name,
    serial: applied.meta.record.serial,
    differences: all,
    asked: asked?.count ?? null,
    files: files !== null,
    unowned: unowned(appliedTopology(applied), live),
  };
  context.stdout.write(options.json === true ? `${driftJson(report)}\n` : driftText(report, colour(context, options)));
  if (all.some(({ kind }) => kind !== 'unknown')) return EXIT.differences;
  return all.length > 0 ? EXIT.error : EXIT.done;
}

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
