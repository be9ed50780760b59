/**
 * Whether a node is well, for who restarts it and for who sends peers to it.
 *
 * Rule: a node that lives is healthy, whatever its databases do; restarting it would mend nothing. It is ready while its peers can reach it
 * and it may own databases. A state store that is away makes neither false: rows go on without it.
 */
import type { NodeMeasures } from '../model/measures.ts';

/** Null: it is ready. */
export function whyNotReady({ ending, linked, registered, storeAwaySinceMs, record }: NodeMeasures): string | null {
  if (ending) return 'the node stops';
  if (record.error !== null) return `${record.error.code}: ${record.error.message}`;
  if (linked && (registered || storeAwaySinceMs !== null)) return null;
  if (storeAwaySinceMs !== null) return 'the state store does not answer';
  return linked ? 'the node is not registered yet' : 'the node is not in the applied topology';
}

/** What `/readyz` answers. */
export interface Readiness {
  readonly ready: boolean;
  readonly topology: string;
  readonly node: string;
  readonly version: string;
  readonly why: string | null;
  readonly state_store: 'up' | 'away';
  readonly databases: readonly string[];
}

export function readinessOf(node: NodeMeasures): Readiness {
  const why = whyNotReady(node);
  return {
    ready: why === null,
    topology: node.topology,
    node: node.node,
    version: node.record.version,
    why,
    state_store: node.storeAwaySinceMs === null ? 'up' : 'away',
    databases: node.record.databases.map((database) => node.shown('database', database)),
  };
}
