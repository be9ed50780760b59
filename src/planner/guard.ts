/** What must not be carried out, and why. A refusal is a value: all of them are told at once. */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { DatabaseSpec, Topology } from '../model/topology.ts';
import type { AppliedState, LiveState } from './change.ts';
import { addressOf } from './change.ts';
import { handoverRefusals } from './handover.ts';
import type { Plan } from './plan.ts';
import { refersTo } from './references.ts';
import type { Refusal } from './refusal.ts';

export interface GuardInput {
  readonly desired: Topology;
  readonly applied: AppliedState;
  readonly live: LiveState;
  /** What the topology says and this version does not do; errors among it refuse the plan. */
  readonly unbuilt: readonly Diagnostic[];
  /** `database.hz`, or `hz`. */
  readonly allowDestroy: readonly string[];
}

export function guard(plan: Plan, { applied, live, unbuilt, allowDestroy }: GuardInput): Refusal[] {
  return [
    ...unbuiltRefusals(unbuilt),
    ...protectedRefusals(plan, allowDestroy),
    ...danglingRefusals(plan, applied),
    ...handoverRefusals(plan, applied, live),
  ];
}

function unbuiltRefusals(unbuilt: readonly Diagnostic[]): Refusal[] {
  return unbuilt
    .filter(({ severity }) => severity === 'error')
    .map(({ code, summary, detail, range }) => ({
      code,
      message: range === null ? summary : `${range.file}:${range.line}:${range.column}: ${summary}`,
      ...(detail === '' ? {} : { hint: detail }),
    }));
}

function protectedRefusals(plan: Plan, allowDestroy: readonly string[]): Refusal[] {
  return plan.changes.flatMap(({ kind, address, actions, before }) => {
    if (kind !== 'database' || !actions.includes('delete') || !(before as unknown as DatabaseSpec).protect) return [];
    const name = address.slice('database.'.length);
    if (allowDestroy.includes(address) || allowDestroy.includes(name)) return [];
    const what = actions.includes('create') ? 'replaced' : 'destroyed';
    return [
      {
        code: 'OT2004' as const,
        message: `${address} is protected and would be ${what}`,
        hint: `When it is meant: --allow-destroy ${address}`,
      },
    ];
  });
}

/** What would refer to nothing after the plan. */
function danglingRefusals(plan: Plan, applied: AppliedState): Refusal[] {
  const after = new Map(applied.specs.map(({ kind, name, spec }) => [addressOf(kind, name), { kind, spec }]));
  for (const change of plan.changes) {
    if (change.after === null) after.delete(change.address);
    else after.set(change.address, { kind: change.kind, spec: change.after });
  }
  const removed = new Set(plan.changes.flatMap((change) => (change.after === null ? [change.address] : [])));
  return [...after].flatMap(([address, { kind, spec }]) =>
    refersTo(kind, spec)
      .filter((other) => removed.has(other))
      .map((other) => ({
        code: 'OT2004' as const,
        message: `${other} would be destroyed, and ${address} still uses it`,
        hint: `Remove ${address} as well, or plan without --target.`,
      })),
  );
}
