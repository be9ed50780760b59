/** How grave findings are, and which are let pass until when, as `rules` of the topology say. */
import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';

interface Rule {
  readonly severity?: string;
  readonly waive?: readonly { readonly for: string; readonly until: string; readonly reason: string }[];
}

export interface Grading {
  /** `2026-11-30`, in UTC; left out no waiver counts. */
  readonly today: string | undefined;
  /** Where a waiver stands. */
  readonly placeOf: (code: string, index: number) => SourceRange;
}

/**
 * A warning becomes what `rules` make of it, or is let pass for its object until a day; an error stays one, since what it is about
 * could not be carried out.
 */
export function graded(
  diagnostics: readonly Diagnostic[],
  { policy }: Pick<Topology, 'policy'>,
  { today, placeOf }: Grading,
): Diagnostic[] {
  const rules = (policy['rules'] ?? {}) as Readonly<Record<string, Rule>>;
  return diagnostics.flatMap((one): Diagnostic[] => {
    if (!Object.hasOwn(rules, one.code)) return [one];
    const { severity = one.severity, waive = [] } = rules[one.code]!;
    const waivers = [...waive.entries()].filter(([, waiver]) => waiver.for === one.address);
    if (one.severity === 'error') {
      const milder = severity !== 'error' || waivers.length > 0;
      return [milder ? { ...one, detail: `${one.detail} \`rules\` make no error milder.`.trim() } : one];
    }
    if (severity === 'off') return [];
    const [index, waiver] = waivers.find(([, { until }]) => today !== undefined && until >= today) ?? [];
    if (index !== undefined && waiver !== undefined) {
      const { reason, until } = waiver;
      return [{ ...one, ignored: { reason, until, range: placeOf(one.code, index) } }];
    }
    const ended = waivers.map(([, { until }]) => until).sort();
    const detail = ended.length === 0 ? one.detail : `${one.detail} Its waiver ended on ${ended.at(-1)!}.`.trim();
    return [{ ...one, detail, severity: severity === 'error' ? 'error' : one.severity }];
  });
}
