/**
 * The plan: what apply will change and why, as a value.
 *
 * Rules: pure and total, no clock and no randomness; the same input gives the same text. Two digests: `plan_digest` is of
 * what is written and what was read, not of how it is explained, so that a better sentence does not make a plan another
 * plan; `document_digest` is of everything, so that what a saved plan shows is what was planned.
 */
import { OtterError } from '../model/error.ts';
import type { Topology } from '../model/topology.ts';
import { canonical, canonicalText } from './canonical.ts';
import type { AppliedState, Change, LiveState, SourceOf } from './change.ts';
import { diff } from './diff.ts';
import { type Drift, driftOf } from './drift.ts';
import { describe } from './effects.ts';
import { inOrder } from './order.ts';
import { targeted } from './target.ts';

export type { AppliedState, Change, LiveState, SourceOf } from './change.ts';
export type { Drift } from './drift.ts';

export interface Plan {
  readonly format_version: '1.0';
  readonly topology: string;
  /** Of the applied state that was planned from; null where nothing was ever applied. */
  readonly lineage: string | null;
  /** Revision of the state store that was planned from. */
  readonly base_revision: number;
  /** Of the resolved topology. */
  readonly config_digest: string;
  readonly plan_digest: string;
  /** Of everything else in this document, sentences included. */
  readonly document_digest: string;
  readonly changes: readonly Change[];
  readonly drift: readonly Drift[];
  readonly summary: { readonly add: number; readonly change: number; readonly destroy: number };
  /** No guard refuses it. */
  readonly applyable: boolean;
  /** Revision of every key the plan depends on; null for a key that is not there. */
  readonly reads: Readonly<Record<string, number | null>>;
  readonly destroy: boolean;
  /** The serial that applying it gives; without changes the present one. */
  readonly serial: number;
}

export interface PlanInput {
  readonly desired: Topology;
  readonly applied: AppliedState;
  readonly live: LiveState;
  readonly destroy: boolean;
  /** Addresses or bare names; empty for everything. */
  readonly target: readonly string[];
  readonly sourceOf: SourceOf;
  readonly digest: (text: string) => string;
  readonly baseRevision: number;
}

/** @throws OtterError OT7001 when a target is not known */
export function computePlan(input: PlanInput): Plan {
  const { desired, applied, live, destroy, sourceOf, digest, baseRevision } = input;
  const raw = targeted(diff(desired, applied), { desired, applied, target: input.target });
  const changes = inOrder(raw).map((change) => describe(change, { raw, desired, applied, destroy, sourceOf }));
  const count = (action: string): number =>
    changes.filter((change) => (change.actions as string[]).includes(action)).length;
  const unsigned = {
    format_version: '1.0' as const,
    topology: desired.name,
    lineage: applied.meta.record?.lineage ?? null,
    base_revision: baseRevision,
    config_digest: digest(canonicalText(desired)),
    changes,
    drift: driftOf(applied, live),
    summary: { add: count('create'), change: count('update'), destroy: count('delete') },
    applyable: true,
    reads: readsOf(applied, changes),
    destroy,
    serial: (applied.meta.record?.serial ?? 0) + (changes.length > 0 ? 1 : 0),
  };
  return sealed({ ...unsigned, plan_digest: digest(signedText(unsigned)) }, digest);
}

/** The same plan, refused by a guard. */
export function refusedPlan({ document_digest: _, ...plan }: Plan, digest: (text: string) => string): Plan {
  return sealed({ ...plan, applyable: false }, digest);
}

function sealed(plan: Omit<Plan, 'document_digest'>, digest: (text: string) => string): Plan {
  return { ...plan, document_digest: digest(canonicalText(plan)) };
}

/**
 * A saved plan, read back.
 * @throws OtterError OT7003 when it is not a plan of this format, or was changed by hand
 */
export function readPlan(text: string, digest: (text: string) => string): Plan {
  let value: Partial<Plan>;
  try {
    value = JSON.parse(text) as Partial<Plan>;
  } catch (error) {
    throw new OtterError('OT7003', 'the file is not a saved plan: it is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || !Array.isArray(value.changes) || typeof value.reads !== 'object') {
    throw new OtterError('OT7003', 'the file is not a saved plan', { hint: 'Write one with `otter plan --out FILE`.' });
  }
  if (value.format_version !== '1.0') {
    throw new OtterError('OT7003', `the plan has format ${String(value.format_version)}, and this version reads 1.0`, {
      hint: 'Plan again with this version.',
    });
  }
  const plan = value as Plan;
  // The second is what `--expect` compares: it must be that of these changes, whoever wrote the first.
  if (plan.document_digest !== documentDigest(plan, digest) || plan.plan_digest !== digest(signedText(plan))) {
    throw new OtterError('OT7003', 'the plan is not the one that was saved: its digest does not fit', {
      hint: 'Plan again with `otter plan --out FILE`.',
    });
  }
  return plan;
}

/** Null for what is nested deeper than any plan. */
function documentDigest({ document_digest: _, ...rest }: Plan, digest: (text: string) => string) {
  try {
    return digest(canonicalText(rest));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function signedText(plan: Omit<Plan, 'plan_digest' | 'document_digest'>): string {
  const { format_version, topology, lineage, config_digest, reads, destroy, serial } = plan;
  const changes = plan.changes.map(({ address, kind, actions, before, after }) => ({
    address,
    kind,
    actions,
    before,
    after,
  }));
  return canonicalText({ format_version, topology, lineage, config_digest, changes, reads, destroy, serial });
}

function readsOf(applied: AppliedState, changes: readonly Change[]): Plan['reads'] {
  const reads: Record<string, number | null> = { [applied.meta.key]: applied.meta.revision };
  for (const { key, revision } of applied.specs) reads[key] = revision;
  for (const { kind, address, before } of changes) {
    if (before === null) reads[applied.keyOf(kind, address.slice(kind.length + 1))] = null;
  }
  return canonical(reads) as Plan['reads'];
}
