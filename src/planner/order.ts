/** The order in which changes are written: what others refer to comes first and goes last; who frees a name comes before who takes it. */
import type { Kind } from '../model/topology.ts';
import type { RawChange } from './diff.ts';

const RANK = {
  // Held against whatever is written after it, and removed last.
  policy: -1,
  region: 0,
  node: 1,
  database: 2,
  notify: 3,
  channel: 4,
  files: 5,
  alert: 6,
} as const satisfies Record<Kind, number>;

export function inOrder(changes: readonly RawChange[]): RawChange[] {
  const place = ({ kind, after }: RawChange): number => (after === null ? 100 - RANK[kind] : RANK[kind]);
  const renamed = ({ movedFrom }: RawChange): number => (movedFrom === null ? 1 : 0);
  return [...changes].sort(
    (a, b) => place(a) - place(b) || renamed(a) - renamed(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}
