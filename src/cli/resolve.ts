/** `otter conflicts resolve`: shows what a decision does, asks, and writes it at the database where the conflict waits. */
import { OtterError } from '../model/error.ts';
import { parseExactly } from '../model/exact-json.ts';
import type { Names } from '../model/kept-names.ts';
import { compileChannel, type PipelineSpec, reverseName } from '../model/pipeline.ts';
import type { Take } from '../model/resolution.ts';
import type { Topology } from '../model/topology.ts';
import type { FoundConflict } from '../render/conflicts.ts';
import { renderResolution, resolutionJson } from '../render/resolution.ts';
import { audited } from './auditing.ts';
import { agree } from './consent.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';

export interface Chosen {
  readonly topology: Topology;
  /** As the log of the database has it. */
  readonly conflict: FoundConflict;
  readonly names: Names;
}

/** Words that mean a row which otter knows; everything else is a file. */
const KNOWN: readonly string[] = ['incoming', 'local', 'base'] satisfies Take[];

/**
 * @param agreed asks the person; throws where they do not agree
 * @throws OtterError OT7003, OT7006, OT7007, OT7010, OT7011, OT7012, and why the database could not be asked
 */
export async function resolveConflict(
  context: Context,
  options: CommonOptions & { readonly yes?: boolean },
  word: string,
  { topology, conflict, names }: Chosen,
  agreed: (question: string, alone: { alone: string; hint: string }) => Promise<void> = (question, alone) =>
    agree(context, question, alone),
): Promise<number> {
  const { database } = conflict;
  if (conflict.state !== 'open') throw notOpen(conflict, `it is ${conflict.state}`);
  const towards = pipelineOf(topology, conflict, names);
  const take = takeOf(context, word);
  const { parts, signal, stdout } = context;
  await using resolver = await parts.reachConflictResolver(
    database,
    topology.database[database]!,
    conflict.lineage,
    signal,
  );
  const plan = await resolver.plan(conflict, take);
  const quiet = options.json === true;
  if (!quiet) stdout.write(renderResolution(plan, database));
  const hint = 'Look at what it would do, and add --yes.';
  if (options.yes !== true) {
    if (quiet) throw new OtterError('OT7007', 'with --json nobody is asked, and nobody has agreed', { hint });
    await agreed('Resolve it so?', { alone: 'nobody has agreed to this', hint });
  }
  const { user, host } = parts.who();
  const deed = { topology: topology.name, command: 'conflicts resolve', what: `${database}:${conflict.id}` };
  await audited(context, options, deed, () =>
    resolver.write(plan, take, { who: `${user}@${host}`, nowMs: context.now(), towards }),
  );
  stdout.write(quiet ? `${JSON.stringify(resolutionJson(plan, database), null, 2)}\n` : '\nResolved.\n');
  return EXIT.done;
}

/** By which the decision travels, under the names that are in logs and otter's own tables. */
function pipelineOf({ channel }: Topology, conflict: FoundConflict, names: Names): PipelineSpec {
  const shown = names.shown('channel', conflict.channel);
  const spec = Object.hasOwn(channel, shown) ? names.keptSpec('channel', channel[shown]!) : null;
  const name = reverseName(conflict.pipeline);
  const found = spec === null ? undefined : compileChannel(conflict.channel, spec).find((one) => one.name === name);
  if (found?.parks === true) return found;
  throw notOpen(conflict, `the topology has no channel ${shown} any more whose conflicts wait`);
}

function takeOf({ parts }: Context, word: string): Take {
  if (KNOWN.includes(word)) return word as Take;
  const refuse = (why: string, cause?: unknown): OtterError =>
    new OtterError('OT7003', `${word} is no row: ${why}`, {
      hint: 'Write one JSON object of column names and values: {"name": "Lee", "city": null}',
      cause,
    });
  let row: unknown;
  try {
    row = parseExactly(parts.readFile(word));
  } catch (error) {
    if (error instanceof OtterError) throw error;
    throw refuse('it is not JSON', error);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw refuse('it is not an object');
  return { row: row as Readonly<Record<string, unknown>> };
}

function notOpen({ database, id }: FoundConflict, why: string): OtterError {
  return new OtterError('OT7010', `${database}:${id} does not wait for a decision: ${why}`, {
    hint: '`otter conflicts --open` lists those that do.',
  });
}
