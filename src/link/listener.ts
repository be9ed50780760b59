/**
 * Where peers connect: HTTP/2, plain or over TLS 1.3 with certificates on both sides.
 *
 * Rule: behind TLS a peer that shows no certificate, or one that is not accepted, or that speaks no TLS, still comes as a session,
 * so that it can be told why; `trust.ts` sees to it that it is told nothing else. Certificates are looked at for every connection.
 */
import { constants } from 'node:crypto';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerOptions,
} from 'node:http2';
import { createServer as createFront, type Server, type Socket } from 'node:net';
import type { Credentials } from './credentials.ts';
import { PINGS_MAX } from './keepalive.ts';

/** How long a peer may take until it has said hello, and until it has proved who it is. */
export const HELLO_MS_MAX = 10_000;

const SESSIONS: ServerOptions = { maxSessionMemory: 4096, maxOutstandingPings: PINGS_MAX };
const TLS_HELLO = 0x16;

export interface Listener {
  /** What listens. */
  readonly front: Server;
  /** What has sessions and streams, in turn of how they come. */
  readonly servers: readonly (Http2Server | Http2SecureServer)[];
}

/** @throws OtterError OT6011 */
export function listenerOf(credentials: Credentials): Listener {
  const plain = createServer(SESSIONS);
  if (credentials.kind !== 'tls') return { front: plain, servers: [plain] };
  let shown = credentials.certificates();
  const secure = createSecureServer({
    ...SESSIONS,
    ...shown,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
    // Who comes again shows its certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: HELLO_MS_MAX,
  });
  const take = (socket: Socket, first: Buffer): void => {
    socket.pause();
    socket.unshift(first);
    if (first[0] !== TLS_HELLO) {
      plain.emit('connection', socket);
    } else {
      const now = credentials.certificates();
      if (now !== shown) secure.setSecureContext({ ...now, minVersion: 'TLSv1.3' });
      shown = now;
      secure.emit('connection', socket);
    }
    process.nextTick(() => socket.resume());
  };
  const silent = new Set<Socket>();
  const front = createFront({ noDelay: true }, (socket) => {
    silent.add(socket);
    const leave = (): void => void socket.destroy();
    socket.on('error', leave);
    socket.setTimeout(HELLO_MS_MAX, leave);
    socket.once('close', () => silent.delete(socket));
    socket.once('data', (first: Buffer) => {
      silent.delete(socket);
      socket.setTimeout(0);
      socket.off('timeout', leave);
      take(socket, first);
    });
  });
  // Those that said nothing yet would keep it open.
  const close = front.close.bind(front);
  front.close = (done) => {
    for (const socket of silent) socket.destroy();
    return close(done);
  };
  return { front, servers: [secure, plain] };
}
