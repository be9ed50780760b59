/**
 * The plan: what apply will change and why, as a value.
 *
 * Rules: pure and total, no clock and no randomness; the same input gives the same text. Two digests: `plan_digest` is of
 * what is written and what was read, not of how it is explained, so that a better sentence does not make a plan another
 * plan; `document_digest` is of everything, so that what a saved plan shows is what was planned.
 */
import { OtterError } from '../model/error.ts';
import type { Move, Topology } from '../model/topology.ts';
import { canonical, canonicalText } from './canonical.ts';
import type { AppliedState, Change, LiveState, SourceOf } from './change.ts';
import { NOBODY_ASKED, type TableSizes } from './copies.ts';
import { diff } from './diff.ts';
import { type Drift, driftOf } from './drift.ts';
import { describe } from './effects.ts';
import type { Finding } from './finding.ts';
import { type Impact, impactOf } from './impact.ts';
import { judge } from './judge.ts';
import { likelyRenames } from './likely-renames.ts';
import { liveWithMoves, movesOf, stateFor, withMoves } from './moves.ts';
import { inOrder } from './order.ts';
import { readsOf } from './reads.ts';
import { targeted } from './target.ts';
import { Whole } from './whole.ts';

export type { AppliedState, Change, LiveState, SourceOf } from './change.ts';
export type { Drift } from './drift.ts';

/** Its second number is raised when keys are added, the first when what one reads means something else. */
export const PLAN_FORMAT = '1.1';

export interface Plan {
  readonly format_version: typeof PLAN_FORMAT;
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
  /** Objects that have a new name and go on where they are. */
  readonly moved: readonly Move[];
  readonly changes: readonly Change[];
  /** What all changes together do to pipelines and rows. */
  readonly impact: Impact;
  /** What the analyzers and the topology's own rules say. */
  readonly findings: readonly Finding[];
  /** Hints that change nothing, as that a rename is likely. */
  readonly notes: readonly string[];
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
  readonly exclude?: readonly string[];
  readonly sourceOf: SourceOf;
  /** `2026-11-30`, in UTC, until when waivers of rules count; left out none does. */
  readonly today?: string;
  /** What the checks of the files let pass by waivers; told of what the plan touches. */
  readonly waived?: readonly Finding[];
  /** Of tables in the databases that were asked. */
  readonly sizes?: TableSizes;
  readonly digest: (text: string) => string;
  readonly baseRevision: number;
}

/** A day after the last of every waiver. */
const NO_WAIVER = '9999-12-31~';

/** @throws OtterError OT7001 when a target is not known */
export function computePlan(input: PlanInput): Plan {
  const { desired, destroy, sourceOf, digest, baseRevision, target, exclude = [] } = input;
  const { moves } = movesOf(desired, input.applied);
  const [applied, live] = [withMoves(input.applied, moves), liveWithMoves(input.live, moves)];
  const raw = targeted(diff(desired, applied, moves), { desired, applied, target, exclude, moves });
  const changes = inOrder(raw).map((change) => describe(change, { raw, desired, applied, live, destroy, sourceOf }));
  const before = Whole.before(applied);
  const after = before.after(changes);
  const rules = destroy ? null : (desired.policy['rules'] ?? null);
  const touched = new Set(changes.map(({ address }) => address));
  const waived = (input.waived ?? []).filter(({ address }) => touched.has(address));
  const count = (action: string): number =>
    changes.filter((change) => (change.actions as string[]).includes(action)).length;
  const unsigned = {
    format_version: PLAN_FORMAT as typeof PLAN_FORMAT,
    topology: desired.name,
    lineage: applied.meta.record?.lineage ?? null,
    base_revision: baseRevision,
    config_digest: digest(canonicalText(desired)),
    moved: moves,
    changes,
    impact: impactOf(before, after, live, input.sizes ?? NOBODY_ASKED),
    findings: [
      ...judge({ changes, before, after, sourceOf, desired: rules, today: input.today ?? NO_WAIVER }),
      ...waived,
    ],
    notes: likelyRenames(raw),
    drift: driftOf(applied, live),
    summary: { add: count('create'), change: count('update'), destroy: count('delete') },
    applyable: true,
    reads: canonical(readsOf(stateFor({ moved: moves, changes }, input.applied), changes)) as Plan['reads'],
    destroy,
    serial: (applied.meta.record?.serial ?? 0) + (changes.length > 0 ? 1 : 0),
  };
  return sealed({ ...unsigned, plan_digest: digest(signedText(unsigned)) }, digest);
}

/** The same plan where others were applied meanwhile that it does not depend on: it gets the next serial. */
export function renumbered(plan: Plan, applied: AppliedState): Plan {
  return plan.changes.length === 0 ? plan : { ...plan, serial: (applied.meta.record?.serial ?? 0) + 1 };
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
  if (value.format_version !== PLAN_FORMAT) {
    throw new OtterError(
      'OT7003',
      `the plan has format ${String(value.format_version)}, and this version reads ${PLAN_FORMAT}`,
      {
        hint: 'Plan again with this version.',
      },
    );
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
  const { format_version, topology, lineage, moved, reads, destroy } = plan;
  const changes = plan.changes.map(({ address, kind, actions, moved_from, before, after }) => ({
    address,
    kind,
    actions,
    moved_from,
    before,
    after,
  }));
  return canonicalText({ format_version, topology, lineage, moved, changes, reads, destroy });
}
