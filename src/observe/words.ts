/**
 * The state of a pipeline, and of a topology, in plain words: the one room behind `otter status`, its JSON and the dashboard.
 *
 * A sentence begins with what it is about, says how it stands, then why, then what waits for a person. Pure.
 */
import { UnreachableError } from '../model/error.ts';
import type { CopyStatus, NodeStatus, PipelineStatus, StatusReport } from '../model/status.ts';

/** A pipeline before it is worded. */
export type UnwordedPipeline = Omit<PipelineStatus, 'summary'>;
/** A report before it is worded. */
export type UnwordedReport = Omit<StatusReport, 'summary'>;

/** Below this nobody is behind: beats come once a second. */
const BEHIND_MS = 1_500;
/** A window that takes less is no reason for anything. */
const SLOW_WINDOW_MS = 50;

/** One sentence, without a full stop: `shop/ca>hz is 3 m behind: the target takes 240 ms for a window of 120 rows`. */
export function pipelineWords(pipeline: UnwordedPipeline): string {
  return [standing(pipeline), ...leftOver(pipeline)].join('; ');
}

function standing(pipeline: UnwordedPipeline): string {
  const { name, phase, waiting, error } = pipeline;
  switch (phase) {
    case 'pending':
      return `${name} has not begun${because(waiting)}`;
    case 'copying':
      return copying(pipeline);
    case 'streaming':
      return streaming(pipeline);
    case 'paused':
      return paused(pipeline);
    case 'stopped':
      return `${name} has stopped${because(error?.message ?? waiting)}`;
    case 'failed':
      return `${name} fails${because(error?.message ?? waiting)}`;
    default:
      throw new UnreachableError(phase satisfies never);
  }
}

function streaming({ name, lag_ms, waiting, window, rows_per_second, error }: UnwordedPipeline): string {
  const waits = waiting === null ? null : `it waits for ${waiting}`;
  if (lag_ms === null) return `${name} has not said how far it is${because(error?.message ?? waits)}`;
  if (lag_ms < BEHIND_MS && error !== null) return `${name} cannot go on at present: ${error.message}`;
  if (lag_ms < BEHIND_MS && waits === null) return `${name} is up to date`;
  const slow =
    window !== null && window.ms >= SLOW_WINDOW_MS && rows_per_second > 0
      ? `the target takes ${timeInWords(window.ms)} for a window of ${many(window.rows, 'row')}`
      : null;
  const still = rows_per_second === 0 ? 'nothing arrives from the source' : null;
  const reason = error?.message ?? waits ?? slow ?? still;
  return lag_ms < BEHIND_MS
    ? `${name} is up to date, but waits for ${waiting!}`
    : `${name} is ${timeInWords(lag_ms)} behind${because(reason)}`;
}

function copying({ name, lag_ms, copy, waiting, error }: UnwordedPipeline): string {
  const behind = lag_ms !== null && lag_ms >= BEHIND_MS ? `is ${timeInWords(lag_ms)} behind` : 'is being filled';
  const waits = waiting === null ? null : `it waits for ${waiting}`;
  return `${name} ${behind}: ${[copyWords(copy), error?.message ?? waits].filter((one) => one !== null).join('; ')}`;
}

/** `2 tables are being copied (43%, about 12 s to go)`. */
function copyWords(copy: CopyStatus | null): string {
  if (copy === null) return 'its tables are being copied';
  const left = copy.tables_total - copy.tables_done;
  const facts = [
    ...(copy.rows_total === 0 ? [] : [`${Math.min(99, Math.floor((100 * copy.rows_done) / copy.rows_total))}%`]),
    ...(copy.eta_ms === null ? [] : [`about ${timeInWords(copy.eta_ms)} to go`]),
  ];
  const what = left === 1 ? '1 table is being copied' : `${left} tables are being copied`;
  return facts.length === 0 ? what : `${what} (${facts.join(', ')})`;
}

function paused({ name, paused: rest, waiting }: UnwordedPipeline): string {
  if (rest === null || rest === undefined) {
    return `${name} rests: its channel is not enabled${waiting === null ? '' : `; ${waiting}`}`;
  }
  const until = rest.until === null ? '' : ` until ${rest.until}`;
  return `${name} was paused by ${rest.by}${until}${rest.reason === null ? '' : `, because ${rest.reason}`}`;
}

