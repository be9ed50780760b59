/** `otter position`: where pipelines stand, asked of the databases themselves; the lag, which nodes measure, of the state store. */
import { readSnapshot } from '../executor/snapshot.ts';
import { OtterError } from '../model/error.ts';
import type { Names } from '../model/kept-names.ts';
import { pipelineNamed } from '../model/kept-names.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import { formatBare, type LogPoint, parsePosition } from '../model/position.ts';
import type { PlaceJson, PositionJson, PositionsJson } from '../model/position-json.ts';
import { between, type Standing } from '../model/standing-places.ts';
import type { Topology } from '../model/topology.ts';
import { statusReport } from '../observe/status.ts';
import { renderPositions } from '../render/positions.ts';
import { printable } from '../render/width.ts';
import { databasesOf, logPlaceOf } from './conflicts.ts';
import { type CommonOptions, type Context, EXIT, stateUrl } from './context.ts';
import { namesOf } from './names.ts';
import { type PositionSetOptions, positionSet } from './position-set.ts';
import { loadValid } from './validate.ts';

const SET_FLAGS: ReadonlySet<string> = new Set(['to', 'allowLostChanges', 'allowRepeatedChanges', 'reason', 'timeout']);

export async function position(
  context: Context,
  options: PositionSetOptions,
  [what, address]: readonly (string | undefined)[],
): Promise<number> {
  if (what === 'set') return positionSet(context, options, address);
  if (Object.keys(options).some((key) => SET_FLAGS.has(key)))
    throw new OtterError('OT7001', 'only `otter position set` takes such flags', {
      hint: 'otter position show shop/hz:ca',
    });
  const { topology } = loadValid(context, options);
  const pipelines = pipelinesOf(topology, address);
  const names = await namesOf(context, options, topology);
  const [{ places, unread }, reported] = await Promise.all([
    asked(context, topology, new Set(pipelines.flatMap(({ source, target }) => [source, target]))),
    fromNodes(context, options, topology.name),
  ]);
  const found = pipelines.map((spec) => placed(spec, places, names, reported));
  const failed = unread.map(({ database, error }) => ({ database, code: error.code, message: error.message }));
  const json: PositionsJson = { pipelines: found, unread: failed };
  context.stdout.write(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : renderPositions(found));
  for (const { database, code, message } of failed)
    context.stderr.write(`${database} was not asked: ${code}: ${printable(message)}\n`);
  return failed.length === 0 ? EXIT.done : EXIT.error;
}

/** Of an address those that it means: all into a database, of a channel, or one. */
function pipelinesOf(topology: Topology, address: string | undefined): PipelineSpec[] {
  const all = Object.entries(topology.channel).flatMap(([name, spec]) => compileChannel(name, spec));
  const { databases, channel, pipeline } = logPlaceOf(topology, address, 'position show');
  if (pipeline !== null) return all.filter(({ name }) => name === pipeline);
  if (channel !== null) return all.filter((one) => one.channel === channel);
  return address === undefined ? all : all.filter(({ target }) => databases.includes(target));
}

interface Place {
  readonly end: { readonly position: string; readonly point: LogPoint; readonly nowMs: number } | null;
  readonly standing: readonly Standing[];
}

interface Asked {
  readonly places: ReadonlyMap<string, Place>;
  readonly unread: readonly { readonly database: string; readonly error: OtterError }[];
}

/** What goes wrong with one database is an answer too. An Oracle database has no log that is read, and its node tells where it stands. */
async function asked({ parts, signal }: Context, topology: Topology, databases: ReadonlySet<string>): Promise<Asked> {
  const sources = new Set(
    Object.entries(topology.channel).flatMap(([name, spec]) => compileChannel(name, spec).map(({ source }) => source)),
  );
  const read = await Promise.all(
    databasesOf(topology)
      .filter((name) => databases.has(name))
      .map(async (database) => {
        try {
          await using reader = await parts.reachPlaces(database, topology.database[database]!, signal);
          const end = sources.has(database) ? await reader.end() : null;
          return { database, place: { end, standing: await reader.standing() }, error: null };
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof OtterError)) throw error;
          return { database, place: null, error };
        }
      }),
  );
  return {
    places: new Map(read.flatMap(({ database, place }) => (place === null ? [] : [[database, place] as const]))),
    unread: read.flatMap(({ database, error }) => (error === null ? [] : [{ database, error }])),
  };
}

interface Reported {
  readonly lineage: string | null;
  readonly of: ReadonlyMap<string, { readonly lagMs: number | null; readonly position: string | null }>;
}

const NOTHING: Reported = { lineage: null, of: new Map() };

/** Nothing where the store is not there, or does not answer: the databases tell the rest. */
async function fromNodes(context: Context, options: CommonOptions, topology: string): Promise<Reported> {
  const url = stateUrl(context, options);
  if (url.startsWith('file:') && !context.parts.exists(url.slice('file:'.length))) return NOTHING;
  try {
    await using store = context.parts.openStore(url, { make: false });
    const records = await readSnapshot(store, topology, context.signal);
    const { channels } = statusReport(records, context.now());
    const of = channels
      .flatMap(({ pipelines }) => pipelines)
      .map((one) => [one.name, { lagMs: one.lag_ms, position: one.position }] as const);
    return { lineage: records.meta?.lineage ?? null, of: new Map(of) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof OtterError) return NOTHING;
    throw error;
  }
}

function placed(
  { name, source, target }: PipelineSpec,
  places: ReadonlyMap<string, Place>,
  names: Names,
  { lineage, of }: Reported,
): PositionJson {
  const kept = pipelineNamed(name, (kind, each) => names.kept(kind, each));
  const end = places.get(source)?.end ?? null;
  const mine = places.get(target)?.standing.filter((one) => one.pipeline === kept) ?? [];
  // Two topologies may share a server; which is whose the store knows.
  const standing = mine.find((one) => lineage === null || one.lineage === lineage);
  const told = of.get(name);
  const at = standing?.position ?? told?.position ?? null;
  return {
    pipeline: name,
    source,
    target,
    at: at === null ? null : placeOf(at, null, standing?.clock ? Math.floor(standing.clock / 1000) : null),
    end: end === null ? null : placeOf(end.position, end.point, end.nowMs),
    behind: at === null || end === null ? null : between(at, end.position),
    lag_ms: told?.lagMs ?? null,
  };
}

function placeOf(text: string, point: LogPoint | null, timeMs: number | null): PlaceJson {
  const known = parsePosition(text);
  const place = known.family === 'file' ? known : point;
  return {
    position: text,
    gtid: known.family === 'file' ? null : formatBare(known),
    file: place === null ? null : `${place.file}:${place.offset}`,
    time: timeMs === null ? null : new Date(timeMs).toISOString(),
  };
}
