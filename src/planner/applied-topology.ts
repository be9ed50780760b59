/** What is applied, in the form of a topology: what is planned for when nothing is to change. */
import { KINDS, NOTHING_DECLARED, type Topology } from '../model/topology.ts';
import type { AppliedState } from './change.ts';

export function appliedTopology({ topology, specs }: AppliedState): Topology {
  const kinds = KINDS.map((kind) => {
    const objects = specs.flatMap((one) => (one.kind === kind ? [[one.name, one.spec] as const] : []));
    return [kind, Object.fromEntries(objects)] as const;
  });
  return { ...NOTHING_DECLARED, ...Object.fromEntries(kinds), name: topology };
}
