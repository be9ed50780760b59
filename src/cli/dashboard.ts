/** `otter dashboard`: the status, alive, in the terminal; and a session of it that was recorded, once more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Recorded, readRecording, recordedLine, recordingHead } from '../dashboard/recording.ts';
import { type DashboardOptions, runDashboard } from '../dashboard/run.ts';
import type { DashboardItem } from '../dashboard/store.ts';
import { messageOf, OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { deskOf } from './desk.ts';
import { reportOrNodes, reports } from './status.ts';

export interface DashboardFlags extends CommonOptions {
  readonly once?: boolean;
  readonly ascii?: boolean;
  readonly write?: boolean;
  readonly open?: string;
  readonly record?: string;
  readonly replay?: string;
  readonly speed?: string;
}

const SPEED_MAX = 1_000;

export async function dashboard(context: Context, options: DashboardFlags): Promise<number> {
  if (options.json === true) {
    throw new OtterError('OT7001', '`otter dashboard` draws and has no JSON', {
      hint: '`otter status --json` says the same as data, `otter status --watch --json` again and again.',
    });
  }
  if (options.replay !== undefined) return replay(context, options, options.replay);
  if (options.speed !== undefined) throw usage('--speed is for --replay', 'otter dashboard --replay FILE --speed 10');
  const { once, write: writes, record, replay: _, speed: __, ascii: ___, open: ____, ...common } = options;
  const name = topologyName(context, common, loadTopology);
  await using store = storeToRead(context, common);
  // Who looks once wants an answer; who stays sees it come.
  if (once === true) await reportOrNodes(store, name, context, common);
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  let failed: unknown = null;
  const write = record === undefined ? null : recorder(context, name, record);
  const heard = (item: DashboardItem): void => {
    try {
      if (failed === null) write?.(item);
    } catch (error) {
      failed = error;
      ended.abort();
    }
  };
  try {
    await runDashboard({
      ...outside(context, options),
      source: reports(store, name, context, common, signal),
      desk: deskOf(store, name, context, { ...common, write: writes === true }),
      heard,
      now: context.now,
      signal,
    });
  } finally {
    ended.abort();
  }
  if (failed !== null) {
    throw new OtterError('OT7003', `${record!} cannot be written any more: ${messageOf(failed)}`, { cause: failed });
  }
  return EXIT.done;
}

type Outside = Pick<DashboardOptions, 'stdout' | 'stdin' | 'env' | 'ascii' | 'noColour' | 'once' | 'open'>;

function outside(context: Context, { ascii, color, once, open }: DashboardFlags): Outside {
  const { terminal: stdout, stdin, env } = context;
  return { stdout, stdin, env, ascii, noColour: color === false ? true : undefined, once, open };
}

/** Every item is in the file when it is shown. */
function recorder(context: Context, topology: string, file: string): (item: DashboardItem) => void {
  const lines = context.parts.openLines(file);
  lines.write(recordingHead(topology));
  return (item) => {
    const line = recordedLine(item, context.now());
    if (line !== null) lines.write(line);
  };
}

// ---------------------------------------------------------------- a recording

/** At the pace at which it was recorded, by the clock of then; needs no state store. */
async function replay(context: Context, options: DashboardFlags, file: string): Promise<number> {
  if (options.record !== undefined || options.write === true) {
    throw usage('--replay shows what was, and neither records nor writes', `otter dashboard --replay ${file}`);
  }
  const speed = options.speed === undefined ? 1 : Number(options.speed);
  if (!(speed > 0 && speed <= SPEED_MAX)) {
    throw usage(
      `--speed ${options.speed!} is not a number up to ${SPEED_MAX}`,
      `otter dashboard --replay ${file} --speed 10`,
    );
  }
  const recorded = readRecording(context.parts.readLines(file), file);
  const first = recorded.next();
  // A file without any was refused.
  if (first.done === true) return EXIT.done;
  const clock = new RecordedClock(first.value, recorded, options.once === true ? null : speed);
  await runDashboard({
    ...outside(context, options),
    source: clock.items(context.signal, context.terminal.isTTY === true),
    desk: null,
    now: clock.now,
    signal: context.signal,
  });
  return EXIT.done;
}

/** Items at the pace at which they were recorded, and the time of then. */
class RecordedClock {
  readonly #first: Recorded;
  readonly #rest: Iterable<Recorded>;
  /** Null: as fast as they are taken. */
  readonly #speed: number | null;
  readonly #begun = performance.now();
  /** Of the newest that was taken, or is waited for: the time of then goes no further. */
  #atMs: number;

  constructor(first: Recorded, rest: Iterable<Recorded>, speed: number | null) {
    [this.#first, this.#rest, this.#speed] = [first, rest, speed];
    this.#atMs = first.at;
  }

  readonly now = (): number => {
    if (this.#speed === null) return this.#atMs;
    const then = this.#first.at + (performance.now() - this.#begun) * this.#speed;
    return Math.min(then, this.#atMs);
  };

  /** @param stays after the last item: its picture stands until somebody leaves */
  async *items(signal: AbortSignal, stays: boolean): AsyncGenerator<DashboardItem, void, void> {
    yield this.#first.item;
    for (const { at, item } of this.#rest) {
      this.#atMs = at;
      const wait = this.#speed === null ? 0 : (at - this.now()) / this.#speed;
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      yield item;
    }
    if (!stays || this.#speed === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }
}

function usage(message: string, example: string): OtterError {
  return new OtterError('OT7001', message, { hint: `For example: ${example}` });
}
