/** What a flow tells of itself. */
import { messageOf, OtterError } from '../model/error.ts';
import type { ErrorRecord, FileFlowFigures, Phase } from '../model/records.ts';

const RATE_MS = 5_000;

export class Figures {
  phase: Phase = 'pending';
  observedGeneration = 0;
  backlogFiles = 0;
  backlogBytes = 0;
  conflicts = 0;
  error: ErrorRecord | null = null;
  waiting: string | null = null;
  #filesDone = 0;
  #bytesDone = 0;
  #bytesReceived = 0;
  /** Bytes by when they came, of the last seconds. */
  readonly #recent: { readonly atMs: number; readonly bytes: number }[] = [];

  done(bytes: number): void {
    this.#filesDone += 1;
    this.#bytesDone += bytes;
    this.backlogFiles = Math.max(0, this.backlogFiles - 1);
    this.backlogBytes = Math.max(0, this.backlogBytes - bytes);
  }

  received(bytes: number): void {
    this.#bytesReceived += bytes;
    const atMs = performance.now();
    const last = this.#recent.at(-1);
    if (last !== undefined && atMs - last.atMs < 100)
      this.#recent[this.#recent.length - 1] = { atMs: last.atMs, bytes: last.bytes + bytes };
    else this.#recent.push({ atMs, bytes });
    while (this.#recent.length > 0 && atMs - this.#recent[0]!.atMs > RATE_MS) this.#recent.shift();
  }

  failed(error: unknown): ErrorRecord {
    const known = error instanceof OtterError ? error : new OtterError('OT9001', messageOf(error), { cause: error });
    this.error = { code: known.code, message: known.message, hint: known.hint ?? null };
    return this.error;
  }

  read(more: Pick<FileFlowFigures, 'refused' | 'failures' | 'missing'>): FileFlowFigures {
    const now = performance.now();
    const recent = this.#recent.filter(({ atMs }) => now - atMs <= RATE_MS);
    return {
      phase: this.phase,
      observedGeneration: this.observedGeneration,
      backlogFiles: this.backlogFiles,
      backlogBytes: this.backlogBytes,
      filesDone: this.#filesDone,
      bytesDone: this.#bytesDone,
      bytesReceived: this.#bytesReceived,
      bytesPerSecond: Math.round((recent.reduce((sum, { bytes }) => sum + bytes, 0) / RATE_MS) * 1000),
      conflicts: this.conflicts,
      ...more,
      error: this.error,
      waiting: this.waiting,
    };
  }
}
