/**
 * Whether a database's server answers at all.
 *
 * It is asked for nothing, on a line of its own: a server that is busy with a long statement, or has locked what somebody
 * waits for, answers all the same, one that is frozen or cut off does not. Rule kept: silence is told, over and over while it
 * lasts, and nothing is ended for it: what waits goes on when the server does. Unless a new line is answered while this one is not:
 * then something between the two has forgotten the lines that there were, and none of them ever says a word again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger } from '../model/ports.ts';

export interface PulseOptions {
  /** The database's name, for messages. */
  readonly name: string;
  /** Settles when the server has answered, or has said why not. */
  readonly ask: () => Promise<void>;
  readonly silent: (error: OtterError) => void;
  /** It answers again. */
  readonly heard: () => void;
  /**
   * Asked while it is silent: ends all lines if the server answers on a new one, and `isSilent` still holds after that. It fails where
   * the server does not.
   */
  readonly renew?: ((isSilent: () => boolean) => Promise<void>) | undefined;
  readonly now: () => number;
  readonly silentMs?: number | undefined;
  readonly intervalMs?: number | undefined;
}

const SILENT_MS = 8_000;
const INTERVAL_MS = 1_000;
/** Between two looks at the endpoint in use. */
const LOOK_MS = 2_000;

/** Runs until the signal aborts. */
export async function pulse(options: PulseOptions, signal: AbortSignal): Promise<void> {
  const { ask, silent, heard, renew, now, silentMs = SILENT_MS, intervalMs = INTERVAL_MS } = options;
  let silence: OtterError | null = null;
  while (!signal.aborted) {
    const asked = now();
    const answer = ask().then(
      () => 'answered' as const,
      () => 'failed' as const,
    );
    let heardOf = await within(answer, silentMs, signal);
    // Who refuses at once is there, or is known to be gone; a connection that takes that long is silence too.
    const atOnce = heardOf !== null;
    let renewing = false;
    const isSilent = (): boolean => heardOf === null && !signal.aborted;
    while (heardOf === null && !signal.aborted) {
      silence ??= unanswered(options.name, asked);
      silent(silence);
      if (renew !== undefined && !renewing) {
        renewing = true;
        // What it says of a server that does not answer is said already.
        void renew(isSilent)
          .catch(() => undefined)
          .finally(() => {
            renewing = false;
          });
      }
      heardOf = await within(answer, intervalMs, signal);
    }
    if (silence !== null && !signal.aborted && (atOnce || heardOf === 'answered')) {
      silence = null;
      heard();
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Sees to it that an endpoint is in use that can be, and says in the log what happens. Runs until the signal aborts. */
export async function keepEndpoint(
  { look, logger, everyMs = LOOK_MS }: { look: () => Promise<string | null>; logger: Logger; everyMs?: number },
  signal: AbortSignal,
): Promise<void> {
  let told: string | null = null;
  while (!signal.aborted) {
    try {
      const endpoint = await look();
      if (endpoint !== null) logger.warn('another endpoint of the database has taken over', { endpoint });
      told = null;
    } catch (error) {
      const message = messageOf(error);
      if (message !== told && !signal.aborted)
        logger.warn('no endpoint of the database can be used', { error: message });
      told = message;
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Null when it takes longer, or the signal aborts. */
async function within<T>(answer: Promise<T>, ms: number, signal: AbortSignal): Promise<T | null> {
  const settled = new AbortController();
  const late = sleep(ms, null, { signal: AbortSignal.any([signal, settled.signal]) }).catch(() => null);
  try {
    return await Promise.race([answer, late]);
  } finally {
    settled.abort();
  }
}

function unanswered(database: string, sinceMs: number): OtterError {
  const since = new Date(sinceMs).toISOString().slice(11, 19);
  return new OtterError('OT4004', `${database} has not answered since ${since} UTC`, {
    where: { database },
    retry: 'backoff',
    hint: 'Its server is frozen, overloaded, or cut off. Everything goes on by itself when it answers.',
  });
}
