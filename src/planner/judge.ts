/**
 * The rules of a topology held against a plan: how grave each finding is, what the topology's own rules say, what is waived until when.
 *
 * Rules: those that are applied count as well as those that the plan brings, the graver of the two, so that no plan makes a rule milder
 * and breaks it; a waiver may come with the plan that needs it, since it says until when and why.
 */
import { ExpressionProblem } from '../model/expression-words.ts';
import type { Facts } from '../model/rule-facts.ts';
import type { InertSpec } from '../model/topology.ts';
import { factCondition } from '../replication/expression/facts.ts';
import { type Analyzed, analyze, type Found } from './analyzers.ts';
import { nameOf } from './change.ts';
import { factsOf } from './facts.ts';
import type { Finding, FindingSeverity } from './finding.ts';

interface Waiver {
  readonly for: string;
  readonly until: string;
  readonly reason: string;
}

interface Rule {
  readonly severity?: FindingSeverity | 'off';
  readonly when?: string;
  readonly on?: 'change' | 'state';
  readonly message?: string;
  readonly waive?: readonly Waiver[];
}

export type Rules = Readonly<Record<string, Rule>>;

export interface JudgeInput extends Analyzed {
  /** As the files declare them; null where nobody knows the files. */
  readonly desired: InertSpec | null;
  /** `2026-11-30`, in UTC. */
  readonly today: string;
}

const GRAVITY = { off: 0, warning: 1, error: 2 } as const;

export function judge(input: JudgeInput): Finding[] {
  const { before, desired, sourceOf, today } = input;
  const sides = [before.get<Rules>('policy', 'rules'), desired as Rules | null].filter((rules) => rules !== null);
  const graver = (name: string, usual: FindingSeverity): FindingSeverity | 'off' => {
    // What no side says anything of is as grave as it is by itself.
    const said = sides.map((rules) => rules[name]?.severity ?? usual);
    return said.reduce<FindingSeverity | 'off'>((a, b) => (GRAVITY[b] > GRAVITY[a] ? b : a), said[0] ?? usual);
  };
  const findings = [
    ...analyze(input).map((found) => ({ ...found, rule: null, severity: graver(found.code, 'warning') })),
    ...ownRules(input, sides),
  ];
  return findings.flatMap(({ severity, ...found }): Finding[] => {
    if (severity === 'off') return [];
    // Of the files, where there are any: a waiver that is taken out there has ended.
    const waivers = sides.at(-1)?.[found.rule ?? found.code]?.waive ?? [];
    const own = waivers.filter((waiver) => waiver.for === found.address);
    const { until, reason } = own.find((waiver) => waiver.until >= today) ?? {};
    const waived = until === undefined ? null : { until, reason: reason! };
    const lapsed =
      waived === null
        ? (own
            .map((waiver) => waiver.until)
            .sort()
            .at(-1) ?? null)
        : null;
    return [{ ...found, severity, source: sourceOf(found.address), waived, lapsed }];
  });
}

/** A condition that another version wrote, and this one cannot read, is never taken for one that does not hold. */
function conditionOf(when: string): (facts: Facts) => boolean {
  try {
    return factCondition(when);
  } catch (error) {
    if (error instanceof ExpressionProblem) return () => true;
    throw error;
  }
}

type Own = Found & { readonly rule: string; readonly severity: FindingSeverity | 'off' };

function ownRules({ changes, before, after }: JudgeInput, sides: readonly Rules[]): Own[] {
  const own = new Map<string, Own>();
  for (const [name, { when, message, on = 'change', severity = 'error' }] of sides.flatMap((rules) =>
    Object.entries(rules),
  )) {
    if (when === undefined || severity === 'off') continue;
    const broken = conditionOf(when);
    for (const change of changes) {
      if (on === 'state' && change.after === null) continue;
      const facts: Facts = factsOf(change, before, after);
      if (!broken(facts)) continue;
      const key = `${name} ${change.address}`;
      const known = own.get(key);
      if (known !== undefined && GRAVITY[known.severity] >= GRAVITY[severity]) continue;
      own.set(key, {
        code: 'OT2100',
        rule: name,
        severity,
        address: change.address,
        message: message ?? `breaks \`${name}\``,
      });
    }
  }
  return [...own.values()].sort((a, b) =>
    `${a.rule} ${nameOf(a.address)}` < `${b.rule} ${nameOf(b.address)}` ? -1 : 1,
  );
}
