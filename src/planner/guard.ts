/** What must not be carried out, and why. A refusal is a value: all of them are told at once. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { ChannelSpec, DatabaseSpec, Topology } from '../model/topology.ts';
import { budgetRefusals } from './budgets.ts';
import type { AppliedState, LiveState } from './change.ts';
import { addressOf, nameOf } from './change.ts';
import { handoverRefusals } from './handover.ts';
import { liveWithMoves, movesOf, withMoves } from './moves.ts';
import type { Plan } from './plan.ts';
import { refersTo } from './references.ts';
import type { Refusal } from './refusal.ts';
import { Whole } from './whole.ts';

/** A change that cannot be undone, and that nobody has named. */
export interface Unnamed {
  readonly address: string;
  readonly why: string;
}

/** What a yes to everything does not cover. */
export function unnamed({ changes }: Plan, allowDestroy: readonly string[]): Unnamed[] {
  return changes.flatMap(({ address, irrevocable: why }) =>
    why === null || allowDestroy.includes(address) || allowDestroy.includes(nameOf(address)) ? [] : [{ address, why }],
  );
}

export function refusedAlone(those: readonly Unnamed[]): Refusal[] {
  return those.map(({ address, why }) => ({
    code: 'OT2010',
    message: `${address}: ${why}, and that cannot be undone`,
    hint: `When it is meant: --allow-destroy ${address}`,
  }));
}

export interface GuardInput {
  readonly desired: Topology;
  readonly applied: AppliedState;
  readonly live: LiveState;
  /** What the topology says and this version does not do; errors among it refuse the plan. */
  readonly unbuilt: readonly Diagnostic[];
  /** `database.hz`, or `hz`. */
  readonly allowDestroy: readonly string[];
}

export function guard(plan: Plan, input: GuardInput): Refusal[] {
  const { desired, unbuilt, allowDestroy } = input;
  const [applied, live] = [withMoves(input.applied, plan.moved), liveWithMoves(input.live, plan.moved)];
  const whole = Whole.before(applied);
  return [
    ...movesOf(desired, input.applied).refusals,
    ...unbuiltRefusals(unbuilt),
    ...ruleRefusals(plan),
    ...budgetRefusals(plan, {
      before: whole,
      desired: plan.destroy ? null : (desired.policy['guards'] ?? null),
      allowDestroy,
    }),
    ...protectedRefusals(plan, allowDestroy),
    ...danglingRefusals(plan, applied),
    ...decidingRefusals(plan),
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

/** What breaks a rule that is an error, and is not waived. */
function ruleRefusals({ findings }: Plan): Refusal[] {
  return findings.flatMap(({ code, rule, severity, address, message, waived, lapsed }) => {
    if (severity !== 'error' || waived !== null) return [];
    const ended = lapsed === null ? '' : `; its waiver ended on ${lapsed}`;
    const name = rule ?? code;
    return [
      {
        code,
        message: `${address}${rule === null ? '' : ` breaks \`${rule}\``}: ${message}${ended}`,
        hint: `Change it, or except it for a while: rules: { ${name}: { waive: [{ for: ${address}, until: DAY, reason: WHY }] } }`,
      },
    ];
  });
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

/** Who decides cannot change while rows are on their way: what each site has seen is told in another way. */
function decidingRefusals(plan: Plan): Refusal[] {
  return plan.changes.flatMap(({ kind, address, before, after }) => {
    if (kind !== 'channel' || before === null || after === null) return [];
    const [was, is] = [before, after].map((spec) => deciderOf(spec as unknown as ChannelSpec));
    if (was === null || is === null || was === is) return [];
    return [
      {
        code: 'OT2007' as const,
        message: `in ${address} ${was}, and from this plan on ${is}, with rows on their way`,
        hint: 'Stop writing and let the pipelines catch up, take the channel out and apply, then put it back as it is to be, with `initial: none`.',
      },
    ];
  });
}

/** Null: nobody need. */
function deciderOf(channel: ChannelSpec): string | null {
  const [pipeline] = compileChannel('', channel);
  if (pipeline === undefined || pipeline.role === 'one-way') return null;
  if (pipeline.parks) return 'a person decides';
  if (pipeline.mesh) return 'every site decides';
  return `${pipeline.role === 'from-serialiser' ? pipeline.source : pipeline.target} decides`;
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
