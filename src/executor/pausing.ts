/**
 * Pausing a channel or a pipeline, and going on: a record of its own beside what is declared, so that no apply undoes it.
 *
 * A pipeline that rests is to every other as one whose link is cut: it keeps its place, its source keeps the log, and what
 * was written meanwhile is judged when it comes by what each site had seen. So one direction of two may rest alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { Condition, StateStore } from '../model/ports.ts';
import type { PauseRecord } from '../model/records.ts';
import type { ChannelSpec } from '../model/topology.ts';
import type { AppliedSpec, AppliedState, LiveState } from '../planner/change.ts';
import { moveKey, type PausedKind, pauseKey } from '../state/keys.ts';
import { readApplied } from './applied.ts';
import type { AuditEntry } from './audit.ts';

/** What is to rest or to go on. */
export interface Rest {
  readonly kind: PausedKind;
  readonly name: string;
  readonly channel: AppliedSpec;
  /** Names of the pipelines that it means. */
  readonly pipelines: readonly string[];
}

/** @param text `channel.shop`, `shop`, `pipeline.shop/hz>ca`, `shop/hz:ca`. @throws OtterError OT2035 */
export function restOf(text: string, applied: Pick<AppliedState, 'topology' | 'specs'>): Rest {
  const [, kind, name = '', ends] = /^(?:(channel|pipeline)\.)?([^/]*)(?:\/(.+))?$/s.exec(text) ?? [];
  const channel = applied.specs.find((spec) => spec.kind === 'channel' && spec.name === name);
  const unknown = (why: string): OtterError =>
    new OtterError('OT2035', `\`${text}\` ${why}`, {
      hint: 'Write a channel (`shop`) or a pipeline (`shop/hz:ca`); `otter status` lists them.',
      where: { topology: applied.topology },
    });
  if (channel === undefined || (kind === 'channel') !== (ends === undefined && kind !== undefined))
    throw unknown('is no channel and no pipeline that is applied');
  const all = compileChannel(name, channel.spec as unknown as ChannelSpec);
  if (ends === undefined) {
    return { kind: 'channel', name, channel, pipelines: all.map((pipeline) => pipeline.name) };
  }
  const pipeline = `${name}/${ends.replace(':', '>')}`;
  if (!all.some((one) => one.name === pipeline)) {
    throw unknown(`is no pipeline: ${name} has ${all.map((one) => one.name).join(', ')}`);
  }
  return { kind: 'pipeline', name: pipeline, channel, pipelines: [pipeline] };
}

/** All that can rest, as a shell takes it. */
export function restAddresses({ specs }: AppliedState): string[] {
  return specs.flatMap(({ kind, name, spec }) => {
    if (kind !== 'channel') return [];
    const pipelines = compileChannel(name, spec as unknown as ChannelSpec);
    return [`channel.${name}`, ...pipelines.map((one) => one.name.replace('>', ':'))];
  });
}

/** What can go on, as a shell takes it: a channel that is paused does with all of its pipelines, and they not without it. */
export function pausedAddresses({ pauses = {} }: LiveState): string[] {
  return Object.keys(pauses).flatMap((address) => {
    const [, pipeline, channel] = /^pipeline\.((.*?)\/.*)$/s.exec(address) ?? [];
    if (pipeline === undefined) return [address];
    return pauses[`channel.${channel}`] === undefined ? [pipeline.replace('>', ':')] : [];
  });
}

/** How it stands. */
export interface Standing {
  readonly rest: Rest;
  readonly applied: AppliedState;
  readonly live: LiveState;
  /** What keeps it at rest already: its own pause, or that of its channel. */
  readonly pausedBy: { readonly address: string; readonly record: PauseRecord } | null;
}

export async function standing(
  store: StateStore,
  topology: string,
  text: string,
  signal: AbortSignal,
): Promise<Standing> {
  const { applied, live } = await readApplied(store, topology, signal);
  const rest = restOf(text, applied);
  const addresses = [`channel.${rest.channel.name}`, `${rest.kind}.${rest.name}`];
  const address = addresses.find((one) => live.pauses?.[one] !== undefined);
  const pausedBy = address === undefined ? null : { address, record: live.pauses![address]! };
  return { rest, applied, live, pausedBy };
}

/** Whether it rests for no longer than a restart takes, which whoever wants it to rest must not rely on. */
export function isRestarting({ pausedBy }: Standing): boolean {
  return pausedBy?.record.restarts === true;
}

