/** `otter logs`: the last lines of the logs of nodes, and what they say from then on, asked of the nodes themselves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { restOf } from '../executor/pausing.ts';
import { OtterError } from '../model/error.ts';
import type { LogLine } from '../model/log-lines.ts';
import type { NodeSpec } from '../model/topology.ts';
import { renderLogLine } from '../render/log-lines.ts';
import { printable } from '../render/width.ts';
import { askAll, type Nodes, nodesToAsk } from './asking.ts';
import { type CommonOptions, type Context, colour, EXIT } from './context.ts';

export interface LogsOptions extends CommonOptions {
  /** How many lines of before. */
  readonly last?: number;
  /** False: no more than what was said until now. */
  readonly follow?: boolean;
}

const LAST = 50;
const EVERY_MS = 1_000;
/** Of one answer, and of lines that are asked for to find those of a pipeline among them. */
const LINES_MAX = 2_000;

/** Which nodes are asked, and which of their lines are shown. */
interface Wanted {
  readonly nodes: Readonly<Record<string, NodeSpec>>;
  readonly shows: (line: LogLine) => boolean;
}

/** How far a node's lines are shown. */
interface Place {
  readonly instance: string;
  readonly after: number;
}

export async function logs(context: Context, options: LogsOptions, address: string | undefined): Promise<number> {
  const known = await nodesToAsk(context, options);
  const wanted = wantedOf(known, address);
  const { last = LAST, follow = true } = options;
  const places = new Map<string, Place>();
  const silent = new Map<string, string>();
  const names = Object.keys(wanted.nodes);
  const nodeWidth = names.length > 1 ? Math.max(...names.map(({ length }) => length)) : null;
  const style = { colour: colour(context, options), nodeWidth };
  for (let first = true; ; first = false) {
    const { answers, unread } = await askAll(wanted.nodes, context.signal, async (spec, node) => {
      const place = places.get(node);
      const query = { after: place?.after ?? 0, limit: LINES_MAX };
      const answer = await context.parts.askLogs(spec, query, context.signal);
      // Another process of the same name counts anew.
      if (place === undefined || answer.instance === place.instance) return answer;
      return context.parts.askLogs(spec, { ...query, after: 0 }, context.signal);
    });
    if (first && answers.length === 0) throw unheard(known.topology, unread);
    tellSilent(context, unread, silent);
    const fresh = answers.flatMap(({ node, answer: { instance, lines } }) => {
      places.set(node, { instance, after: lines.at(-1)?.seq ?? afterOf(places.get(node), instance) });
      return lines.filter(wanted.shows).map((line) => ({ node, line }));
    });
    fresh.sort((a, b) => a.line.at - b.line.at);
    for (const { node, line } of first ? fresh.slice(Math.max(0, fresh.length - last)) : fresh)
      context.stdout.write(options.json === true ? jsonLine(node, line) : renderLogLine(node, line, style));
    if (!follow) return unread.length === 0 ? EXIT.done : EXIT.error;
    await sleep(EVERY_MS, undefined, { signal: context.signal }).catch(() => undefined);
    if (context.signal.aborted) return EXIT.done;
  }
}

/** A node; or a channel or pipeline: then all nodes, and of their lines those that name it. @throws OtterError OT2035 */
function wantedOf({ nodes, applied, names }: Nodes, address: string | undefined): Wanted {
  const everything = (): boolean => true;
  if (address === undefined) return { nodes, shows: everything };
  const name = address.replace(/^node\./, '');
  if (Object.hasOwn(nodes, name) && !/^(?:channel|pipeline)\./.test(address))
    return { nodes: { [name]: nodes[name]! }, shows: everything };
  const { kind, name: shown, channel } = meant(address, applied, Object.keys(nodes));
  const [kept, of] = [names.keptPipeline(shown), names.kept('channel', channel.name)];
  const shows = ({ fields }: LogLine): boolean => {
    const pipeline = typeof fields['pipeline'] === 'string' ? fields['pipeline'] : '';
    if (kind === 'pipeline') return pipeline === kept;
    return pipeline.startsWith(`${of}/`) || fields['channel'] === of;
  };
  return { nodes, shows };
}

/** @throws OtterError OT2035, with the nodes that there are */
function meant(address: string, applied: Nodes['applied'], nodes: readonly string[]): ReturnType<typeof restOf> {
  try {
    return restOf(address, applied);
  } catch (error) {
    if (!(error instanceof OtterError)) throw error;
    throw new OtterError('OT2035', `\`${address}\` is no node, no channel and no pipeline that is applied`, {
      hint: `Nodes: ${[...nodes].sort().join(', ')}. Or a channel (\`shop\`) or a pipeline (\`shop/hz:ca\`).`,
      where: error.where,
    });
  }
}

function afterOf(place: Place | undefined, instance: string): number {
  return place?.instance === instance ? place.after : 0;
}

function jsonLine(node: string, { at, level, message, fields }: LogLine): string {
  return `${JSON.stringify({ time: new Date(at).toISOString(), level, msg: message, ...fields, node })}\n`;
}

/** Once when a node falls silent, and once when it is heard again. */
function tellSilent(
  { stderr }: Context,
  unread: readonly { readonly node: string; readonly code: string; readonly message: string }[],
  silent: Map<string, string>,
): void {
  const now = new Map(unread.map(({ node, code, message }) => [node, `${code}: ${printable(message)}`]));
  for (const [node, why] of now) if (!silent.has(node)) stderr.write(`node ${node} was not heard: ${why}\n`);
  for (const node of silent.keys()) if (!now.has(node)) stderr.write(`node ${node} is heard again\n`);
  silent.clear();
  for (const [node, why] of now) silent.set(node, why);
}

function unheard(
  topology: string,
  unread: readonly { readonly node: string; readonly code: string; readonly message: string }[],
): OtterError {
  const why = unread.map(({ node, code, message }) => `${node}: ${message} (${code})`).join('; ');
  return new OtterError('OT8104', `no node of ${topology} tells its log: ${why === '' ? 'there is none' : why}`);
}
