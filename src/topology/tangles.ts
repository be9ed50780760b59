/**
 * What of a topology could be in rings at all: table entries of several channels, each of which a change may reach from each.
 *
 * They are the strongly connected components (Tarjan, 1972) of the graph whose nodes are the table entries, as each direction
 * of a channel has them, and whose edges say that what one brings to a database another may take from there. A topology of
 * thousands of tables has next to none, so the search for rings has next to nothing to do.
 */
import { PatternIndex } from './pattern-index.ts';

/** One direction of a channel, from one database to another. */
export interface Way<P> {
  readonly channel: string;
  readonly source: string;
  readonly target: string;
  readonly passages: readonly P[];
}

interface Node<P> {
  readonly way: Way<P>;
  readonly passage: P;
  /** In the order of the search; -1: not met yet. */
  order: number;
  low: number;
  open: boolean;
}

/** Each tangle as the ways that are in it, with only those entries that are. */
export function tangles<P extends { readonly from: string; readonly to: string }>(ways: readonly Way<P>[]): Way<P>[][] {
  const nodes = ways.flatMap((way) =>
    way.passages.map((passage): Node<P> => ({ way, passage, order: -1, low: 0, open: false })),
  );
  const rank = new Map(nodes.map((node, at) => [node, at]));
  const earliest = (some: readonly Node<P>[]): number => Math.min(...some.map((node) => rank.get(node)!));
  const bySource = new Map(
    [...Map.groupBy(nodes, ({ way }) => way.source)].map(([source, all]) => [
      source,
      new PatternIndex(all.map((node) => [node.passage.from, node] as const)),
    ]),
  );
  const next = ({ way, passage }: Node<P>): Node<P>[] => bySource.get(way.target)?.meeting(passage.to) ?? [];
  return (
    components(nodes, next)
      .filter((found) => new Set(found.map(({ way }) => way.channel)).size > 1)
      // As they stand in the topology: what is told of is the first of its kind.
      .sort((a, b) => earliest(a) - earliest(b))
      .map((found) => {
        const inside = Map.groupBy(found, ({ way }) => way);
        return ways.flatMap((way) => {
          const kept = new Set(inside.get(way)?.map(({ passage }) => passage));
          return kept.size === 0 ? [] : [{ ...way, passages: way.passages.filter((passage) => kept.has(passage)) }];
        });
      })
  );
}

/** Without recursion: a chain of channels may be long. */
function components<P>(nodes: readonly Node<P>[], next: (node: Node<P>) => readonly Node<P>[]): Node<P>[][] {
  const found: Node<P>[][] = [];
  const stack: Node<P>[] = [];
  let met = 0;
  const meet = (node: Node<P>): { node: Node<P>; rest: readonly Node<P>[]; at: number } => {
    node.order = met;
    node.low = met;
    met += 1;
    node.open = true;
    stack.push(node);
    return { node, rest: next(node), at: 0 };
  };
  for (const root of nodes) {
    const path = root.order === -1 ? [meet(root)] : [];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      const beyond = top.rest[top.at];
      top.at += 1;
      if (beyond === undefined) {
        path.pop();
        const before = path.at(-1)?.node;
        if (before !== undefined) before.low = Math.min(before.low, node.low);
        if (node.low === node.order) found.push(take(stack, node));
      } else if (beyond.order === -1) path.push(meet(beyond));
      else if (beyond.open) node.low = Math.min(node.low, beyond.order);
    }
  }
  return found;
}

function take<P>(stack: Node<P>[], last: Node<P>): Node<P>[] {
  const found = stack.splice(stack.lastIndexOf(last));
  for (const node of found) node.open = false;
  return found;
}
