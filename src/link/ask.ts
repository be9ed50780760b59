/**
 * One question to a node on its own port, for who is no peer: one request, one answer in text.
 *
 * Rule: a node tells figures, history and its log so, and never rows, credentials or the lineage, which is what lets a peer read.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { Credentials } from './credentials.ts';
import { type Dialled, dial, distrust } from './dial.ts';
import { decodeError } from './messages.ts';
import { orAborted } from './service-stream.ts';

const ANSWER_MS_MAX = 3000;
const ANSWER_BYTES_MAX = 16 << 20;

/**
 * @param path what is asked for, with its query
 * @throws OtterError OT6001 when nobody answers there, OT6007 when what answers is not understood, OT6011 to OT6014 when the two do not
 *   trust each other
 */
export async function ask<T>(
  advertise: string,
  path: string,
  credentials: Credentials,
  signal: AbortSignal,
  read: (text: string) => T,
): Promise<T> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const who = `the node at ${advertise}`;
  const line = dial({ who, advertise }, credentials);
  const { session } = line;
  const leave = (): void => session.destroy();
  over.addEventListener('abort', leave, { once: true });
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  session.on('error', failed.reject);
  session.once('close', () => failed.reject(new Error('no answer in time')));
  try {
    return read(await orAborted(Promise.race([asked(line, path), failed.promise]), over));
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OtterError) throw cause;
    const strange = distrust(who, credentials, cause);
    if (strange !== null) throw strange;
    throw new OtterError('OT6001', `no node tells its figures at ${advertise}: ${messageOf(cause)}`, {
      retry: 'backoff',
      where: { address: advertise },
      cause,
    });
  } finally {
    over.removeEventListener('abort', leave);
    session.destroy();
  }
}

async function asked({ session, proof, believe }: Dialled, path: string): Promise<string> {
  const stream = session.request({ ':method': 'GET', ':path': path, ...(await proof()) });
  let [text, status] = ['', 0];
  stream.setEncoding('utf8');
  const answered = new Promise<void>((resolve, reject) => {
    stream.once('response', (headers) => {
      status = Number(headers[':status']);
      try {
        if (status === 200) believe(headers);
        resolve();
      } catch (error) {
        reject(error as Error);
        stream.destroy();
      }
    });
    stream.once('close', resolve);
  });
  answered.catch(() => undefined);
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.length > ANSWER_BYTES_MAX) throw new Error('an answer without end');
  }
  await answered;
  if (status === 200) return text;
  const why = text.startsWith('{') ? decodeError(text) : null;
  if (why !== null && /^OT(601[1-4]|81\d\d)$/.test(why.code)) throw why;
  throw new Error(`it answered with status ${status}`);
}
