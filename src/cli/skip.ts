/** `otter skip PIPELINE`: passes over the one transaction before which it has stopped, when a person has named that. */
import { auditEntry } from '../executor/audit.ts';
import { standing } from '../executor/pausing.ts';
import { ended, passed, skip as skipIt, stopOf } from '../executor/skipping.ts';
import { OtterError } from '../model/error.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { agreeByWord } from './consent.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';

export interface SkipOptions extends CommonOptions {
  /** Which one it must be; nobody is asked then. */
  readonly transaction?: string;
  readonly reason?: string;
  readonly timeout?: number;
}

const TIMEOUT_MS = 60_000;

export async function skip(context: Context, options: SkipOptions, address: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const found = await standing(store, topology, address, context.signal);
  const stop = stopOf(found);
  const { pipeline, transaction } = stop;
  const word = pipeline.replace('>', ':');
  const hint = `Without being asked: otter skip ${word} --transaction ${transaction}`;
  if (options.transaction !== undefined && options.transaction !== transaction) {
    throw new OtterError('OT2045', `nothing is passed over: ${pipeline} stands before transaction ${transaction}`, {
      hint,
    });
  }
  if (options.transaction === undefined) {
    if (options.json !== true)
      context.stdout.write(
        `${pipeline} stands before transaction ${transaction}:\n  ${printable(stop.message)}\n` +
          'Nothing of it will be made at the target, also what the target would take. Its rows stay there as they are, and\n' +
          'later changes of them are applied to that. It cannot be had back but by copying the tables again.\n',
      );
    await agreeByWord(context, 'To pass over it', transaction, { alone: 'nobody has agreed to lose it', hint });
  }
  const author = authorOf(context, options, 'skip');
  const at = new Date(context.now()).toISOString();
  const record = { transaction, by: author.by, host: author.host, at, reason: options.reason ?? null };
  const audit = auditEntry(topology, author, context.now(), context.parts.newId());
  if (!(await skipIt(store, topology, found, record, audit)))
    throw new OtterError('OT2045', `nothing is passed over: the channel of ${pipeline} has changed`, {
      hint: 'Look again: otter status',
    });
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  if (!(await passed(store, topology, stop, timeoutMs, context.signal))) {
    context.stderr.write(
      `Error OT7008: its node has not reported it after ${timeoutMs / 1000} s; it is passed over when the node takes it up, see \`otter status\`.\n`,
    );
    return EXIT.timeout;
  }
  await ended(store, topology, found, record, audit);
  const text = `Transaction ${transaction} is passed over; ${pipeline} goes on behind it.\n`;
  context.stdout.write(options.json === true ? `${JSON.stringify({ pipeline, transaction })}\n` : text);
  return EXIT.done;
}
