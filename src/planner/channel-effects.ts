/**
 * What a change of a channel does to its pipelines: which start, stop and pause, and by which settings they go on.
 *
 * Rule: what is said here is what nodes do with the compiled pipelines, so both come from `compileChannel`.
 */

import { UnreachableError } from '../model/error.ts';
import { compileChannel, type PipelineSpec, serialiserOf } from '../model/pipeline.ts';
import type { ChannelSpec, ConflictSpec, Topology } from '../model/topology.ts';
import type { Effect } from './change.ts';
import { copyEffects, existingEffect, namesOf, tableEffects } from './table-effects.ts';

/** @param desired the topology as it is to be */
export function channelEffects(
  name: string,
  before: ChannelSpec | null,
  after: ChannelSpec | null,
  desired: Topology,
): Effect[] {
  const running = (spec: ChannelSpec | null): PipelineSpec[] =>
    spec === null ? [] : compileChannel(name, spec).filter(({ enabled }) => enabled);
  const [old, young] = [running(before), running(after)];
  const stopped = old.filter((one) => !young.some((other) => other.name === one.name));
  const created = young.filter((one) => !old.some((other) => other.name === one.name));
  const kept = young.filter((one) => old.some((other) => other.name === one.name));
  return [
    ...stoppedEffects(stopped, before, after),
    ...createdEffects(created, before, after, desired),
    ...(before !== null && after !== null && kept.length > 0
      ? [...tableEffects(kept, before, after), ...settingEffects(kept, before, after)]
      : []),
    ...(after !== null && !after.enabled && before?.enabled !== true
      ? [{ risk: 'low' as const, text: 'nothing runs before `enabled: true` is applied' }]
      : []),
  ];
}

function stoppedEffects(
  stopped: readonly PipelineSpec[],
  before: ChannelSpec | null,
  after: ChannelSpec | null,
): Effect[] {
  if (before?.enabled === true && after?.enabled === false) {
    return [
      { risk: 'medium', text: `pipelines stop and keep their positions: ${namesOf(stopped)}` },
      { risk: 'medium', text: 'changes gather in the logs of the sources; continue before those are purged' },
    ];
  }
  if (stopped.length === 0) {
    return after === null ? [{ risk: 'medium', text: 'positions of its pipelines are lost' }] : [];
  }
  return [
    { risk: 'high', text: `pipelines stop and their positions are lost: ${namesOf(stopped)}` },
    {
      risk: 'high',
      text: 'what was written and has not arrived yet does not arrive any more: `otter status` tells the lag',
    },
    { risk: 'medium', text: 'rows stay where they are, and are not kept the same any more' },
  ];
}

function createdEffects(
  created: readonly PipelineSpec[],
  before: ChannelSpec | null,
  after: ChannelSpec | null,
  desired: Topology,
): Effect[] {
  if (created.length === 0 || after === null) return [];
  if (before !== null && !before.enabled) {
    return [{ risk: 'medium', text: `pipelines start, where they stood if they ran before: ${namesOf(created)}` }];
  }
  const effects: Effect[] =
    after.dryRun === true
      ? [{ risk: 'low', text: `pipelines are created that write nothing and only count: ${namesOf(created)}` }]
      : [{ risk: 'low', text: `pipelines are created: ${namesOf(created)}` }, ...copyEffects(created, after, null)];
  if (after.conflict !== null)
    effects.push({ risk: 'low', text: `when two sites write the same row, ${stands(after.conflict)}` });
  const ends = [...new Set(created.flatMap(({ source, target }) => [source, target]))];
  for (const database of ends) {
    const region = desired.database[database]?.region;
    if (region !== undefined && !Object.values(desired.node).some((node) => node.region === region)) {
      effects.push({
        risk: 'medium',
        text: `no node is declared in region ${region} of ${database}: pipelines do not start`,
      });
    }
  }
  return effects;
}

/** Tables with rules of their own aside. */
function stands({ policy, priority, by }: ConflictSpec): string {
  switch (policy) {
    case 'site-priority':
      return `${priority[0]} wins`;
    case 'last-write-wins':
      return by === null ? 'the later write wins' : `the one with the greater ${by} wins`;
    case 'manual':
      return 'each keeps its own until a person decides';
    default:
      throw new UnreachableError(policy satisfies never);
  }
}

