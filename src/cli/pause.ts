/** `otter pause`, `otter resume` and `otter restart`: a channel or pipeline rests, keeps its place, and goes on. */
import { auditEntry } from '../executor/audit.ts';
import {
  endRestart,
  goOn,
  isRestarting,
  pause as pauseIt,
  type Rest,
  reported,
  type Standing,
  standing,
} from '../executor/pausing.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { PauseRecord } from '../model/records.ts';
import type { ChannelSpec } from '../model/topology.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';

export interface PauseOptions extends CommonOptions {
  readonly reason?: string;
  /** Milliseconds. */
  readonly for?: number;
  readonly wait?: boolean;
  readonly timeout?: number;
}

const TIMEOUT_MS = 30_000;

export async function pause(context: Context, options: PauseOptions, address: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  for (;;) {
    const found = await standing(store, topology, address, context.signal);
    const { rest, pausedBy } = found;
    if (pausedBy !== null && !isRestarting(found)) {
      say(context, options, rest, false, `${shown(rest)} is paused already: ${whoPaused(pausedBy)}.`);
      return EXIT.done;
    }
    const author = authorOf(context, options, 'pause');
    const at = new Date(context.now()).toISOString();
    const until = options.for === undefined ? {} : { until: new Date(context.now() + options.for).toISOString() };
    const record = { by: author.by, host: author.host, at, reason: options.reason ?? null, ...until };
    const audit = auditEntry(topology, author, context.now(), context.parts.newId());
    if (!(await pauseIt(store, topology, found, record, audit))) continue;
    return await settled(context, options, store, topology, rest, true);
  }
}

/** Whatever becomes of who types: it goes on after this. */
const RESTART_MS = 60_000;

/** It rests until nodes say so, and goes on: sessions, and what is in memory, are new. */
export async function restart(context: Context, options: PauseOptions, address: string): Promise<number> {
  const { now, parts, signal } = context;
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const author = authorOf(context, options, 'restart');
  const audit = auditEntry(topology, author, now(), parts.newId());
  const { by, host } = author;
  const [at, until] = [now(), now() + RESTART_MS].map((ms) => new Date(ms).toISOString()) as [string, string];
  const reason = options.reason ?? 'it is restarted';
  const record = { by, host, at, until, reason, restarts: true } as const;
  let rest: Rest;
  for (;;) {
    const found = await standing(store, topology, address, signal);
    ({ rest } = found);
    mayRestart(found, address);
    if (await pauseIt(store, topology, found, record, audit)) break;
  }
  const late = await reported(store, topology, rest.pipelines, true, options.timeout ?? TIMEOUT_MS, signal);
  const after = await standing(store, topology, address, signal);
  const isMine = (one: PauseRecord): boolean => one.by === by && one.host === host && one.at === at;
  await endRestart(store, topology, after, isMine, audit);
  // Somebody may have paused it meanwhile, and that counts.
  mayRestart(await standing(store, topology, address, signal), address);
  if (late.length === 0) return await settled(context, options, store, topology, rest, false);
  context.stderr.write(
    `Error OT7008: nodes have not stopped it in time: ${printable(late.join(', '))}\n${shown(rest)} goes on.\n`,
  );
  return EXIT.timeout;
}

/** @throws OtterError OT7041 */
function mayRestart(found: Standing, address: string): void {
  const { rest, pausedBy } = found;
  const { enabled } = rest.channel.spec as unknown as ChannelSpec;
  if (enabled && pausedBy === null && !isPaused(found)) return;
  const why = pausedBy === null ? '' : `: paused ${whoPaused(pausedBy)}`;
  const how = enabled && pausedBy === null ? 'rests in part' : 'rests';
  throw new OtterError('OT7041', `${shown(rest)} ${how}${why}`, {
    hint: enabled
      ? `It goes on with: otter resume ${pausedBy?.address.startsWith('channel.') ? pausedBy.address : address}`
      : 'The topology says `enabled: false`.',
  });
}

export async function resume(context: Context, options: PauseOptions, address: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  for (;;) {
    const found = await standing(store, topology, address, context.signal);
    const { rest, pausedBy } = found;
    if (rest.kind === 'pipeline' && pausedBy?.address === `channel.${rest.channel.name}`) {
      throw new OtterError('OT2035', `all of ${pausedBy.address} is paused: ${whoPaused(pausedBy)}`, {
        hint: `The channel goes on with all of its pipelines: otter resume ${rest.channel.name}`,
      });
    }
    if (!isPaused(found)) {
      const { enabled } = rest.channel.spec as unknown as ChannelSpec;
      const off = enabled ? '' : ' The topology says `enabled: false`: change that and apply.';
      say(context, options, rest, false, `${shown(rest)} is not paused.${off}`);
      return EXIT.done;
    }
    const audit = auditEntry(topology, authorOf(context, options, 'resume'), context.now(), context.parts.newId());
    if ((await goOn(store, topology, found, audit)) === null) continue;
    return await settled(context, options, store, topology, rest, false);
  }
}

/** It, or something of it. */
function isPaused({ rest, live }: Standing): boolean {
  const addresses = [`${rest.kind}.${rest.name}`, ...rest.pipelines.map((name) => `pipeline.${name}`)];
  return addresses.some((address) => live.pauses?.[address] !== undefined);
}

async function settled(
  context: Context,
  options: PauseOptions,
  store: StateStore,
  topology: string,
  rest: Rest,
  resting: boolean,
): Promise<number> {
  const { enabled } = rest.channel.spec as unknown as ChannelSpec;
  const done = resting ? 'is paused: it keeps its place, and its source must keep its log' : 'goes on';
  if (options.wait === false || (!enabled && !resting)) {
    say(context, options, rest, true, `${shown(rest)} ${done}.`);
    return EXIT.done;
  }
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  const late = await reported(store, topology, rest.pipelines, resting, timeoutMs, context.signal);
  if (late.length === 0) {
    say(context, options, rest, true, `${shown(rest)} ${done}.`);
    return EXIT.done;
  }
  const found = await standing(store, topology, shown(rest), context.signal);
  context.stderr.write(
    resting && found.pausedBy === null && !isPaused(found)
      ? `Error OT7008: ${shown(rest)} goes on again: it was resumed before nodes reported that it rests, see \`otter audit\`.\n`
      : `Error OT7008: nodes have not reported it after ${timeoutMs / 1000} s: ${printable(late.join(', '))}\n` +
          `${shown(rest)} ${resting ? 'is to rest' : 'is to go on'} all the same: nodes take it up when they come, see \`otter status\`.\n`,
  );
  return EXIT.timeout;
}

function whoPaused({ record: { by, host, at, reason, until } }: NonNullable<Standing['pausedBy']>): string {
  const end = until === undefined ? '' : ` until ${until}`;
  return printable(`by ${by}@${host} since ${at}${end}${reason === null ? '' : `, because ${reason}`}`);
}

function shown({ kind, name }: Rest): string {
  return `${kind}.${name}`;
}

function say(context: Context, options: PauseOptions, rest: Rest, changed: boolean, text: string): void {
  const { kind, name, pipelines } = rest;
  const json = { address: `${kind}.${name}`, pipelines, changed };
  context.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`);
}