/** What is left for a person, however well it goes. */
function leftOver({ open_conflicts, dead_letters, drift }: UnwordedPipeline): string[] {
  return [
    ...(open_conflicts === 0
      ? []
      : [`${many(open_conflicts, 'conflict')} ${verb(open_conflicts, 'waits', 'wait')} for a decision`]),
    ...(dead_letters === 0 ? [] : [`${many(dead_letters, 'change')} ${verb(dead_letters, 'is', 'are')} set aside`]),
    ...(drift === 0
      ? []
      : [`${many(drift, 'row')} ${verb(drift, 'was', 'were')} other than the log said and put right`]),
  ];
}

/** How the whole stands, in one sentence without a full stop: the worst of it, or that all is well. */
export function topologyWords(report: UnwordedReport): string {
  const pipelines = report.channels.flatMap((channel) => channel.pipelines);
  if (pipelines.length === 0) return 'No channel is applied, so nothing is replicated';
  const away = report.nodes.filter((node) => !node.alive);
  const sentences = [...troubles(pipelines), ...(away.length === 0 ? [] : [awayWords(away)])];
  if (sentences.length > 0) return sentences.join('; ');
  const slowest = pipelines.reduce((a, b) => ((b.lag_ms ?? 0) > (a.lag_ms ?? 0) ? b : a));
  const all =
    pipelines.length === 1
      ? 'The only pipeline is'
      : pipelines.length === 2
        ? 'Both pipelines are'
        : `All ${pipelines.length} pipelines are`;
  return `${all} up to date, ${slowest.lag_ms === null ? 'as far as is known' : `${timeInWords(slowest.lag_ms)} at most`}`;
}

/** Said of the first how many there are in all. */
function troubles(pipelines: readonly UnwordedPipeline[]): string[] {
  const some = (test: (one: UnwordedPipeline) => boolean): number => pipelines.filter(test).length;
  const behind = pipelines.filter(({ phase, lag_ms }) => phase === 'streaming' && (lag_ms ?? 0) >= BEHIND_MS);
  const worst = timeInWords(Math.max(0, ...behind.map(({ lag_ms }) => lag_ms ?? 0)));
  const waits = some(
    ({ phase, lag_ms, waiting, error }) =>
      phase === 'streaming' && (lag_ms ?? 0) < BEHIND_MS && waiting !== null && error === null,
  );
  const found: readonly [count: number, one: string, more: string][] = [
    [some(({ phase }) => phase === 'failed'), 'fails', 'fail'],
    [some(({ phase }) => phase === 'stopped'), 'has stopped', 'have stopped'],
    [
      some(({ phase, error }) => (phase === 'streaming' || phase === 'copying') && error !== null),
      ...(['cannot go on at present', 'cannot go on at present'] as const),
    ],
    [behind.length, `is ${worst} behind`, `are up to ${worst} behind`],
    [some(({ phase }) => phase === 'pending'), 'has not begun', 'have not begun'],
    [some(({ phase }) => phase === 'copying'), 'is being filled', 'are being filled'],
    [some(({ phase }) => phase === 'paused'), 'rests', 'rest'],
    [waits, 'waits for something', 'wait for something'],
  ];
  return found
    .filter(([count]) => count > 0)
    .map(([count, one, more], index) => {
      const of = index === 0 ? ` of ${many(pipelines.length, 'pipeline')}` : '';
      return `${count}${of} ${count === 1 ? one : more}`;
    });
}

function awayWords(away: readonly NodeStatus[]): string {
  const names = away.slice(0, 3).map(({ name }) => name);
  const more = away.length - names.length;
  return `${away.length === 1 ? 'node' : 'nodes'} ${names.join(', ')}${more === 0 ? '' : ` and ${more} more`} ${verb(away.length, 'is', 'are')} away`;
}

/** `240 ms`, `12 s`, `3 m`, `2 h 5 m`, `3 d 4 h`: as it is said, not as it stands in a column. */
export function timeInWords(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} m`;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours < 24) return rest === 0 ? `${hours} h` : `${hours} h ${rest} m`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function because(reason: string | null): string {
  return reason === null ? '' : `: ${reason}`;
}

function many(count: number, word: string): string {
  return `${Math.round(count)} ${word}${Math.round(count) === 1 ? '' : 's'}`;
}

function verb(count: number, one: string, more: string): string {
  return count === 1 ? one : more;
}
