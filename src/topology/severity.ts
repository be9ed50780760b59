/** How grave findings are, as `rules` of the topology say. */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';

/** A warning becomes what `rules` make of it; an error stays one, since what it is about could not be carried out. */
export function graded(diagnostics: readonly Diagnostic[], { policy }: Pick<Topology, 'policy'>): Diagnostic[] {
  const rules = (policy['rules'] ?? {}) as Readonly<Record<string, { readonly severity?: string }>>;
  return diagnostics.flatMap((one): Diagnostic[] => {
    const severity = Object.hasOwn(rules, one.code) ? rules[one.code]!.severity : undefined;
    if (severity === undefined || severity === one.severity) return [one];
    if (one.severity === 'error') {
      return [{ ...one, detail: `${one.detail} \`rules\` make no error milder.`.trim() }];
    }
    return severity === 'off' ? [] : [{ ...one, severity: 'error' }];
  });
}
