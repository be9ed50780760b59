/** Measures the way of one pipeline's windows, where somebody follows them one by one. */
import { messageOf, OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { TraceStage, Traces, WindowTrace } from '../model/traces.ts';
import type { Window } from './feed.ts';

type Stages = WindowTrace['stages'][number][];

/** Milliseconds since 1970: a clock that never goes back while the process runs. */
const now = (): number => performance.timeOrigin + performance.now();

export class WindowTraces {
  readonly #traces: Traces;
  readonly #topology: string;
  readonly #spec: () => PipelineSpec;
  /** What was made ahead. */
  readonly #prepared = new WeakMap<Window, Stages>();

  constructor(traces: Traces, topology: string, spec: () => PipelineSpec) {
    this.#traces = traces;
    this.#topology = topology;
    this.#spec = spec;
  }

  prepare(window: Window, work: () => void): void {
    const fromMs = now();
    work();
    this.#prepared.set(window, [{ stage: 'prepare', fromMs, toMs: now() }]);
  }

  /** Told when it is over, however it ended. @param apply is given what measures its stages */
  async apply(window: Window, apply: (stage: Staged) => Promise<void>): Promise<void> {
    const stages: Stages = this.#prepared.get(window) ?? [];
    // Its rows may be forgotten when it is written.
    const { rows, bytes, transactions } = sizeOf(window);
    const { gtid, clock } = window.deliveries.at(-1)!;
    let error: WindowTrace['error'] = null;
    try {
      await apply(async (stage, work) => {
        const fromMs = now();
        try {
          return await work();
        } finally {
          stages.push({ stage, fromMs, toMs: now() });
        }
      });
    } catch (thrown) {
      error = { code: thrown instanceof OtterError ? thrown.code : 'OT9001', message: messageOf(thrown) };
      throw thrown;
    } finally {
      const { name, channel, source, target } = this.#spec();
      const ageMs = clock === 0 ? null : Math.max(0, now() - clock / 1000);
      // Of a quiet source there is a beat every second.
      if (rows > 0 || transactions > 0 || error !== null)
        this.#traces.window({
          ...{ topology: this.#topology, channel, pipeline: name, source, target },
          ...{ rows, bytes, transactions, gtid, ageMs, stages, error },
        });
    }
  }
}

/** Measures a stage. */
export type Staged = <T>(stage: TraceStage, work: () => Promise<T>) => Promise<T>;

/** Where nobody follows them. */
export const untraced: Staged = (_, work) => work();

function sizeOf({ deliveries }: Window): Pick<WindowTrace, 'rows' | 'bytes' | 'transactions'> {
  let [rows, bytes, transactions] = [0, 0, 0];
  for (const delivery of deliveries) {
    bytes += delivery.bytes;
    if (delivery.kind === 'changes') {
      rows += delivery.changes.length;
      if (delivery.last) transactions += 1;
    } else if (delivery.kind === 'chunk') rows += delivery.chunk.rows.length;
    else if (delivery.kind === 'resync') rows += delivery.rows.length;
  }
  return { rows, bytes, transactions };
}
