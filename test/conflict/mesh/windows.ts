/** How deliveries become windows, and their changes what the rules ask about. */
import type { MeshClaim } from '../../../src/replication/conflict/mesh/touches.ts';
import type { Random } from '../simulator/random.ts';
import { loadOf } from '../simulator/schema.ts';
import type { MeshEntry } from './database.ts';
import type { Fault } from './faults.ts';
import type { SiteOracle } from './oracle.ts';
import type { MeshSite } from './site.ts';
import type { MeshDelivery } from './stream.ts';

export interface MeshLoaderOptions {
  readonly site: MeshSite;
  readonly source: string;
  /** The source's log, for the oracle alone. */
  readonly truth: readonly MeshEntry[];
  readonly random: Random;
  readonly oracle: SiteOracle;
  readonly has: (fault: Fault) => boolean;
}

export interface Window {
  readonly deliveries: readonly MeshDelivery[];
  readonly fromSeq: number;
}

/** The next deliveries as one window: those behind the checkpoint only, since a link may send again what was applied. */
export function takeWindow(queue: MeshDelivery[], { site, source, random, has }: MeshLoaderOptions): Window | null {
  const { position, seq } = site.database.from(source);
  const deliveries: MeshDelivery[] = [];
  const most = 1 + random.below(4);
  while (queue.length > 0 && deliveries.length < most) {
    // A chunk is a window of its own.
    if (queue[0]!.chunk !== null && deliveries.length > 0) break;
    const delivery = queue.shift()!;
    if (delivery.sequence > Number(position) || has('window applied twice')) deliveries.push(delivery);
    if (delivery.chunk !== null) break;
  }
  return deliveries.length === 0 ? null : { deliveries, fromSeq: seq };
}

export function claimsOf(deliveries: readonly MeshDelivery[], { site, has }: MeshLoaderOptions): MeshClaim[] {
  const claims: MeshClaim[] = [];
  for (const { clock: own, seen, changes, chunk } of deliveries) {
    let clock = has('one clock for a window') ? deliveries.at(-1)!.clock : own;
    if (has('wall clock of the loader')) clock = (site.database.entries.at(-1)?.truth.version.clock ?? own) + 1;
    const common = { clock, seen: seen[site.name]!.clock };
    for (const change of changes) {
      const before = change.kind === 'insert' ? null : change.before;
      const after = change.kind === 'delete' ? null : change.after;
      const table = loadOf(change.table);
      claims.push({ ...common, change: { kind: change.kind, table, before, after, fkChecks: true } });
    }
    // Only for what is to be locked.
    for (const after of chunk?.rows ?? []) {
      const table = loadOf(chunk!.table);
      claims.push({ ...common, change: { kind: 'insert', table, before: null, after, fkChecks: true } });
    }
  }
  return claims;
}
