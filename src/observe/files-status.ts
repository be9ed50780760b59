/** How file sets fare, out of what the state store holds: one part of `statusReport`; pure. */
import { compileFiles, type FileFlow, sideName } from '../model/files.ts';
import type { FileFlowFigures, NodeRecord, OwnerRecord, SpecRecord } from '../model/records.ts';
import type { FileFlowStatus, FilesStatus } from '../model/status.ts';

/** As of pipelines: a node that is silent for so long is away, whatever its lease says. */
const STALE_MS = 15_000;

interface Told {
  readonly nodes: Readonly<Record<string, NodeRecord>>;
  readonly owners: Readonly<Record<string, OwnerRecord>>;
}

const NOTHING: FileFlowFigures = {
  phase: 'pending',
  observedGeneration: 0,
  backlogFiles: 0,
  backlogBytes: 0,
  filesDone: 0,
  bytesDone: 0,
  bytesReceived: 0,
  bytesPerSecond: 0,
  conflicts: 0,
  refused: 0,
  failures: 0,
  error: null,
  waiting: null,
};

export function filesStatus(
  name: string,
  { spec, generation }: SpecRecord<'files'>,
  records: Told,
  nowMs: number,
): FilesStatus {
  const flows = compileFiles(name, spec).map((flow) => flowStatus(flow, records, nowMs));
  const ready = flows.every(
    ({ phase, observed_generation, failures }) =>
      phase === 'streaming' && failures === 0 && observed_generation >= generation,
  );
  return { name, ready, generation, flows };
}

function flowStatus({ name, set, source, target }: FileFlow, { nodes, owners }: Told, nowMs: number): FileFlowStatus {
  const node = owners[sideName(set, target)]?.node ?? null;
  const record = node === null ? undefined : nodes[node];
  const here = record !== undefined && nowMs - record.updatedMs < STALE_MS;
  const figures = here ? record.files?.[name] : undefined;
  const why =
    node === null
      ? `no node serves region ${target}`
      : here
        ? `node ${node} has not reported yet`
        : `node ${node} is away`;
  const told = figures ?? { ...NOTHING, waiting: why };
  return {
    name,
    source,
    target,
    node,
    phase: told.phase,
    backlog_files: told.backlogFiles,
    backlog_bytes: told.backlogBytes,
    files_done: told.filesDone,
    bytes_done: told.bytesDone,
    bytes_received: told.bytesReceived,
    bytes_per_second: told.bytesPerSecond,
    conflicts: told.conflicts,
    refused: told.refused,
    failures: told.failures,
    missing: told.missing ?? 0,
    observed_generation: told.observedGeneration,
    error: told.error,
    waiting: told.waiting,
  };
}
