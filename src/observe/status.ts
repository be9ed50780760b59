/** The status of a topology out of what the state store holds; one pure function behind `otter status` and the dashboard. */

import type { AlertRecord } from '../model/alerts/records.ts';
import { compileChannel, isCompared, type PipelineSpec } from '../model/pipeline.ts';
import type {
  LockRecord,
  MetaRecord,
  NodeRecord,
  OwnerRecord,
  PauseRecord,
  PipelineFigures,
  PipelineRecord,
  SpecRecord,
  VerifiedRecord,
} from '../model/records.ts';
import {
  type AlertsStatus,
  type ChannelStatus,
  copyStatus,
  indexStatus,
  type PipelineStatus,
  type StatusReport,
} from '../model/status.ts';
import type { ChannelSpec } from '../model/topology.ts';
import { filesStatus } from './files-status.ts';
import { pipelineWords, topologyWords, type UnwordedPipeline, type UnwordedReport } from './words.ts';

/** The records of one topology, parsed. */
export interface TopologyRecords {
  readonly name: string;
  readonly meta: MetaRecord | null;
  readonly specs: {
    readonly region: Readonly<Record<string, SpecRecord<'region'>>>;
    readonly node: Readonly<Record<string, SpecRecord<'node'>>>;
    readonly database: Readonly<Record<string, SpecRecord<'database'>>>;
    readonly channel: Readonly<Record<string, SpecRecord<'channel'>>>;
    readonly files: Readonly<Record<string, SpecRecord<'files'>>>;
  };
  readonly nodes: Readonly<Record<string, NodeRecord>>;
  readonly owners: Readonly<Record<string, OwnerRecord>>;
  readonly pipelines: Readonly<Record<string, PipelineRecord>>;
  readonly lock: LockRecord | null;
  /** By address. Who asks the nodes does not know. */
  readonly pauses?: Readonly<Record<string, PauseRecord>>;
  /** By `CHANNEL/DATABASE`. Who asks the nodes does not know. */
  readonly verified?: Readonly<Record<string, VerifiedRecord>>;
  /** By name. Who asks the nodes does not know. */
  readonly alerts?: ReadonlyMap<string, AlertRecord>;
}

/** Figures older than this are those of a node that is away, whatever its lease says. */
const STALE_MS = 15_000;
/** Nodes report every second: what is older than this is no measure of now. Clocks may differ by less. */
const SILENT_MS = 5_000;

