/**
 * Which node owns a database: the one that owns it already, as long as it lives; else, among the living nodes of the
 * database's region, the one that hashes highest with it. Every node comes to the same answer by itself, and a node
 * that comes or goes moves no other database.
 */

/** `null` when nobody could. The order of `nodes` does not matter. */
export function preferredOwner(database: string, nodes: readonly string[]): string | null {
  let best: { readonly node: string; readonly weight: number } | null = null;
  for (const node of nodes) {
    const weight = weigh(database, node);
    if (best === null || weight > best.weight || (weight === best.weight && node < best.node)) best = { node, weight };
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
