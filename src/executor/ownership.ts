/**
 * Which node owns a database: the one that owns it already, as long as it lives; else the living node of the database's
 * region that has the fewest, and of several such the one that hashes highest with it. Every node comes to the same
 * answer by itself, and a node that comes or goes moves no other database.
 */

export interface Placement {
  /** Living nodes that could own databases of the region, with how many they own. */
  readonly loads: Readonly<Record<string, number>>;
  /** Databases of the region that nobody owns. */
  readonly free: readonly string[];
}

/** Who is to take a free database; null when nobody could. The order of `loads` and `free` does not matter. */
export function nextOwner(database: string, { loads, free }: Placement): string | null {
  const counts = new Map(Object.entries(loads));
  for (const each of [...new Set([...free, database])].sort()) {
    const owner = leastLoaded(each, counts);
    if (each === database || owner === null) return owner;
    counts.set(owner, counts.get(owner)! + 1);
  }
  return null;
}

function leastLoaded(database: string, counts: ReadonlyMap<string, number>): string | null {
  let best: { readonly node: string; readonly count: number; readonly weight: number } | null = null;
  for (const [node, count] of counts) {
    const weight = weigh(database, node);
    const better =
      best === null ||
      count < best.count ||
      (count === best.count && (weight > best.weight || (weight === best.weight && node < best.node)));
    if (better) best = { node, count, weight };
  }
  return best?.node ?? null;
}

/** FNV-1a over both names, mixed until every bit counts (the end of murmur3). */
function weigh(database: string, node: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${database}\u0000${node}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
