/** `otter position set PIPELINE --to PLACE`: says what is lost or comes twice, asks, and leaves it to the node that owns the target. */
import { auditEntry } from '../executor/audit.ts';
import { ended, type Movable, movableOf, move, moved, notMoved } from '../executor/moving.ts';
import { standing } from '../executor/pausing.ts';
import { OtterError } from '../model/error.ts';
import { covers, formatBare, formatPosition, type Position, parsePosition } from '../model/position.ts';
import { between } from '../model/standing-places.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { agreeByWord } from './consent.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { placeAt } from './position-place.ts';

export interface PositionSetOptions extends CommonOptions {
  readonly to?: string;
  readonly allowLostChanges?: boolean;
  readonly allowRepeatedChanges?: boolean;
  readonly reason?: string;
  readonly timeout?: number;
}

const TIMEOUT_MS = 60_000;

export async function positionSet(
  context: Context,
  options: PositionSetOptions,
  address: string | undefined,
): Promise<number> {
  const { to: wanted } = options;
  if (address === undefined || wanted === undefined) {
    throw new OtterError('OT7001', 'a pipeline and where it is to stand are missing', {
      hint: 'For example: otter position set shop/hz:ca --to 0-1-4711',
    });
  }
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const found = await standing(store, topology, address, context.signal);
  const movable = movableOf(found);
  const { pipeline } = movable;
  const [from, { to, told }] = await Promise.all([stands(context, movable), placeAt(context, movable, wanted)]);
  const text = formatPosition(to);
  const word = pipeline.replace('>', ':');
  if (told !== null && options.json !== true) context.stdout.write(`${printable(told)}\n`);
  if (from === text) {
    context.stdout.write(
      options.json === true ? `${JSON.stringify({ pipeline, from, to: text })}\n` : `${pipeline} stands there.\n`,
    );
    return EXIT.done;
  }
  await agreed(context, options, { pipeline, word, from, to });
  const author = authorOf(context, options, 'position set');
  const at = new Date(context.now()).toISOString();
  const by = { by: author.by, host: author.host, at, reason: options.reason ?? null };
  const record = { from, to: text, generation: movable.generation, ...by };
  const audit = auditEntry(topology, author, context.now(), context.parts.newId());
  if (!(await move(store, topology, found, movable, record, audit)))
    throw notMoved(`the channel of ${pipeline} has changed`, 'Look again: otter status');
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  const outcome = await moved(store, topology, movable, text, timeoutMs, context.signal);
  const late = outcome === 'late' ? 'OT7008' : null;
  // A wish that nobody took up in time is taken back: it should not come true when nobody thinks of it any more.
  await ended(
    store,
    topology,
    movable,
    record,
    audit,
    outcome === 'done' ? null : (late ?? (outcome as { code: string }).code),
  );
  if (outcome === 'late') {
    context.stderr.write(
      `Error OT7008: its node has not reported it after ${timeoutMs / 1000} s; see with \`otter position show\` whether it has moved.\n`,
    );
    return EXIT.timeout;
  }
  if (outcome !== 'done') throw notMoved(outcome.message, outcome.hint ?? 'See: otter position show');
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify({ pipeline, from, to: text })}\n`
      : `${pipeline} stands at ${formatBare(to)}, and rests. To let it go on: otter resume ${word}, or enabled: true in the topology.\n`,
  );
  return EXIT.done;
}

/** Where the target has it; null: it has not begun. */
async function stands({ parts, signal }: Context, { target, kept, lineage }: Movable): Promise<string | null> {
  await using reader = await parts.reachPlaces(target.name, target.spec, signal);
  const all = await reader.standing();
  return all.find((one) => one.pipeline === kept && one.lineage === lineage)?.position ?? null;
}

async function agreed(
  context: Context,
  options: PositionSetOptions,
  { pipeline, word, from, to }: { pipeline: string; word: string; from: string | null; to: Position },
): Promise<void> {
  // Nothing is passed over or repeated of what never began.
  if (from === null) return;
  const at = parsePosition(from);
  const text = formatPosition(to);
  const loses = !covers(at, to);
  const repeats = !covers(to, at);
  const needed = [
    ...(loses ? (['--allow-lost-changes'] as const) : []),
    ...(repeats ? (['--allow-repeated-changes'] as const) : []),
  ];
  const given = (flag: (typeof needed)[number]): boolean =>
    flag === '--allow-lost-changes' ? options.allowLostChanges === true : options.allowRepeatedChanges === true;
  if (needed.every(given)) return;
  const hint = `Without being asked: otter position set ${word} --to ${options.to!} ${needed.join(' ')}`;
  if (options.json !== true) {
    const lines = [
      `${pipeline} stands at ${formatBare(at)}.`,
      ...(loses
        ? [
            `Up to ${between(from, text)?.count ?? 'an unknown number of'} transactions are passed over: what they changed is never made at the target.`,
          ]
        : []),
      ...(repeats
        ? [
            `Up to ${between(text, from)?.count ?? 'an unknown number of'} transactions come again: rows that they insert are there already and stop the pipeline, rows without a key are there twice, and rows go back to what they were for a while.`,
          ]
        : []),
    ];
    context.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
  }
  await agreeByWord(context, `To move it to ${formatBare(to)}`, word, { alone: 'nobody has agreed to this', hint });
}
