/**
 * What a node says of itself on its own port, for who looks while the state store does not answer: one request, one JSON answer.
 *
 * Rule: it tells figures and never rows, credentials or the lineage, which is what lets a peer read.
 */
import { connect } from 'node:http2';
import { messageOf, OtterError } from '../model/error.ts';
import type { NodeAnswer } from '../model/records.ts';
import { list, number, parseJson, record, string } from './decode.ts';

export const FIGURES_PATH = '/otter/figures';

const ANSWER_MS_MAX = 3000;
const ANSWER_BYTES_MAX = 16 << 20;

/** @throws OtterError OT6001 when nobody answers there, OT6007 when what answers is not understood */
export async function askNode(advertise: string, signal: AbortSignal): Promise<NodeAnswer> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const session = connect(`http://${advertise}`);
  const leave = (): void => session.destroy();
  over.addEventListener('abort', leave, { once: true });
  try {
    return answerOf(
      await new Promise<string>((resolve, reject) => {
        session.once('error', reject);
        session.once('close', () => reject(new Error('no answer in time')));
        const stream = session.request({ ':method': 'GET', ':path': FIGURES_PATH });
        let [text, status] = ['', 0];
        stream.setEncoding('utf8');
        stream.once('error', reject);
        stream.once('response', (headers) => {
          status = Number(headers[':status']);
        });
        stream.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_BYTES_MAX) stream.destroy(new Error('an answer without end'));
        });
        stream.once('end', () => {
          if (status === 200) resolve(text);
          else reject(new Error(`it answered with status ${status}`));
        });
      }),
    );
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OtterError) throw cause;
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
