/**
 * A stream of a service, with the manners that every link promises, whatever the service does.
 *
 * Rule: an abort ends `open` and every pending read at once, with the signal's reason; disposing ends a pending read as the
 * end of the stream; leaving early, by whatever way, disposes of the service's stream; other errors leave as OtterErrors.
 */
import type { PipelineRequest, PipelineService, PipelineStream } from '../model/ports.ts';
import type { Delivery } from '../model/row.ts';
import { linkError } from './messages.ts';

export async function openStream(
  service: PipelineService,
  request: PipelineRequest,
  signal: AbortSignal,
): Promise<PipelineStream> {
  signal.throwIfAborted();
  const opening = service.open(request, signal);
  try {
    return guarded(await orAborted(opening, signal), signal);
  } catch (error) {
    if (!signal.aborted) throw linkError(error);
    void opening.then((late) => late[Symbol.asyncDispose]()).catch(() => {});
    throw signal.reason;
  }
}

function guarded(inner: PipelineStream, signal: AbortSignal): PipelineStream {
  const disposed = new AbortController();
  const ended = AbortSignal.any([signal, disposed.signal]);
  async function* deliveries(): AsyncGenerator<readonly Delivery[], void> {
    const iterator = inner.deliveries[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (;;) {
        const result = await orAborted(iterator.next(), ended);
        if (result.done === true) {
          finished = true;
          return;
        }
        yield result.value;
      }
    } catch (error) {
      if (disposed.signal.aborted) return;
      if (signal.aborted) throw signal.reason;
      finished = true;
      throw linkError(error);
    } finally {
      // Not awaited: a service that hangs in a read hangs in this too.
      if (!finished) iterator.return?.().catch(() => {});
    }
  }
  return {
    opening: inner.opening,
    get priority() {
      return inner.priority ?? 0;
    },
    deliveries: deliveries(),
    acknowledge: (position) => inner.acknowledge(position),
    [Symbol.asyncDispose]: async () => {
      disposed.abort();
      await inner[Symbol.asyncDispose]();
    },
  };
}

/** The promise's outcome, or the signal's reason if that comes first. Leaves no listener behind. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}
