/** Nodes as a list, and one of them alone: what it owns, what it takes of its machine, when its lease was renewed. */
import type { NodeStatus, StatusReport } from '../model/status.ts';
import { fact, labelled } from './facts.ts';
import { allPipelines, clock, duration, megabytes } from './figures.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { BLANK, type Line, line, printable, span, wrap } from './text.ts';

export function nodeList(report: StatusReport, { glyphs, nowMs }: Paint): ListOf<NodeStatus> {
  const none = span(glyphs.none, 'dim');
  return {
    rows: report.nodes,
    name: ({ name }) => name,
    texts: (node) => [node.name, node.region, node.alive ? 'alive' : 'away', node.host ?? '', ...node.databases],
    columns: [
      { title: 'NODE', drop: 0, width: 10, cell: (node) => [span(node.name)], by: ({ name }) => name },
      { title: 'STATE', drop: 0, cell: (node) => stateOf(node, glyphs), by: ({ alive }) => (alive ? 1 : 0) },
      { title: 'REGION', drop: 3, cell: (node) => [span(node.region)], by: ({ region }) => region },
      {
        title: 'OWNS',
        drop: 1,
        cell: (node) => [node.databases.length === 0 ? none : span(node.databases.join(', '))],
        by: ({ databases }) => databases.length,
      },
      {
        title: 'PIPELINES',
        align: 'right',
        drop: 5,
        cell: (node) => [span(String(carried(report, node)))],
        by: (node) => carried(report, node),
      },
      {
        title: 'CPU',
        align: 'right',
        width: 5,
        drop: 2,
        cell: ({ cpu_percent }) => [
          cpu_percent === null ? none : span(`${cpu_percent}%`, cpu_percent >= 90 ? 'warn' : 'plain'),
        ],
        by: ({ cpu_percent }) => cpu_percent,
      },
      {
        title: 'MEMORY',
        align: 'right',
        width: 8,
        drop: 2,
        cell: ({ rss_bytes }) => [rss_bytes === null ? none : span(megabytes(rss_bytes))],
        by: ({ rss_bytes }) => rss_bytes,
      },
      {
        title: 'LEASE',
        align: 'right',
        width: 8,
        drop: 4,
        cell: ({ reported }) => [reported === null ? none : span(`${age(reported, nowMs)} ago`)],
        by: ({ reported }) => reported,
      },
      {
        title: 'UP',
        align: 'right',
        width: 7,
        drop: 6,
        cell: ({ started }) => [started === null ? none : span(age(started, nowMs))],
        by: ({ started }) => started,
      },
      {
        title: 'HOST',
        drop: 8,
        cell: ({ host }) => [host === null ? none : span(printable(host), 'dim')],
        by: ({ host }) => host,
      },
      { title: 'VERSION', drop: 7, cell: ({ version }) => [version === null ? none : span(printable(version))] },
    ],
    none: 'No node is declared.',
    open: ({ name }) => ({ kind: 'node', name }),
    about: ({ name }) => `node.${name}`,
  };
}

export function nodeLines(report: StatusReport, name: string, { glyphs, nowMs, columns }: Paint): Line[] {
  const node = report.nodes.find((one) => one.name === name);
  if (node === undefined) return [line(`  Node ${name} is gone.`)];
  const into = allPipelines(report).filter((pipeline) => pipeline.node === name);
  const out = allPipelines(report).filter(
    (pipeline) => pipeline.node !== name && node.databases.includes(pipeline.source),
  );
  const list = (names: readonly string[]): string => (names.length === 0 ? glyphs.none : names.join(', '));
  const width = Math.max(20, columns - 20);
  const rows = (label: string, names: readonly string[]): Line[] => labelled(label, wrap(list(names), width), 'plain');
  const start = `otter node ${name} -t ${report.topology}`;
  return [
    line(span(`   ${name}`, 'accent'), '   ', ...stateOf(node, glyphs)),
    BLANK,
    ...(node.alive ? [] : [fact('To start it', span(start, 'warn'), span('   on its machine', 'dim')), BLANK]),
    ...(node.error === null
      ? []
      : [
          fact('Error', span(node.error.code, 'bad')),
          ...labelled('', wrap(node.error.message, width), 'plain'),
          ...(node.error.hint === null ? [] : labelled('', wrap(`${glyphs.hint} ${node.error.hint}`, width), 'warn')),
          BLANK,
        ]),
    fact('Region', node.region),
    fact(
      'Host',
      printable(node.host ?? glyphs.none),
      span(`   links at ${printable(node.address ?? glyphs.none)}`, 'dim'),
    ),
    fact('Version', printable(node.version ?? glyphs.none)),
    BLANK,
    ...rows('Owns', node.databases),
    ...rows(
      'Writes',
      into.map((one) => one.name),
    ),
    ...rows(
      'Reads',
      out.map((one) => one.name),
    ),
    BLANK,
    fact('CPU', node.cpu_percent === null ? glyphs.none : `${node.cpu_percent}% of a core`),
    fact('Memory', node.rss_bytes === null ? glyphs.none : megabytes(node.rss_bytes)),
    fact(
      'Lease',
      node.reported === null
        ? span('none: its record is gone from the state store', 'bad')
        : span(`renewed ${age(node.reported, nowMs)} ago, at ${clock(Date.parse(node.reported))}`),
    ),
    fact(
      'Up',
      node.started === null
        ? glyphs.none
        : `${age(node.started, nowMs)}, since ${node.started.slice(0, 19).replace('T', ' ')} UTC`,
    ),
  ];
}

function stateOf({ alive, error }: NodeStatus, glyphs: Paint['glyphs']): Line {
  if (!alive) return [span(`${glyphs.away} away`, 'bad')];
  return error === null ? [span(`${glyphs.alive} alive`, 'good')] : [span(`${glyphs.away} ${error.code}`, 'bad')];
}

function carried(report: StatusReport, { name }: NodeStatus): number {
  return allPipelines(report).filter((pipeline) => pipeline.node === name).length;
}

function age(iso: string, nowMs: number): string {
  return duration(Math.max(0, nowMs - Date.parse(iso)));
}