/** What `conflict` says of the log, which decides nothing. */
const NO_LOG = { log: undefined, keep: undefined } as const;

function settingEffects(kept: readonly PipelineSpec[], before: ChannelSpec, after: ChannelSpec): Effect[] {
  const differs = (key: keyof ChannelSpec): boolean => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  const effects: Effect[] = [];
  const [deciding, decided] = [before, after].map(({ conflict }) => JSON.stringify({ ...conflict, ...NO_LOG }));
  if (differs('conflict') && deciding === decided) {
    effects.push({
      risk: 'low',
      text: 'the conflict log is kept by the new bounds from now on; what they leave out is removed from it for good',
    });
  } else if (differs('conflict')) {
    const [was, is] = [before.conflict?.priority[0], after.conflict?.priority[0]];
    effects.push(
      was !== is && is !== undefined
        ? {
            risk: 'high',
            text: `conflicts are won by ${is} from now on, no longer by ${was ?? 'nobody'}; those decided already stay decided`,
          }
        : {
            risk: 'medium',
            text: 'conflicts are decided by the new policy from now on; those decided already stay decided',
          },
    );
  }
  if (differs('dryRun')) {
    effects.push(
      after.dryRun === true
        ? {
            risk: 'high',
            text: 'nothing is written any more, only counted; positions are lost, and what comes meanwhile does not arrive later',
          }
        : {
            risk: 'medium',
            text: `pipelines begin anew, and write: ${after.initial === 'copy' ? 'existing rows are copied' : 'changes from when apply has ended travel'}`,
          },
    );
  }
  if (differs('ddl')) {
    const does = {
      replicate:
        after.direction.kind === 'two-way'
          ? `changes of tables that are safe are carried from ${decider(after, after.direction.between)} from now on; others, and those made elsewhere, stop pipelines`
          : 'changes of tables are carried over from now on: what is dropped or emptied at the source is dropped or emptied at the target',
      ignore: 'changes of table structure are passed over from now on; rows that do not fit stop the pipeline',
      stop: 'pipelines stop at the next change of table structure',
    } as const;
    effects.push({ risk: after.ddl === 'stop' ? 'low' : 'medium', text: does[after.ddl] });
  }
  if (differs('onError')) {
    effects.push(
      after.onError === 'park'
        ? {
            risk: 'medium',
            text: 'rows that cannot be written are set aside, with what must wait behind them, and their pipelines go on',
          }
        : { risk: 'low', text: 'a row that cannot be written stops its pipeline; what is set aside stays so' },
    );
  }
  if (differs('initial') || differs('existing')) {
    const copying = kept.filter(({ initial }) => initial === 'copy');
    const begins = copying.length > 0 && before.initial === 'none';
    effects.push(
      begins
        ? { risk: 'medium', text: 'existing rows of all tables whose copy has not begun are copied now' }
        : {
            risk: 'low',
            text: 'counts for tables whose copy has not begun; those that were copied are not copied again',
          },
    );
    const filled = existingEffect(after.existing, [...new Set(copying.map(({ target }) => target))]);
    if (copying.length > 0 && filled !== null) effects.push(filled);
  }
  if (differs('apply')) {
    effects.push({ risk: 'low', text: `pipelines pause for a moment: ${namesOf(kept)}` });
    if (after.apply.lanes > 1 && before.apply.lanes === 1)
      effects.push({ risk: 'medium', text: 'transactions of the source become visible in parts' });
  }
  if (differs('rate')) {
    const what = after.rate === undefined ? 'as much as it can' : `at most ${after.rate} out of each database`;
    effects.push({ risk: 'low', text: `carries ${what} from now on` });
  }
  if (differs('verify')) {
    const how = after.verify === undefined ? 'no longer' : `every ${after.verify.every}`;
    effects.push({ risk: 'low', text: `its databases are compared by themselves ${how}` });
  }
  if (differs('priority')) {
    effects.push({ risk: 'low', text: 'shares links with other channels by the new priority from now on' });
  }
  return effects;
}

/** The site from which changes of tables are carried. */
function decider({ conflict }: ChannelSpec, between: readonly string[]): string {
  return conflict === null ? between[0]! : serialiserOf(conflict, between);
}
