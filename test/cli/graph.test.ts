/** Topologies as drawings. */
import { expect, test } from 'vitest';
import { renderGraph } from '../../src/render/graph.ts';
import { loaded, SHOP } from '../planner/world.ts';

const shop = loaded(`${SHOP}  feed: { from: hz, to: ca, tables: [shop.log_*] }\n`).topology;
const marks = { 'channel.feed': '+', 'database.ca': '~', 'node.b1': '-' } as const;

test('Mermaid', () => {
  expect(renderGraph(shop, 'mermaid', marks)).toMatchInlineSnapshot(`
    "flowchart LR
      subgraph r0["a"]
        n0["a1"]
        d1[("hz (mariadb)")]
      end
      subgraph r1["b"]
        n1["b1: removed"]:::removed
        d0[("ca (mysql): changed")]:::changed
      end
      d1 -->|"feed: added"| d0
      d1 <-->|"shop"| d0
      linkStyle 0 stroke:#2da44e,stroke-width:2px
      classDef added stroke:#2da44e,stroke-width:2px
      classDef removed stroke:#cf222e,stroke-width:2px,stroke-dasharray:4
      classDef changed stroke:#bf8700,stroke-width:2px
    "
  `);
});

test('Graphviz', () => {
  expect(renderGraph(shop, 'dot', marks)).toMatchInlineSnapshot(`
    "digraph "t" {
      rankdir=LR
      subgraph cluster_r0 {
        label="a"
        n0 [label="a1", shape=box]
        d1 [label="hz (mariadb)", shape=cylinder]
      }
      subgraph cluster_r1 {
        label="b"
        n1 [label="b1: removed", shape=box, color="#cf222e", penwidth=2, style=dashed]
        d0 [label="ca (mysql): changed", shape=cylinder, color="#bf8700", penwidth=2]
      }
      d1 -> d0 [label="feed: added", color="#2da44e", penwidth=2]
      d1 -> d0 [label="shop", dir=both]
    }
    "
  `);
});

test('without a plan nothing is marked', () => {
  expect(renderGraph(shop, 'mermaid')).not.toMatch(/classDef|linkStyle|:::/);
});