/** A restart that is under way gives way. False when the channel was changed, or somebody else was faster. */
export async function pause(
  store: StateStore,
  topology: string,
  found: Standing,
  record: PauseRecord,
  audit: AuditEntry,
): Promise<boolean> {
  const { rest, applied } = found;
  const key = keyOf(topology, rest, applied);
  const there = isRestarting(found) ? await entryAt(store, key) : null;
  if (there !== null && !there.record.restarts) return false;
  const result = await store.commit({
    conditions: [channelAsSeen(rest), { key, revision: there?.revision ?? null }],
    puts: [{ key, value: JSON.stringify(record) }, audit.put({ what: `${rest.kind}.${rest.name}`, result: 'done' })],
    deletes: [],
  });
  return result.ok;
}

/** A channel goes on with all of its pipelines. Null when somebody else was faster; else the addresses that go on. */
export async function goOn(
  store: StateStore,
  topology: string,
  { rest, applied, live }: Standing,
  audit: AuditEntry,
): Promise<readonly string[] | null> {
  const addresses = [`${rest.kind}.${rest.name}`, ...rest.pipelines.map((name) => `pipeline.${name}`)];
  const paused = [...new Set(addresses)].filter((address) => live.pauses?.[address] !== undefined);
  const keys = paused.map((address) => {
    const [kind, name] = [address.slice(0, address.indexOf('.')), address.slice(address.indexOf('.') + 1)];
    return keyOf(topology, { kind: kind as PausedKind, name }, applied);
  });
  // What was wanted of one that rests means nothing when it goes on. Who may resume need not be one who may move.
  const wishes = rest.pipelines.map((name) => moveKey(topology, applied.names.keptPipeline(name)));
  const found = await Promise.all(wishes.map(async (key) => (await store.list(key)).entries));
  const moves = found.flat().flatMap((entry) => (wishes.includes(entry.key) ? [entry.key] : []));
  const result = await store.commit({
    conditions: [channelAsSeen(rest)],
    puts: [audit.put({ what: paused.join(', '), result: 'done' })],
    deletes: [...keys, ...moves],
  });
  return result.ok ? paused : null;
}

/**
 * What a restart has stopped goes on, if it is still that which keeps it at rest. False: somebody has paused it meanwhile, or resumed it.
 * @param isMine whether a pause is the restart's own
 */
export async function endRestart(
  store: StateStore,
  topology: string,
  { rest, applied }: Standing,
  isMine: (record: PauseRecord) => boolean,
  audit: AuditEntry,
): Promise<boolean> {
  const key = keyOf(topology, rest, applied);
  const there = await entryAt(store, key);
  if (there?.record.restarts !== true || !isMine(there.record)) return false;
  const result = await store.commit({
    conditions: [{ key, revision: there.revision }],
    puts: [audit.put({ what: `${rest.kind}.${rest.name}`, result: 'done' })],
    deletes: [key],
  });
  return result.ok;
}

async function entryAt(
  store: StateStore,
  key: string,
): Promise<{ readonly revision: number; readonly record: PauseRecord } | null> {
  const entry = (await store.list(key)).entries.find((one) => one.key === key);
  return entry === undefined ? null : { revision: entry.revision, record: JSON.parse(entry.value) as PauseRecord };
}

/** Nodes know what rests by the name under which it is kept. */
function keyOf(topology: string, { kind, name }: Pick<Rest, 'kind' | 'name'>, { names }: AppliedState): string {
  return pauseKey(topology, kind, kind === 'channel' ? names.kept('channel', name) : names.keptPipeline(name));
}

function channelAsSeen({ channel }: Rest): Condition {
  return { key: channel.key, revision: channel.revision };
}

const LOOK_EVERY_MS = 200;

/**
 * Waits until nodes report it so, or what is to rest is let go on by somebody. Names of those that did not.
 * @throws the reason of `signal`
 */
export async function reported(
  store: StateStore,
  topology: string,
  pipelines: readonly string[],
  resting: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const timeout = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const { live } = await readApplied(store, topology, signal);
    const phases = Object.values(live.nodes).flatMap((node) => Object.entries(node.pipelines));
    const late = pipelines.filter((name) => {
      const phase = phases.find(([one]) => one === name)?.[1].phase;
      return phase === undefined || (phase === 'paused') !== resting;
    });
    const over = resting && !pipelines.some((name) => isKept(name, live));
    if (late.length === 0 || over || timeout.aborted) return late;
    await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** Whether a pause keeps the pipeline at rest. */
function isKept(pipeline: string, { pauses = {} }: LiveState): boolean {
  const channel = pipeline.slice(0, pipeline.indexOf('/'));
  return pauses[`pipeline.${pipeline}`] !== undefined || pauses[`channel.${channel}`] !== undefined;
}
