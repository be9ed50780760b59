/** `otter stats`: what the pipelines of a channel did over time, as the nodes have kept it minute by minute. */
import { restOf } from '../executor/pausing.ts';
import { OtterError } from '../model/error.ts';
import type { StatsJson } from '../model/stats-json.ts';
import { statsOf, stepFor } from '../observe/stats.ts';
import { renderStats } from '../render/stats.ts';
import { printable } from '../render/width.ts';
import { askAll, nodesToAsk } from './asking.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';

export interface StatsOptions extends CommonOptions {
  readonly since?: number;
  readonly every?: number;
  readonly ascii?: boolean;
}

const SINCE_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
/** Of one pipeline; an answer with many more would not be one that a node gives in time. */
const STEPS_MAX = 1_500;

export async function stats(context: Context, options: StatsOptions, address: string): Promise<number> {
  const { since: spanMs = SINCE_MS } = options;
  const stepMs = options.every ?? stepFor(spanMs);
  if (stepMs < MINUTE_MS)
    throw new OtterError('OT7001', 'history is kept by the minute, and `--every` is shorter', {
      hint: `otter stats ${address} --every 1m`,
    });
  if (spanMs / stepMs > STEPS_MAX)
    throw new OtterError('OT7001', `that would be ${Math.ceil(spanMs / stepMs)} lines for each pipeline`, {
      hint: `Ask for fewer or longer steps: otter stats ${address} --since 24h --every 1h`,
    });
  const { topology, nodes, applied, names } = await nodesToAsk(context, options);
  const { kind, name, channel, pipelines } = restOf(address, applied);
  const now = context.now();
  const since = Math.floor((now - spanMs) / stepMs) * stepMs;
  const query = {
    channel: names.kept('channel', channel.name),
    pipeline: kind === 'pipeline' ? names.keptPipeline(name) : null,
    since,
    stepMs,
  };
  const { answers, unread } = await askAll(nodes, context.signal, (node) =>
    context.parts.askMinutes(node, query, context.signal),
  );
  if (answers.length === 0) {
    const why = unread.map(({ node, code, message }) => `${node}: ${message} (${code})`).join('; ');
    throw new OtterError('OT8103', `no node of ${topology} tells what it has kept: ${why}`);
  }
  const json: StatsJson = {
    topology,
    of: name,
    since: new Date(since).toISOString(),
    until: new Date(now).toISOString(),
    step_s: stepMs / 1000,
    pipelines: statsOf(
      pipelines,
      answers.map(({ answer }) => answer.minutes),
      (kept) => names.shownPipeline(kept),
    ),
    unread,
  };
  const ascii = options.ascii === true;
  context.stdout.write(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : renderStats(json, { ascii }));
  for (const { node, code, message } of unread)
    context.stderr.write(`node ${node} was not heard: ${code}: ${printable(message)}\n`);
  return unread.length === 0 ? EXIT.done : EXIT.error;
}
