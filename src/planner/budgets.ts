/**
 * `guards`: how much a plan may do at once. Those that are applied count, and those that the plan brings; both are held against it.
 */
import type { InertSpec } from '../model/topology.ts';
import { nameOf } from './change.ts';
import type { Plan } from './plan.ts';
import type { Refusal } from './refusal.ts';
import type { Whole } from './whole.ts';

export interface BudgetInput {
  readonly before: Whole;
  /** As the files declare them; null where nobody knows the files. */
  readonly desired: InertSpec | null;
  readonly allowDestroy: readonly string[];
}

type Limit = number | string;

export function budgetRefusals(plan: Plan, { before, desired, allowDestroy }: BudgetInput): Refusal[] {
  const guards = new Map(
    [desired, before.get<InertSpec>('policy', 'guards')].flatMap((one) =>
      one === null ? [] : [[JSON.stringify(one), one]],
    ),
  );
  const refusals = [...guards.values()].flatMap((limits) => heldAgainst(plan, limits, before, allowDestroy));
  return [...new Map(refusals.map((one) => [one.message, one])).values()];
}

function heldAgainst(
  { changes, impact }: Plan,
  limits: InertSpec,
  before: Whole,
  allowDestroy: readonly string[],
): Refusal[] {
  const own = changes.filter(({ kind }) => kind !== 'policy');
  if (limits['freeze'] === true && own.length > 0) {
    const message = `the topology is frozen (\`guards.freeze\`), and the plan changes ${own.length} ${own.length === 1 ? 'object' : 'objects'}`;
    return [{ code: 'OT2009', message, hint: 'Take `freeze` out and apply that alone first: --target policy.guards' }];
  }
  const named = (address: string): boolean => allowDestroy.includes(address) || allowDestroy.includes(nameOf(address));
  const there = before.addresses.filter((address) => !address.startsWith('policy.')).length;
  const destroyed = own.filter(({ address, actions }) => actions.includes('delete') && !named(address));
  const changed = own.filter((change) => change.before !== null && !isRename(change));
  const disturbed = [...new Set([...impact.ended, ...impact.anew, ...impact.paused])];
  const refusals = [
    over(
      'max_destroy',
      limits,
      destroyed.length,
      there,
      'would be destroyed or replaced',
      'objects',
      'Name each with --allow-destroy ADDRESS when it is meant, or do it in parts (--target, --exclude).',
    ),
    over(
      'max_change',
      limits,
      changed.length,
      there,
      'would be changed, replaced or destroyed',
      'objects',
      'Do it in parts (--target, --exclude).',
    ),
    over(
      'max_pipelines',
      limits,
      disturbed.length,
      impact.running,
      'would end, begin anew or pause',
      'running pipelines',
      'Do it in parts (--target, --exclude).',
    ),
  ].flatMap((one) => one ?? []);
  return [...refusals, ...copyRefusals(limits, impact)];
}

/** A rename changes what people see and nothing else. */
function isRename({ moved_from, attributes }: Plan['changes'][number]): boolean {
  return moved_from !== null && attributes.length === 1;
}

function over(
  key: string,
  limits: InertSpec,
  count: number,
  total: number,
  what: string,
  of: string,
  hint: string,
): Refusal | null {
  const limit = limits[key] as Limit | undefined;
  if (limit === undefined) return null;
  const most = typeof limit === 'number' ? limit : Math.floor((total * Number.parseInt(limit, 10)) / 100);
  if (count <= most) return null;
  const bound = typeof limit === 'number' ? String(limit) : `${limit} of ${total}, that is ${most}`;
  return {
    code: 'OT2009',
    message: `${count} ${count === 1 ? of.replace(/s$/, '') : of} ${what} at once, and \`guards.${key}\` allows ${bound}`,
    hint,
  };
}

function copyRefusals(limits: InertSpec, { copies }: Plan['impact']): Refusal[] {
  const most = limits['max_copy_rows'] as number | undefined;
  if (most === undefined || copies.length === 0) return [];
  const unknown = copies.filter(({ rows }) => rows === null);
  if (unknown.length > 0) {
    const names = unknown.map(({ pipeline }) => pipeline).join(', ');
    const message = `how many rows ${names} would copy is not known, and \`guards.max_copy_rows\` allows ${most}`;
    return [{ code: 'OT2009', message, hint: 'Ask the databases: --live.' }];
  }
  const rows = copies.reduce((sum, copy) => sum + copy.rows!, 0);
  if (rows <= most) return [];
  const message = `about ${rows} rows would be copied, and \`guards.max_copy_rows\` allows ${most}`;
  return [
    {
      code: 'OT2009',
      message,
      hint: 'Let tables join in several plans, or raise the limit in a plan of its own (--target policy.guards).',
    },
  ];
}