export function statusReport(records: TopologyRecords, nowMs: number): StatusReport {
  const { name, meta, specs, nodes, lock } = records;
  const byName = <T>(entries: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
  const report: UnwordedReport = {
    topology: name,
    serial: meta?.serial ?? 0,
    at: new Date(nowMs).toISOString(),
    regions: byName(specs.region).map(([region]) => ({
      name: region,
      databases: byName(specs.database).flatMap(([database, { spec }]) => (spec.region === region ? [database] : [])),
    })),
    nodes: byName(specs.node).map(([node, { spec }]) => {
      const record = nodes[node];
      return {
        name: node,
        region: spec.region,
        alive: record !== undefined,
        databases: record?.databases ?? [],
        endpoints: record?.endpoints ?? {},
        sides: record?.sides ?? [],
        rss_bytes: record?.rssBytes ?? null,
        cpu_percent: record?.cpuPercent ?? null,
        reported: record === undefined ? null : new Date(record.updatedMs).toISOString(),
        host: record?.host ?? null,
        address: record?.advertise ?? null,
        error: record?.error ?? null,
        warning: record?.warning ?? null,
        started: record === undefined ? null : new Date(record.startedMs).toISOString(),
        version: record?.version ?? null,
      };
    }),
    channels: byName(specs.channel).map(([channel, { spec, generation }]): ChannelStatus => {
      const pipelines = compileChannel(channel, spec).map((pipeline) =>
        pipelineStatus(pipeline, generation, records, nowMs),
      );
      const ready = pipelines.every(
        ({ phase, observed_generation }) => phase === 'streaming' && observed_generation >= generation,
      );
      const verify = verifyStatus(channel, spec, records.verified ?? {});
      return { name: channel, ready, generation, pipelines, verify };
    }),
    files: byName(specs.files).map(([files, record]) => filesStatus(files, record, records, nowMs)),
    applying: lock === null ? null : `${lock.holder} (${lock.operation} since ${lock.since})`,
    store_away: null,
    ...(records.alerts === undefined ? {} : { alerts: alertsStatus(records.alerts) }),
  };
  return { ...report, summary: topologyWords(report) };
}

function alertsStatus(records: ReadonlyMap<string, AlertRecord>): AlertsStatus {
  const incidents = [...records].flatMap(([alert, { incident }]) => (incident === null ? [] : [{ alert, incident }]));
  const deaf = incidents.flatMap(({ incident: { told } }) =>
    Object.entries(told).flatMap(([receiver, { error }]) =>
      error === null ? [] : [[receiver, { receiver, ...error }] as const],
    ),
  );
  return {
    firing: incidents.flatMap(({ alert, incident: { sinceMs, firedMs, endedMs, about } }) =>
      firedMs === null || endedMs !== null ? [] : [{ alert, since: new Date(sinceMs).toISOString(), about }],
    ),
    receivers: [...new Map(deaf).values()],
  };
}

/** Of each database that the channel writes to; null where it is not compared by itself. */
function verifyStatus(
  channel: string,
  spec: ChannelSpec,
  verified: NonNullable<TopologyRecords['verified']>,
): ChannelStatus['verify'] {
  if (spec.verify === undefined) return null;
  const targets = [
    ...new Set(
      compileChannel(channel, spec)
        .filter(isCompared)
        .map(({ target }) => target),
    ),
  ];
  return {
    every: spec.verify.every,
    databases: targets.map((database) => {
      const last = verified[`${channel}/${database}`];
      if (last === undefined) return { database, last: null };
      const { startedMs, endedMs, tables, skipped, rows, differing, busy, error } = last;
      const [started, ended] = [startedMs, endedMs].map((ms) => new Date(ms).toISOString()) as [string, string];
      return { database, last: { started, ended, tables, skipped, rows, differing, busy, error } };
    }),
  };
}

function pipelineStatus(
  pipeline: PipelineSpec,
  generation: number,
  records: TopologyRecords,
  nowMs: number,
): PipelineStatus {
  const { name, channel, source, target, enabled } = pipeline;
  const node = records.owners[target]?.node ?? null;
  const measured = measure(pipeline, node, records, nowMs);
  const whole = records.pauses?.[`channel.${channel}`] ?? null;
  const pause = whole ?? records.pauses?.[`pipeline.${name}`] ?? null;
  const rests = !enabled || pause !== null;
  const status: UnwordedPipeline = {
    name,
    source,
    target,
    node,
    ...(rests
      ? paused(measured, generation, node, pause, whole === null ? name.replace('>', ':') : channel)
      : measured),
    paused:
      pause === null
        ? null
        : { by: `${pause.by}@${pause.host}`, at: pause.at, reason: pause.reason, until: pause.until ?? null },
  };
  return { ...status, summary: pipelineWords(status) };
}

type Measured = Omit<UnwordedPipeline, 'name' | 'source' | 'target' | 'node'>;

function measure(
  { name, target }: PipelineSpec,
  owner: string | null,
  { nodes, pipelines }: TopologyRecords,
  nowMs: number,
): Measured {
  const node = owner === null ? undefined : nodes[owner];
  const figures = node?.pipelines[name];
  const ageMs = nowMs - (node?.updatedMs ?? 0);
  if (ageMs >= STALE_MS) return remembered(pipelines[name], target, owner);
  if (figures === undefined) return taken(pipelines[name], target, owner!);
  return ageMs < SILENT_MS ? live(figures) : stale(live(figures), owner!, node!.updatedMs);
}

function live(figures: PipelineFigures): Measured {
  return {
    phase: figures.phase,
    lag_ms: figures.lagMs,
    position: figures.position,
    rows_applied: figures.rowsApplied,
    rows_per_second: figures.rowsPerSecond,
    per_second: figures.perSecond ?? {},
    window: figures.window ?? null,
    conflicts: figures.conflicts,
    conflict_tables: figures.conflictTables ?? {},
    open_conflicts: figures.open ?? 0,
    dead_letters: figures.deadLetters ?? 0,
    drift: figures.drift,
    dry_run: figures.dry ?? null,
    observed_generation: figures.observedGeneration,
    copy: copyStatus(figures.copy),
    error: figures.error,
    waiting: figures.waiting,
    index: indexStatus(figures.index),
  };
}

/** What was measured a while ago: how far it had come still tells something, how fast it was does not. */
function stale(measured: Measured, node: string, sinceMs: number): Measured {
  const copy = measured.copy === null ? null : { ...measured.copy, eta_ms: null };
  const waiting = `node ${node}, silent since ${new Date(sinceMs).toISOString().slice(11, 19)} UTC`;
  return { ...measured, lag_ms: null, rows_per_second: 0, per_second: {}, copy, waiting };
}

/** What is meant to rest is shown so, whatever keeps its node from noticing. */
function paused(
  measured: Measured,
  generation: number,
  owner: string | null,
  pause: PauseRecord | null,
  what: string,
): Measured {
  const behind = measured.observed_generation < generation || (pause !== null && measured.phase !== 'paused');
  const late = behind && owner !== null;
  const byWhom =
    pause === null
      ? null
      : `\`otter resume ${what}\`: ${pause.by}@${pause.host} paused it at ${pause.at}${pause.until === undefined ? '' : ` until ${pause.until}`}${pause.reason === null ? '' : `, because ${pause.reason}`}`;
  return {
    ...measured,
    phase: 'paused',
    lag_ms: null,
    rows_per_second: 0,
    per_second: {},
    copy: null,
    error: null,
    waiting: late ? `node ${owner} has not stopped it yet` : byWhom,
  };
}

/** Its owner runs and has not told of it yet. What another node wrote down of it is not this one's to answer for. */
function taken(last: PipelineRecord | undefined, target: string, owner: string): Measured {
  const own = last?.node === owner ? last : undefined;
  const before = last === undefined || own !== undefined ? '' : `; before it was ${last.node}`;
  const measured = remembered(own, target, owner);
  return { ...measured, position: last?.position ?? null, waiting: `node ${owner} has not reported yet${before}` };
}

/** The last thing a node wrote down, and why there is nothing newer. */
function remembered(last: PipelineRecord | undefined, target: string, owner: string | null): Measured {
  const waiting =
    owner === null
      ? `no node owns ${target}${last === undefined ? '' : `; it was ${last.node}`}`
      : last === undefined
        ? `node ${owner} has not reported yet`
        : `node ${owner} is away`;
  return {
    phase: last?.phase === 'failed' ? 'failed' : 'pending',
    lag_ms: null,
    position: last?.position ?? null,
    rows_applied: 0,
    rows_per_second: 0,
    per_second: {},
    window: null,
    conflicts: 0,
    conflict_tables: {},
    open_conflicts: 0,
    dead_letters: 0,
    drift: 0,
    dry_run: null,
    observed_generation: last?.observedGeneration ?? 0,
    copy: null,
    error: last?.error ?? null,
    waiting,
    index: null,
  };
}
