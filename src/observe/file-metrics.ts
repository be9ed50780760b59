/** What is measured of flows of files, by the node that serves the target's side. */
import type { NodeMeasures } from '../model/measures.ts';
import type { FileFlowFigures, Phase } from '../model/records.ts';
import type { MetricSpec, Sample } from './metric-spec.ts';

const LABELS = ['set', 'flow', 'source', 'target'] as const;
const PHASES: readonly Phase[] = ['pending', 'copying', 'streaming', 'paused', 'stopped', 'failed'];

type Told = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** Of `files.set/source>target`. */
function labelsOf(flow: string): Readonly<Record<string, string>> {
  const [, set = '', source = '', target = ''] = /^files\.([^/]+)\/([^>]+)>(.+)$/s.exec(flow) ?? [];
  return { set, flow, source, target };
}

function ofFlows({ record }: NodeMeasures, told: (figures: FileFlowFigures) => Told): readonly Sample[] {
  return Object.entries(record.files ?? {}).flatMap(([flow, figures]) =>
    told(figures).map(([more, value]) => ({ labels: { ...labelsOf(flow), ...more }, value })),
  );
}

function metric(
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  told: (figures: FileFlowFigures) => Told | number,
  more: readonly string[] = [],
): MetricSpec {
  return {
    name: `otter_files_${name}`,
    type,
    help,
    labels: [...LABELS, ...more],
    read: (node) =>
      ofFlows(node, (figures) => {
        const value = told(figures);
        return typeof value === 'number' ? [[{}, value]] : value;
      }),
  };
}

export const byFlow: readonly MetricSpec[] = [
  metric(
    'gauge',
    'backlog',
    'Files that are known of at the source and are not here yet.',
    ({ backlogFiles }) => backlogFiles,
  ),
  metric('gauge', 'backlog_bytes', 'Bytes of those.', ({ backlogBytes }) => backlogBytes),
  metric(
    'gauge',
    'missing',
    'Files that rows name and that the source does not have; they are looked for again.',
    ({ missing }) => missing ?? 0,
  ),
  metric('gauge', 'failing', 'Files that could not be brought, and are tried again.', ({ failures }) => failures),
  metric(
    'gauge',
    'refused',
    "Links, devices and what cannot be read at the target's root: left alone.",
    ({ refused }) => refused,
  ),
  metric(
    'gauge',
    'phase',
    '1 for the phase that the flow is in, 0 for the others.',
    ({ phase }) => PHASES.map((each) => [{ phase: each }, each === phase ? 1 : 0]),
    ['phase'],
  ),
  metric(
    'gauge',
    'error',
    '1 while the flow cannot go on, with the code that `otter explain` knows; else absent.',
    ({ error }) => (error === null ? [] : [[{ code: error.code }, 1]]),
    ['code'],
  ),
  metric('counter', 'done_total', 'Files that were brought or found to be here.', ({ filesDone }) => filesDone),
  metric('counter', 'bytes_total', 'Bytes of those files.', ({ bytesDone }) => bytesDone),
  metric(
    'counter',
    'received_bytes_total',
    'Bytes that came over the link for them: less where blocks or whole files were here already.',
    ({ bytesReceived }) => bytesReceived,
  ),
  metric(
    'counter',
    'conflicts_total',
    'Files that two regions had written, of which one is kept beside the other.',
    ({ conflicts }) => conflicts,
  ),
];
