/** `otter resync`: a row in `otter.resync` of the database whose rows are wanted, and how far its pipelines come with it. */
import { OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type ResyncProgress, ResyncRefusal, resyncCondition } from '../model/resync.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { printable } from '../render/width.ts';
import { matchesTable } from '../replication/compared-groups.ts';
import { loadTopology } from '../topology/load.ts';
import { resync as sendAgain } from '../verify/resync.ts';
import { audited } from './auditing.ts';
import { type CommonOptions, type Context, EXIT, topologyName } from './context.ts';
import { appliedOf, channelOf, pipelinesOf } from './verify.ts';

export interface ResyncFlags extends CommonOptions {
  readonly where?: string;
  readonly from?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

const PATIENCE_MS = 60_000;

export async function resync(
  context: Context,
  options: ResyncFlags,
  channelAddress: string,
  table: string,
): Promise<number> {
  const { parts, signal, now, stdout } = context;
  const where = options.where === undefined ? null : condition(options.where);
  const name = topologyName(context, options, loadTopology);
  const { applied, lineage } = await appliedOf(context, options, name);
  const topology = appliedTopology(applied);
  const channel = channelOf(topology, channelAddress)!;
  const pipelines = senders(
    pipelinesOf(topology).filter((one) => one.channel === channel),
    channel,
    table,
    options.from,
  );
  const { source } = pipelines[0]!;
  await using database = await parts.reachCompared(source, topology.database[source]!, signal);
  const what = `${channel} ${table} from ${source}${where === null ? '' : ', some rows'}`;
  const sent = await audited(context, options, { topology: name, command: 'resync', what }, async () =>
    Promise.all(
      pipelines.map(async (pipeline): Promise<Sent> => {
        const kept = applied.names.keptPipeline(pipeline.name);
        const told = ({ rows }: ResyncProgress): void => {
          if (options.json !== true) stdout.write(`${printable(pipeline.name)}: ${rows} rows sent\n`);
        };
        const wait = { lineage, patienceMs: options.timeout ?? PATIENCE_MS, now, signal, told };
        const progress = await sendAgain(database, { pipeline: kept, table, keys: null, where }, wait);
        return { pipeline: pipeline.name, ...progress };
      }),
    ),
  );
  if (options.json === true) stdout.write(`${JSON.stringify({ channel, table, from: source, pipelines: sent })}\n`);
  else for (const one of sent) stdout.write(`${printable(inWords(one))}\n`);
  return sent.every(({ state }) => state === 'done') ? EXIT.done : EXIT.error;
}

interface Sent extends ResyncProgress {
  readonly pipeline: string;
}

function inWords({ pipeline, state, rows, said }: Sent): string {
  if (state === 'done')
    return `${pipeline}: ${rows} ${rows === 1 ? 'row was' : 'rows were'} sent again, and are written.`;
  return `${pipeline}: refused: ${said ?? ''}`;
}

/** Those that send the table from the one database that is meant. @throws OtterError OT7001 */
function senders(
  pipelines: readonly PipelineSpec[],
  channel: string,
  table: string,
  from: string | undefined,
): readonly PipelineSpec[] {
  const having = pipelines.filter((one) => matchesTable(one, table));
  if (having.length === 0)
    throw new OtterError('OT7001', `no pipeline of ${channel} carries a table ${table}`, {
      hint: 'Name it as it is called where its rows are: schema.table.',
    });
  const deciding = having.filter(({ role, mesh }) => role === 'one-way' || (role === 'from-serialiser' && !mesh));
  if (deciding.length === 0)
    throw new OtterError('OT7001', `in ${channel} every site decides, where rows are not sent again yet`, {
      hint: 'Write the row anew at the site that has it right: that travels.',
    });
  const sources = [...new Set(deciding.map(({ source }) => source))];
  if (from === undefined && sources.length > 1)
    throw new OtterError('OT7001', `${sources.join(' and ')} have the table ${table}`, {
      hint: `Say whose rows are meant: --from ${sources[0]!}`,
    });
  const chosen = deciding.filter(({ source }) => source === (from ?? sources[0]));
  if (chosen.length > 0) return chosen;
  throw new OtterError('OT7001', `${from ?? ''} sends no rows of ${table} by its own word`, {
    hint: `Rows count at ${sources.join(', ')}.`,
  });
}

/** @throws OtterError OT7001 */
function condition(text: string): string {
  try {
    return resyncCondition(text);
  } catch (error) {
    if (!(error instanceof ResyncRefusal)) throw error;
    throw new OtterError('OT7001', `--where: ${error.message.replace(/^where_sql /, '')}`, {
      hint: 'It is written as `where` of a topology: docs/mapping.md, Expressions.',
    });
  }
}
