/**
 * What a node says of itself on its own port, for who looks while the state store does not answer: one request, one JSON answer.
 *
 * Rule: it tells figures and never rows, credentials or the lineage, which is what lets a peer read.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { NodeAnswer } from '../model/records.ts';
import type { Credentials } from './credentials.ts';
import { list, number, parseJson, record, string } from './decode.ts';
import { type Dialled, dial, distrust } from './dial.ts';
import { decodeError } from './messages.ts';
import { orAborted } from './service-stream.ts';

export const FIGURES_PATH = '/otter/figures';

const ANSWER_MS_MAX = 3000;
const ANSWER_BYTES_MAX = 16 << 20;

/**
 * @throws OtterError OT6001 when nobody answers there, OT6007 when what answers is not understood, OT6011 to OT6014 when the two do not
 *   trust each other
 */
export async function askNode(advertise: string, credentials: Credentials, signal: AbortSignal): Promise<NodeAnswer> {
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
    return answerOf(await orAborted(Promise.race([asked(line), failed.promise]), over));
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

async function asked({ session, proof, believe }: Dialled): Promise<string> {
  const stream = session.request({ ':method': 'GET', ':path': FIGURES_PATH, ...(await proof()) });
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
  if (why !== null && /^OT601[1-4]$/.test(why.code)) throw why;
  throw new Error(`it answered with status ${status}`);
}

/** What `otter status` relies on is there; the rest is as the node of this version writes it to the state store too. */
function answerOf(text: string): NodeAnswer {
  const answer = record(parseJson(text));
  const node = record(answer['record']);
  string(answer['topology']);
  string(answer['node']);
  number(answer['serial']);
  list(node['databases']);
  record(node['pipelines']);
  for (const generation of Object.values(record(answer['generations']))) number(generation);
  return answer as unknown as NodeAnswer;
}
