/**
 * A topology as a drawing, in Mermaid or in the language of Graphviz: regions with their nodes and databases, and a line
 * for each pair of databases that a channel joins.
 *
 * Rule: names are drawn as texts and never as identifiers, so that no name can break the drawing.
 */
import { KINDS, type Topology } from '../model/topology.ts';
import { type Change, nameOf } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import { symbolOf } from './text.ts';

export type GraphFormat = 'mermaid' | 'dot';

/** What the plan does to an object. */
export type Mark = '+' | '-' | '~' | '-/+' | '>';

/** `marks`: address to what is planned for it; empty without a plan. */
export function renderGraph(
  topology: Topology,
  format: GraphFormat,
  marks: Readonly<Record<string, Mark>> = {},
): string {
  const drawing = drawingOf(topology, marks);
  return format === 'mermaid' ? mermaid(drawing) : dot(topology.name, drawing);
}

/** A topology with what a plan makes of it. */
export function drawnPlan(desired: Topology, { changes }: Pick<Plan, 'changes'>, format: GraphFormat): string {
  const marks = Object.fromEntries(
    changes.map((change) => [change.address, isRename(change) ? ('>' as const) : symbolOf(change)]),
  );
  return renderGraph(withRemoved(desired, changes), format, marks);
}

function isRename({ moved_from: old, attributes }: Change): boolean {
  return old !== null && attributes.length === 1;
}

/** What the plan destroys is drawn too. */
function withRemoved(topology: Topology, changes: readonly Change[]): Topology {
  const removed = (kind: string) =>
    changes.flatMap((change) =>
      change.kind === kind && change.after === null ? [[nameOf(change.address), change.before] as const] : [],
    );
  const kinds = KINDS.map((kind) => [kind, { ...topology[kind], ...Object.fromEntries(removed(kind)) }]);
  return { ...topology, ...(Object.fromEntries(kinds) as Partial<Topology>) };
}

interface Box {
  readonly id: string;
  readonly label: string;
  readonly kind: 'node' | 'database';
  readonly mark: Mark | undefined;
}

interface Drawing {
  readonly regions: readonly { readonly id: string; readonly label: string; readonly boxes: readonly Box[] }[];
  readonly lines: readonly {
    readonly from: string;
    readonly to: string;
    readonly label: string;
    readonly twoWay: boolean;
    readonly mark: Mark | undefined;
  }[];
}

function drawingOf(topology: Topology, marks: Readonly<Record<string, Mark>>): Drawing {
  const sorted = <T>(objects: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(objects).sort(([a], [b]) => (a < b ? -1 : 1));
  const markOf = (address: string): Mark | undefined => (Object.hasOwn(marks, address) ? marks[address] : undefined);
  const labelOf = (address: string, name: string): string => {
    const mark = markOf(address);
    // In words and at the end: Mermaid takes a label that begins with `-` for a list.
    return mark === undefined ? name : `${name}: ${CLASSES[mark]}`;
  };
  const databases = sorted(topology.database);
  const idOf = new Map(databases.map(([name], index) => [name, `d${index}`]));
  const boxes = (region: string): Box[] => [
    ...sorted(topology.node).flatMap(([name, spec], index) =>
      spec.region === region
        ? [
            {
              id: `n${index}`,
              label: labelOf(`node.${name}`, name),
              kind: 'node' as const,
              mark: markOf(`node.${name}`),
            },
          ]
        : [],
    ),
    ...databases.flatMap(([name, spec]) =>
      spec.region === region
        ? [
            {
              id: idOf.get(name)!,
              label: labelOf(`database.${name}`, `${name} (${spec.engine})`),
              kind: 'database' as const,
              mark: markOf(`database.${name}`),
            },
          ]
        : [],
    ),
  ];
  return {
    regions: sorted(topology.region).map(([name], index) => ({
      id: `r${index}`,
      label: labelOf(`region.${name}`, name),
      boxes: boxes(name),
    })),
    lines: sorted(topology.channel).flatMap(([name, { direction }]) => {
      const address = `channel.${name}`;
      const ends =
        direction.kind === 'two-way'
          ? direction.between.slice(1).map((other) => [direction.between[0]!, other] as const)
          : direction.from.flatMap((from) => direction.to.map((to) => [from, to] as const));
      return ends.flatMap(([from, to]) => {
        const [fromId, toId] = [idOf.get(from), idOf.get(to)];
        if (fromId === undefined || toId === undefined) return [];
        const twoWay = direction.kind === 'two-way';
        return [{ from: fromId, to: toId, label: labelOf(address, name), twoWay, mark: markOf(address) }];
      });
    }),
  };
}

const COLOURS: Readonly<Record<Mark, string>> = {
  '+': '#2da44e',
  '-': '#cf222e',
  '~': '#bf8700',
  '-/+': '#cf222e',
  '>': '#0969da',
};
const CLASSES: Readonly<Record<Mark, string>> = {
  '+': 'added',
  '-': 'removed',
  '~': 'changed',
  '-/+': 'replaced',
  '>': 'renamed',
};

function mermaid({ regions, lines }: Drawing): string {
  const text = (label: string): string => `"${label.replaceAll('"', '#quot;')}"`;
  const shape = ({ kind, label }: Box): string => (kind === 'database' ? `[(${text(label)})]` : `[${text(label)}]`);
  const used = [...regions.flatMap(({ boxes }) => boxes), ...lines].flatMap(({ mark }) => mark ?? []);
  const style = (mark: Mark): string =>
    `stroke:${COLOURS[mark]},stroke-width:2px${mark === '-' ? ',stroke-dasharray:4' : ''}`;
  return [
    'flowchart LR',
    ...regions.flatMap(({ id, label, boxes }) => [
      `  subgraph ${id}[${text(label)}]`,
      ...boxes.map((box) => `    ${box.id}${shape(box)}${box.mark === undefined ? '' : `:::${CLASSES[box.mark]}`}`),
      '  end',
    ]),
    ...lines.map(({ from, to, label, twoWay }) => `  ${from} ${twoWay ? '<-->' : '-->'}|${text(label)}| ${to}`),
    ...lines.flatMap(({ mark }, index) => (mark === undefined ? [] : [`  linkStyle ${index} ${style(mark)}`])),
    ...[...new Set(used)].sort().map((mark) => `  classDef ${CLASSES[mark]} ${style(mark)}`),
    '',
  ].join('\n');
}

function dot(name: string, { regions, lines }: Drawing): string {
  const text = (label: string): string => `"${label.replaceAll(/["\\]/g, (c) => `\\${c}`)}"`;
  const attributes = (mark: Mark | undefined): string =>
    mark === undefined ? '' : `, color="${COLOURS[mark]}", penwidth=2${mark === '-' ? ', style=dashed' : ''}`;
  return [
    `digraph ${text(name)} {`,
    '  rankdir=LR',
    ...regions.flatMap(({ id, label, boxes }) => [
      `  subgraph cluster_${id} {`,
      `    label=${text(label)}`,
      ...boxes.map(
        (box) =>
          `    ${box.id} [label=${text(box.label)}, shape=${box.kind === 'database' ? 'cylinder' : 'box'}${attributes(box.mark)}]`,
      ),
      '  }',
    ]),
    ...lines.map(
      ({ from, to, label, twoWay, mark }) =>
        `  ${from} -> ${to} [label=${text(label)}${twoWay ? ', dir=both' : ''}${attributes(mark)}]`,
    ),
    '}',
    '',
  ].join('\n');
}
