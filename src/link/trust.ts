/**
 * Whom a node answers. Every request on its port comes by here first, whatever it asks for.
 *
 * Rule: a peer that is not trusted gets one answer, which says why, and is let go; the node's log says it too, once a minute
 * for each reason and address, since a pipeline tries again every few seconds.
 */
import type { Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger } from '../model/ports.ts';
import type { Credentials } from './credentials.ts';
import { HELLO_MS_MAX } from './listener.ts';
import { HEADER } from './messages.ts';
import { certificateFault, codesOf, isNoTls } from './tls-words.ts';
import { isNonce, nonce, proofOf, proves } from './token.ts';

/** Asked first where a token is: the answer has this connection's nonce. */
export const CHALLENGE_PATH = '/otter/challenge';

export interface TrustOptions {
  readonly credentials: Credentials;
  /** This node's name. */
  readonly node: string;
  readonly logger: Logger;
}

interface Standing {
  readonly address: string;
  readonly nonce: string;
  trusted: boolean;
  asked: boolean;
}

const AGAIN_MS = 60_000;
const TOLD_MAX = 1000;

export class Trust {
  readonly #options: TrustOptions;
  readonly #standings = new WeakMap<Http2Session, Standing>();
  readonly #told = new Map<string, number>();

  constructor(options: TrustOptions) {
    this.#options = options;
  }

  /** A peer has connected. */
  begins(session: Http2Session): void {
    const { credentials, node } = this.#options;
    const { kind } = credentials;
    const address = session.socket?.remoteAddress ?? 'unknown';
    const standing = { address, nonce: nonce(), trusted: kind === 'open', asked: false };
    this.#standings.set(session, standing);
    if (standing.trusted) return;
    const late = setTimeout(() => {
      if (!standing.trusted) session.destroy();
    }, HELLO_MS_MAX).unref();
    session.once('close', () => {
      clearTimeout(late);
      if (kind === 'tls' && !standing.asked && session.encrypted === true) this.#tell(address, left(node));
    });
  }

  /** The connection of a peer failed before, or as, a session. */
  failed(address: string, error: unknown): void {
    const { credentials, node } = this.#options;
    const codes = codesOf(error);
    const alert = codes.find((code) => code.includes('ALERT'));
    if (credentials.kind === 'tls' && codes.includes('ECONNRESET')) this.#tell(address, left(node));
    else if (credentials.kind === 'tls' && codes.some(isNoTls)) this.#tell(address, plainHere(node));
    else if (alert !== undefined)
      this.#tell(
        address,
        new OtterError('OT6012', `a peer does not accept the certificate of node ${node} (${alert})`),
      );
    else if (credentials.kind !== 'tls' && messageOf(error).includes('client magic'))
      this.#tell(
        address,
        new OtterError(
          'OT6013',
          `a peer did not speak as a node does to node ${node}: perhaps it wants TLS, which this node has not`,
        ),
      );
    else this.#options.logger.debug('link session failed', { error: messageOf(error), peer: address });
  }

  /**
   * What the answer to a request carries besides.
   * @throws OtterError OT6012, OT6013, OT6014: it must not be answered but with this
   */
  admit(session: Http2Session, headers: IncomingHttpHeaders): OutgoingHttpHeaders {
    const standing = this.#standings.get(session);
    if (standing === undefined) throw new OtterError('OT6001', 'the connection is gone', { retry: 'backoff' });
    standing.asked = true;
    try {
      const more = this.#judge(session, standing, headers);
      standing.trusted = true;
      return more;
    } catch (error) {
      if (error instanceof OtterError) this.#tell(standing.address, error);
      throw error;
    }
  }

  /** This connection's nonce. @throws OtterError OT6013 where none is wanted */
  challenge(session: Http2Session): string {
    const { credentials, node } = this.#options;
    const standing = this.#standings.get(session);
    if (credentials.kind === 'token' && standing !== undefined) return standing.nonce;
    const how = credentials.kind === 'tls' ? 'asks for TLS' : 'asks for none';
    const error = new OtterError(
      'OT6013',
      `the node that asked has a token for its links, and node ${node} ${how}`,
      SPREADING,
    );
    if (standing !== undefined) this.#tell(standing.address, error);
    throw error;
  }

  #judge(session: Http2Session, standing: Standing, headers: IncomingHttpHeaders): OutgoingHttpHeaders {
    const { credentials, node } = this.#options;
    switch (credentials.kind) {
      case 'open':
        return {};
      case 'tls': {
        if (session.encrypted !== true) throw plainHere(node);
        const socket = session.socket as TLSSocket;
        if (!socket.authorized) throw refused(node, socket);
        return {};
      }
      case 'token': {
        const [theirs = '', proof = ''] = String(headers[HEADER.proof] ?? '').split(' ');
        if (proof === '')
          throw new OtterError('OT6013', `node ${node} asks for a token, and the node that asked has none`, SPREADING);
        const nonces = { client: theirs, server: standing.nonce };
        const token = credentials.token();
        if (!isNonce(theirs) || !proves(proof, token, 'client', nonces)) throw differs(node);
        return { [HEADER.proof]: proofOf(token, 'server', nonces) };
      }
      default:
        return credentials satisfies never;
    }
  }

  #tell(peer: string, error: OtterError): void {
    const { code, message, hint } = error;
    const key = `${peer} ${message}`;
    const now = performance.now();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    if (this.#told.size >= TOLD_MAX) this.#told.clear();
    this.#told.set(key, now);
    this.#options.logger.warn('a peer is not let in, or does not come in', {
      peer,
      code,
      error: message,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

const SPREADING = {
  retry: 'backoff',
  hint: 'nothing, if `link` has just been changed; else see that both nodes have taken it up (otter status)',
} as const;

/** All that this side sees of a peer that does not like its certificate. */
function left(node: string): OtterError {
  const what = `a peer went when it had seen the certificate of node ${node}: if it does not accept it, its own log says why`;
  return new OtterError('OT6012', what);
}

function plainHere(node: string): OtterError {
  return new OtterError('OT6013', `node ${node} asks for TLS, and the node that asked does not speak it`, SPREADING);
}

export function differs(node: string): OtterError {
  return new OtterError('OT6014', `node ${node} and the node that asked have different tokens for their link`, {
    retry: 'backoff',
    hint: 'give both the same token where `link.token` says',
  });
}

function refused(node: string, socket: TLSSocket): OtterError {
  const shown = Object.keys(socket.getPeerCertificate()).length > 0;
  const code = String(socket.authorizationError);
  const why = shown ? (certificateFault(code) ?? code) : 'it showed none';
  return new OtterError('OT6012', `node ${node} does not accept the certificate of the node that asked: ${why}`, {
    retry: 'backoff',
    hint: 'put one of the authority of `link.tls.ca` at the node that asked, where `link.tls.cert` says',
  });
}
