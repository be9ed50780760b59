/** What is measured of pipelines, by the node that owns the target unless it says otherwise. */
import { type FeedMeasures, type LoadMeasures, type NodeMeasures, OPERATIONS, type Spread } from '../model/measures.ts';
import type { Phase, PipelineFigures } from '../model/records.ts';
import type { MetricSpec, Sample, SpreadSample } from './metric-spec.ts';

const LABELS = ['channel', 'pipeline', 'source', 'target'] as const;
const PHASES: readonly Phase[] = ['pending', 'copying', 'streaming', 'paused', 'stopped', 'failed'];

type Labels = Readonly<Record<string, string>>;
type Told = readonly (readonly [labels: Labels, value: number | null])[];

/** `channel/source>target`, as people say it. */
function labelsOf({ shown }: NodeMeasures, pipeline: string): Labels {
  const [, channel = '', source = '', target = ''] = /^([^/]+)\/([^>]+)>(.+)$/s.exec(pipeline) ?? [];
  const [of, from, to] = [shown('channel', channel), shown('database', source), shown('database', target)];
  return { channel: of, pipeline: `${of}/${from}>${to}`, source: from, target: to };
}

function samples(told: readonly (readonly [Labels, Told])[]): readonly Sample[] {
  return told.flatMap(([labels, values]) =>
    values.flatMap(([more, value]) => (value === null ? [] : [{ labels: { ...labels, ...more }, value }])),
  );
}

function ofFigures(node: NodeMeasures, told: (figures: PipelineFigures) => Told): readonly Sample[] {
  return samples(
    Object.entries(node.record.pipelines).map(([name, figures]) => [labelsOf(node, name), told(figures)] as const),
  );
}

function figure(told: (figures: PipelineFigures) => number | null): (node: NodeMeasures) => readonly Sample[] {
  return (node) => ofFigures(node, (figures) => [[{}, told(figures)]]);
}

function loads(node: NodeMeasures): readonly (readonly [string, LoadMeasures])[] {
  return Object.values(node.sites).flatMap(({ into }) => Object.entries(into));
}

function feeds(node: NodeMeasures): readonly (readonly [string, FeedMeasures])[] {
  return Object.values(node.sites).flatMap(({ out }) => Object.entries(out));
}

function ofLoads(told: (load: LoadMeasures) => Told): (node: NodeMeasures) => readonly Sample[] {
  return (node) => samples(loads(node).map(([name, load]) => [labelsOf(node, name), told(load)] as const));
}

function spreads(told: (load: LoadMeasures) => Spread): (node: NodeMeasures) => readonly SpreadSample[] {
  return (node) => loads(node).map(([name, load]) => ({ labels: labelsOf(node, name), ...told(load) }));
}

function stages(node: NodeMeasures): readonly Sample[] {
  const read = feeds(node).map(([name, { extractSeconds, transformSeconds, transferSeconds }]) => {
    const told: Told = [
      [{ stage: 'extract' }, extractSeconds],
      [{ stage: 'transform' }, transformSeconds],
      [{ stage: 'transfer' }, transferSeconds],
    ];
    return [labelsOf(node, name), told] as const;
  });
  const written = loads(node).map(([name, { prepareSeconds, loadSeconds }]) => {
    const told: Told = [
      [{ stage: 'prepare' }, prepareSeconds],
      [{ stage: 'load' }, loadSeconds],
    ];
    return [labelsOf(node, name), told] as const;
  });
  return samples([...read, ...written]);
}

function conflicts({ conflicts: counts }: LoadMeasures): Told {
  return Object.entries(counts).map(([outcome, count]) => {
    const [kind = '', winner = ''] = outcome.split(' ');
    return [{ kind, winner }, count] as const;
  });
}

const seconds = (ms: number | null | undefined): number | null => (ms == null ? null : ms / 1000);

function gauge(
  name: string,
  help: string,
  read: (node: NodeMeasures) => readonly Sample[],
  more: string[] = [],
): MetricSpec {
  return { name: `otter_pipeline_${name}`, type: 'gauge', help, labels: [...LABELS, ...more], read };
}

function counter(
  name: string,
  help: string,
  read: (node: NodeMeasures) => readonly Sample[],
  more: string[] = [],
): MetricSpec {
  return { name: `otter_pipeline_${name}_total`, type: 'counter', help, labels: [...LABELS, ...more], read };
}

function histogram(name: string, help: string, read: (node: NodeMeasures) => readonly SpreadSample[]): MetricSpec {
  return { name: `otter_pipeline_${name}`, type: 'histogram', help, labels: LABELS, read };
}

