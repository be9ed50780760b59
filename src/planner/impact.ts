/**
 * What a plan does to pipelines and rows in all, over all of its changes: what ends, begins anew or pauses, whose positions are lost, what
 * is copied, and what is kept in one place only from then on.
 *
 * Rule: it is computed from the objects as they are before and after the plan, so that a part of a plan has the impact of that part.
 */
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import { isAnother } from '../model/stays.ts';
import type { DatabaseSpec, NodeSpec } from '../model/topology.ts';
import type { LiveState } from './change.ts';
import { type Copy, copiesOf, type TableSizes } from './copies.ts';
import { databasesOf } from './references.ts';
import { settledOf } from './settled.ts';
import type { Whole } from './whole.ts';

export interface Impact {
  /** How many pipelines are enabled before. */
  readonly running: number;
  /** Names of pipelines that ran and end. */
  readonly ended: readonly string[];
  /** That go on under their name and have lost their positions. */
  readonly anew: readonly string[];
  /** That stand still for a moment, or until they are enabled again. */
  readonly paused: readonly string[];
  /** Of those that ended or begin anew: the ones that nodes have run. */
  readonly positions_lost: readonly string[];
  readonly copies: readonly Copy[];
  /** Channels whose rows are kept in one region from now on, and were kept in several. */
  readonly one_copy: readonly { readonly channel: string; readonly regions: readonly string[] }[];
}

export function impactOf(before: Whole, after: Whole, live: LiveState, sizes: TableSizes): Impact {
  const [old, young] = [running(before), running(after)];
  const declared = new Set(
    after.channels.flatMap(([name, spec]) => compileChannel(name, spec).map((pipeline) => pipeline.name)),
  );
  const ended = [...old.keys()].filter((name) => !declared.has(name));
  const stay = [...old.values()].filter(({ name }) => declared.has(name));
  const anew = stay.filter((one) => beginsAnew(one, young.get(one.name), before, after)).map(({ name }) => name);
  const paused = stay.filter(
    (one) => !anew.includes(one.name) && (!young.has(one.name) || pauses(one, young.get(one.name)!, before, after)),
  );
  return {
    running: old.size,
    ended,
    anew,
    paused: paused.map(({ name }) => name),
    positions_lost: [...ended, ...anew].filter((name) => settledOf(name, live) !== Number.POSITIVE_INFINITY),
    copies: after.channels.flatMap(([name, spec]) =>
      copiesOf(name, before.get('channel', name), spec, new Set(anew), live, sizes),
    ),
    one_copy: oneCopy(before, after),
  };
}

function running(whole: Whole): Map<string, PipelineSpec> {
  const all = whole.channels.flatMap(([name, spec]) => compileChannel(name, spec));
  return new Map(all.filter(({ enabled }) => enabled).map((one) => [one.name, one]));
}

function beginsAnew(old: PipelineSpec, young: PipelineSpec | undefined, before: Whole, after: Whole): boolean {
  if (young !== undefined && young.dryRun !== old.dryRun) return true;
  return [old.source, old.target].some((name) => {
    const [was, is] = [before, after].map((whole) => whole.get<DatabaseSpec>('database', name));
    if (was == null || is == null) return false;
    return isAnother(was, is) || (name === old.target && was.schema !== is.schema);
  });
}

function pauses(old: PipelineSpec, young: PipelineSpec, before: Whole, after: Whole): boolean {
  if (old.lanes !== young.lanes) return true;
  return [old.source, old.target].some((name) => {
    const [was, is] = [before, after].map((whole) => reached(name, whole));
    return was !== is;
  });
}

/** How nodes reach a database, and each other there. */
function reached(name: string, whole: Whole): string {
  const spec = whole.get<DatabaseSpec>('database', name);
  if (spec === null) return '';
  const { region, endpoints, user, password, tls } = spec;
  const nodes = whole
    .all<NodeSpec>('node')
    .flatMap(([node, { region: at, advertise, link }]) => (at === region ? [[node, advertise, link ?? null]] : []))
    .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  return JSON.stringify([region, endpoints, user, password, tls, nodes]);
}

function oneCopy(before: Whole, after: Whole): Impact['one_copy'] {
  return before.channels.flatMap(([channel, spec]) => {
    const was = regionsOf(databasesOf(spec.direction), before);
    const now = after.get<typeof spec>('channel', channel);
    if (was.length < 2) return [];
    if (now === null) return [{ channel, regions: was }];
    const is = regionsOf(databasesOf(now.direction), after);
    return is.length < 2 ? [{ channel, regions: is }] : [];
  });
}

function regionsOf(databases: readonly string[], whole: Whole): string[] {
  return [...new Set(databases.flatMap((name) => whole.regionOf(name) ?? []))].sort();
}
