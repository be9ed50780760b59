/**
 * A connection to a peer, with what this side shows and what it asks for.
 *
 * Rule: who answers is known before a byte of an answer is believed: by its certificate, which must be for the host that was dialled, or by
 * its proof of the token, which comes with the answer.
 */
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { messageOf, OtterError } from '../model/error.ts';
import type { Credentials } from './credentials.ts';
import { parseJson, record, string, unreadable } from './decode.ts';
import { decodeError, HEADER } from './messages.ts';
import { certificateFault, codesOf, isNoTls } from './tls-words.ts';
import { isNonce, nonce, proofOf, proves } from './token.ts';
import { CHALLENGE_PATH } from './trust.ts';

const ANSWER_BYTES_MAX = 64 << 10;

export interface Dialled {
  readonly session: ClientHttp2Session;
  /** What requests carry besides. @throws OtterError OT6011, OT6013, and what the connection fails with */
  proof(): Promise<OutgoingHttpHeaders>;
  /** Whether an answer that says yes comes from who it should. @throws OtterError OT6014 */
  believe(answer: IncomingHttpHeaders): void;
}

/** `who`: the peer in words. @throws OtterError OT6011 */
export function dial(
  { who, advertise }: { readonly who: string; readonly advertise: string },
  credentials: Credentials,
  options: ClientSessionOptions = {},
): Dialled {
  if (credentials.kind !== 'token') {
    const tls: SecureClientSessionOptions =
      credentials.kind === 'open' ? {} : { ...credentials.certificates(), minVersion: 'TLSv1.3' };
    const session = connect(`${credentials.kind === 'open' ? 'http' : 'https'}://${advertise}`, { ...options, ...tls });
    return { session, proof: async () => ({}), believe: () => undefined };
  }
  const token = credentials.token();
  const session = connect(`http://${advertise}`, options);
  const own = nonce();
  let challenge: Promise<string> | null = null;
  let theirs = '';
  return {
    session,
    proof: async () => {
      challenge ??= challengeOf(session, who);
      theirs = await challenge;
      return { [HEADER.proof]: `${own} ${proofOf(token, 'client', { client: own, server: theirs })}` };
    },
    believe: (answer) => {
      const proof = String(answer[HEADER.proof] ?? '');
      if (proves(proof, token, 'server', { client: own, server: theirs })) return;
      throw new OtterError('OT6014', `${who} does not prove that it knows the token of the link`, {
        retry: 'backoff',
        hint: 'see what listens at that address; give all nodes the same token where `link.token` says',
      });
    },
  };
}

async function challengeOf(session: ClientHttp2Session, who: string): Promise<string> {
  const stream = session.request({ ':method': 'GET', ':path': CHALLENGE_PATH });
  let status = 0;
  let text = '';
  stream.setEncoding('utf8');
  stream.once('response', (headers) => {
    status = Number(headers[':status']);
  });
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.length > ANSWER_BYTES_MAX) throw unreadable('an answer without end');
  }
  if (status === 0) throw new Error('the connection was closed');
  if (status !== 200) {
    try {
      throw decodeError(text);
    } catch (error) {
      if (error instanceof OtterError && error.code !== 'OT6007') throw error;
      throw new OtterError('OT6013', `${who} asks for no token, and this node has one for its links`, {
        retry: 'backoff',
        cause: error,
      });
    }
  }
  const given = string(record(parseJson(text))['nonce']);
  if (!isNonce(given)) throw unreadable('a challenge that is none');
  return given;
}

/** Why a connection failed, when it is about who is who; else null. */
export function distrust(who: string, credentials: Credentials, cause: unknown): OtterError | null {
  if (credentials.kind !== 'tls') return null;
  const codes = codesOf(cause);
  const fault = codes.map(certificateFault).find((words) => words !== null);
  if (fault !== undefined) {
    return new OtterError('OT6012', `the certificate of ${who} is not accepted: ${fault}`, {
      retry: 'backoff',
      hint: 'put one of the authority of `link.tls.ca`, for the host that it advertises, at that node, where `link.tls.cert` says',
      cause,
    });
  }
  const alert = codes.find((code) => code.includes('ALERT'));
  if (alert !== undefined)
    return new OtterError('OT6012', `${who} does not accept the certificate of this side (${alert})`, {
      retry: 'backoff',
      cause,
    });
  if (!codes.some(isNoTls)) return null;
  return new OtterError('OT6013', `${who} does not speak TLS, and this side asks for it: ${messageOf(cause)}`, {
    retry: 'backoff',
    hint: 'nothing, if `link` has just been changed; else see that both nodes have taken it up (otter status)',
    cause,
  });
}