export const byPipeline: readonly MetricSpec[] = [
  gauge(
    'lag_seconds',
    'Age of the newest heartbeat of the source when it was applied, and when heartbeats stay away, its age now; absent before the first and while the pipeline does not run.',
    figure(({ lagMs }) => seconds(lagMs)),
  ),
  gauge(
    'phase',
    '1 for the phase that the pipeline is in, 0 for the others.',
    (node) => ofFigures(node, ({ phase }) => PHASES.map((each) => [{ phase: each }, each === phase ? 1 : 0] as const)),
    ['phase'],
  ),
  gauge(
    'error',
    '1 while the pipeline cannot go on, with the code that `otter explain` knows; else absent.',
    (node) => ofFigures(node, ({ error }) => (error === null ? [] : [[{ code: error.code }, 1]])),
    ['code'],
  ),
  gauge(
    'generation',
    'Generation of its channel that the pipeline runs.',
    figure(({ observedGeneration }) => observedGeneration),
  ),
  gauge(
    'last_write_timestamp_seconds',
    'When rows were last written by the pipeline, in seconds since 1970; absent before the first.',
    ofLoads(({ lastWriteMs }) => [[{}, seconds(lastWriteMs)]]),
  ),
  counter(
    'rows',
    'Rows that the pipeline wrote or decided, by what was done: a change of a user, an existing row copied, one sent again, or one in answer to a refused change. Rows of a transaction that had to be written anew count again.',
    ofLoads(({ rows }) => OPERATIONS.map((operation) => [{ operation }, rows[operation]] as const)),
    ['operation'],
  ),
  counter(
    'bytes',
    'Rough size in memory of these rows.',
    ofLoads(({ bytes }) => OPERATIONS.map((operation) => [{ operation }, bytes[operation]] as const)),
    ['operation'],
  ),
  counter(
    'transactions',
    'Transactions of users that the pipeline wrote.',
    ofLoads(({ transactions }) => [[{}, transactions]]),
  ),
  histogram(
    'window_rows',
    'Rows in a window: whole transactions that are written as one.',
    spreads(({ windowRows }) => windowRows),
  ),
  histogram(
    'window_seconds',
    'Time that a window with rows took to be written and committed.',
    spreads(({ windowSeconds }) => windowSeconds),
  ),
  counter(
    'stage_seconds',
    'Time spent in a stage. The node that owns the source tells extract (which changes are the pipeline’s), transform (filters, columns, expressions) and transfer (until the line, or a slow target, took them); the one that owns the target prepare (statements of the next window) and load (writing and committing). The stage before all of them is otter_reader_select_seconds_total.',
    stages,
    ['stage'],
  ),
  counter(
    'idle_seconds',
    'Time in which the target had nothing to write for the pipeline.',
    ofLoads(({ idleSeconds }) => [[{}, idleSeconds]]),
  ),
  counter(
    'stall_seconds',
    'Time in which a window waited to be tried again because the target was busy: a lock, a deadlock, a reader that is behind.',
    ofLoads(({ stallSeconds }) => [[{}, stallSeconds]]),
  ),
  counter(
    'sent_bytes',
    'Rough size in memory of what was given out towards the target, before it is packed; told by the node that owns the source.',
    (node) => samples(feeds(node).map(([name, { bytes }]) => [labelsOf(node, name), [[{}, bytes]]] as const)),
  ),
  counter(
    'conflicts',
    'Conflicts that were decided, or are kept for a person, by what the two writes did (incoming/local) and whose row stands; `unrecorded`: of tables that keep no conflict log.',
    ofLoads(conflicts),
    ['kind', 'winner'],
  ),
  gauge(
    'conflicts_open',
    'Conflicts that wait for a person.',
    figure(({ open }) => open ?? null),
  ),
  gauge(
    'dead_letters',
    'Changes that are set aside in otter.dead_letter.',
    figure(({ deadLetters }) => deadLetters ?? null),
  ),
  counter(
    'drift_rows',
    'Rows that were not as the log said they should be, and were put right.',
    figure(({ drift }) => drift),
  ),
  gauge(
    'copy_tables',
    'Tables whose existing rows are being copied or are copied; absent while nothing is copied, as are the others of the copy.',
    figure(({ copy }) => copy?.tablesTotal ?? null),
  ),
  gauge(
    'copy_tables_done',
    'Those of them that are copied.',
    figure(({ copy }) => copy?.tablesDone ?? null),
  ),
  gauge(
    'copy_rows',
    'Rows to copy, by the estimate of the server.',
    figure(({ copy }) => copy?.rowsTotal ?? null),
  ),
  gauge(
    'copy_rows_done',
    'Rows that are copied.',
    figure(({ copy }) => copy?.rowsDone ?? null),
  ),
  gauge(
    'copy_eta_seconds',
    'How much longer the copy takes at its present pace; absent while that cannot be said.',
    figure(({ copy }) => seconds(copy?.etaMs)),
  ),
  gauge(
    'index_entries',
    'Entries of the index of recent writes by which conflicts are found; only where the target decides.',
    figure(({ index }) => index?.entries ?? null),
  ),
  gauge(
    'index_memory_bytes',
    'Memory of that index.',
    figure(({ index }) => index?.bytes ?? null),
  ),
  gauge(
    'index_memory_limit_bytes',
    'What it may take of memory before its oldest entries go to a file.',
    figure(({ index }) => index?.limitBytes ?? null),
  ),
  gauge(
    'index_file_bytes',
    'Size of that file; 0: there is none.',
    figure(({ index }) => index?.fileBytes ?? null),
  ),
];
