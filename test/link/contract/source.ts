/** A source database's owner as a link sees it, whose log is a numbered row per transaction, as long as one likes. */
import { randomBytes } from 'node:crypto';
import type { Logger, PipelineRequest, PipelineService, PipelineStream } from '../../../src/model/ports.ts';
import type { Delivery, Seen, TableShape } from '../../../src/model/row.ts';
import { tableOf } from '../deliveries.ts';

export const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export function request(from: number | null = null): PipelineRequest {
  return {
    pipeline: 'shop/hz>ca',
    generation: 1,
    from: from === null ? null : { position: positionOf(from), clock: from, seen: {} },
    copied: { 'shop.orders': { cursor: ["'7'"], done: false, rows: 7 } },
    known: {},
    making: {},
  };
}

export function positionOf(n: number): string {
  return `mariadb:0-1-${n}`;
}

export function numberOf(delivery: Delivery): number {
  return Number(delivery.position.slice(delivery.position.lastIndexOf('-') + 1));
}

export interface SourceOptions {
  /** The log ends after this transaction; the stream then ends, or fails with `failure`, or waits for ever. */
  readonly last?: number;
  readonly finally?: 'end' | 'wait';
  readonly failure?: unknown;
  readonly batchSize?: number;
  /** Size of each row; the values are random, so they do not pack. */
  readonly rowBytes?: number;
  readonly tables?: readonly TableShape[];
  readonly seenEvery?: number;
  readonly priority?: number;
}

export class NumberedSource implements PipelineService {
  readonly requests: PipelineRequest[] = [];
  readonly acknowledged: string[] = [];
  /** Bytes that were pulled from it so far, over all streams. */
  pulledBytes = 0;
  /** Streams that were opened, and that were let go of. */
  opened = 0;
  disposed = 0;
  readonly #options: SourceOptions;
  readonly #tables: readonly TableShape[];

  constructor(options: SourceOptions = {}) {
    this.#options = options;
    this.#tables = options.tables ?? [tableOf('orders'), tableOf('items')];
  }

  async open(asked: PipelineRequest, signal: AbortSignal): Promise<PipelineStream> {
    this.requests.push(asked);
    this.opened++;
    const from = asked.from === null ? 0 : Number(asked.from.position.slice('mariadb:0-1-'.length));
    const opening = {
      position: positionOf(from),
      clock: from,
      seen: { 'shop/ca>hz': 'mariadb:0-2-0' },
      logsCascades: true,
    };
    return {
      opening,
      priority: this.#options.priority ?? 0,
      deliveries: this.#deliveries(from, opening.seen, signal),
      acknowledge: (position) => this.acknowledged.push(position),
      [Symbol.asyncDispose]: async () => {
        this.disposed++;
      },
    };
  }

  async *#deliveries(from: number, firstSeen: Seen, signal: AbortSignal): AsyncGenerator<readonly Delivery[], void> {
    const { last = Number.POSITIVE_INFINITY, batchSize = 10, rowBytes = 64, seenEvery = 7 } = this.#options;
    let seen = firstSeen;
    for (let at = from; at < last; ) {
      const batch: Delivery[] = [];
      while (batch.length < batchSize && at < last) {
        at++;
        if (at % seenEvery === 0) seen = { 'shop/ca>hz': `mariadb:0-2-${at}` };
        batch.push(this.#transaction(at, seen, rowBytes));
      }
      this.pulledBytes += batch.length * rowBytes;
      yield batch;
    }
    if (this.#options.failure !== undefined) throw this.#options.failure;
    if (this.#options.finally !== 'wait') return;
    await new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  #transaction(n: number, seen: Seen, bytes: number): Delivery {
    const table = this.#tables[n % this.#tables.length]!;
    return {
      kind: 'changes',
      gtid: `0-1-${n}`,
      position: positionOf(n),
      seen,
      clock: n,
      bytes,
      first: true,
      last: true,
      changes: [{ kind: 'insert', table, fkChecks: true, after: [`${n}`, noise(n, bytes)] }],
    };
  }
}

/** Random texts are cut from here: they pack by a quarter at most, and making them costs nothing. */
const NOISE = randomBytes(6 << 20).toString('base64');

function noise(n: number, bytes: number): string {
  const at = (n * bytes) % (NOISE.length - bytes);
  return NOISE.slice(at, at + bytes);
}

/** Reads until so many deliveries have come, or to the end. */
export async function take(stream: PipelineStream, count = Number.POSITIVE_INFINITY): Promise<Delivery[]> {
  const got: Delivery[] = [];
  for await (const batch of stream.deliveries) {
    for (const delivery of batch) got.push(delivery);
    if (got.length >= count) break;
  }
  return got;
}

export function sequence(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i + 1);
}
