/** The databases of a topology, asked: those that answer are looked at, those that do not are findings themselves. */
import { type LiveFinding, notAsked } from '../inspect/finding.ts';
import { inspect } from '../inspect/inspect.ts';
import { type Answered, usedDatabases } from '../inspect/live.ts';
import { wantedTables } from '../inspect/pairs.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import type { LiveDatabase, ServerReport } from '../model/inspection.ts';
import type { Names } from '../model/kept-names.ts';
import type { Topology } from '../model/topology.ts';
import type { LoadedTopology } from '../topology/load.ts';
import type { Context } from './context.ts';

export interface LiveAnswer {
  readonly findings: readonly Diagnostic[];
  /** How many databases were asked. */
  readonly asked: number;
}

export async function askDatabases(
  context: Pick<Context, 'parts' | 'signal'>,
  topology: Topology,
  sourceOf: LoadedTopology['sourceOf'],
  known: Names,
): Promise<LiveAnswer> {
  const { findings, asked } = await lookAt(context, topology, known);
  return { findings: findings.map((finding) => diagnostic(finding, sourceOf)), asked };
}

export interface Looked {
  readonly findings: readonly LiveFinding[];
  /** Of those that answered. */
  readonly reports: ReadonlyMap<string, ServerReport>;
  readonly asked: number;
}

/** The databases that channels use, all at once. `known`: the names under which objects are kept there. */
export async function lookAt(
  { parts, signal }: Pick<Context, 'parts' | 'signal'>,
  topology: Topology,
  known: Names,
): Promise<Looked> {
  await using reached = new AsyncDisposableStack();
  const findings: LiveFinding[] = [];
  const names = usedDatabases(topology);
  const orFinding = async <T>(name: string, work: () => Promise<T>): Promise<readonly [string, T][]> => {
    try {
      return [[name, await work()]];
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OtterError)) throw error;
      findings.push(notAsked(name, error));
      return [];
    }
  };
  const all = async <T>(some: Iterable<string>, work: (name: string) => Promise<T>): Promise<Map<string, T>> =>
    new Map((await Promise.all([...some].map((name) => orFinding(name, () => work(name))))).flat());

  const databases = new Map<string, LiveDatabase>();
  const reports = await all(names, async (name): Promise<ServerReport> => {
    const database = reached.use(await parts.reachDatabase(name, topology.database[name]!, signal));
    databases.set(name, database);
    const report = await database.report();
    // What has begun is known there by the names under which it is kept.
    const begun = report.begun.map((one) => ({ ...one, pipeline: known.shownPipeline(one.pipeline) }));
    return { ...report, begun };
  });
  const wanted = wantedTables(topology, reports);
  const answered = await all(
    reports.keys(),
    async (name): Promise<Answered> => ({
      report: reports.get(name)!,
      tables: await databases.get(name)!.tables(wanted.get(name)!),
    }),
  );
  findings.push(...inspect({ topology, databases: answered }));
  return { findings, reports, asked: names.length };
}

function diagnostic({ at, ...finding }: LiveFinding, sourceOf: LoadedTopology['sourceOf']): Diagnostic {
  return { ...finding, range: sourceOf(at.address, at.path), address: at.address, related: [] };
}
