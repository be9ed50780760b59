/**
 * One connection to an etcd cluster: etcd3's protocol client, with its own ideas of retrying taken out.
 *
 * Rules: every unary call has a deadline; a call that may have reached a server is never repeated here; one endpoint
 * is used until it fails, then the next. What went wrong is told apart by gRPC's status, never by text.
 */
import { readFileSync } from 'node:fs';
import type { Etcd3, IOptions } from 'etcd3';
import { messageOf, OtterError } from '../model/error.ts';
import { shortened, troubleOf } from './etcd-words.ts';
import { etcd3 } from './etcd3.ts';

export interface EtcdAddress {
  readonly hosts: readonly string[];
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null;
  readonly auth: { readonly username: string; readonly password: string } | null;
  /** How the address is shown: without user and password. */
  readonly shown: string;
}

export const CALL_MS_MAX = 5000;
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 5000;
const MESSAGE_BYTES_MAX = 64 * 2 ** 20;

type FaultHandling = NonNullable<IOptions['faultHandling']>;
type Policy = NonNullable<FaultHandling['global']>;

/** Clients of the endpoints, one of which is in use. */
export class EtcdClient {
  readonly shown: string;
  readonly #clients: readonly Etcd3[];
  #current = 0;

  constructor(address: EtcdAddress) {
    this.shown = address.shown;
    const common = options(address);
    this.#clients = address.hosts.map(
      (host) => new (etcd3().Etcd3)({ ...common, hosts: `${scheme(address)}://${host}` }),
    );
  }

  /** How many attempts reach every endpoint once. */
  get endpoints(): number {
    return this.#clients.length;
  }

  /** Makes one call, or opens one stream, at the endpoint in use. @throws OtterError */
  async call<T>(ask: (client: Etcd3) => Promise<T>): Promise<T> {
    const at = this.#current;
    try {
      return await ask(this.#clients[at]!);
    } catch (error) {
      this.#next(at);
      throw etcdError(this.shown, error);
    }
  }

  /** As `call`, for what may be asked twice: tries each endpoint once. */
  async read<T>(ask: (client: Etcd3) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call(ask);
      } catch (error) {
        const mayPass = error instanceof OtterError && error.retry === 'backoff';
        if (!mayPass || attempt >= this.endpoints) throw error;
      }
    }
  }

  /** A stream broke: the next one goes to another endpoint. */
  streamBroke(): void {
    this.#next(this.#current);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #next(failed: number): void {
    if (this.#current === failed) this.#current = (failed + 1) % this.#clients.length;
  }
}

export function etcdError(shown: string, error: unknown): OtterError {
  if (error instanceof OtterError) return error;
  const where = { store: shown };
  if (error instanceof etcd3().EtcdLeaseInvalidError) {
    return new OtterError('OT3004', 'the state store no longer knows the lease', { where, cause: error });
  }
  // The same status also says that a message is too large, or that too many are waiting: those pass or are otter's own fault.
  if (error instanceof etcd3().GRPCResourceExhastedError && messageOf(error).includes('space exceeded')) {
    return new OtterError('OT3009', `the state store ${shown} is full and takes no more writes`, {
      hint: 'Make room in etcd: compact, defragment, then `etcdctl alarm disarm`. See `otter explain OT3009`.',
      where,
      retry: 'backoff',
      cause: error,
    });
  }
  if (isRefusal(error)) {
    return new OtterError('OT3005', `the state store ${shown} refused: ${shortened(messageOf(error))}`, {
      hint: 'Check user and password in the address of the store, and what the user may do.',
      where,
      cause: error,
    });
  }
  const { what, hint } = troubleOf(messageOf(error));
  return new OtterError('OT3001', `the state store ${shown} cannot be reached: ${what}`, {
    hint,
    where,
    retry: 'backoff',
    cause: error,
  });
}

/** What was to be read was compacted away: of the history, not of the present. */
export function isCompacted(error: unknown): boolean {
  return error instanceof OtterError && error.cause instanceof etcd3().GRPCOutOfRangeError;
}

function isRefusal(error: unknown): boolean {
  const library = etcd3();
  return [
    library.EtcdAuthenticationFailedError,
    library.EtcdInvalidAuthTokenError,
    library.EtcdPermissionDeniedError,
    library.GRPCUnauthenticatedError,
    library.GRPCInvalidArgumentError,
    library.GRPCFailedPreconditionError,
  ].some((kind) => error instanceof kind);
}

/** Calls straight through: no retries, no circuit breaker that would fail the next, unrelated call. */
const straight = {
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
  execute: async <T>(call: (context: { signal: AbortSignal }) => T | PromiseLike<T>): Promise<T> =>
    call({ signal: NEVER }),
};
const NEVER = new AbortController().signal;

function options({ tls, auth }: EtcdAddress): Omit<IOptions, 'hosts'> {
  const policy = straight as unknown as Policy;
  return {
    defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + CALL_MS_MAX }),
    faultHandling: { global: policy, host: () => policy },
    grpcOptions: {
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      // A server that comes back is found again within seconds.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    },
    ...(auth === null ? {} : { auth: { ...auth } }),
    ...(tls?.ca === null || tls === null ? {} : { credentials: credentials(tls.ca, tls) }),
  };
}

function credentials(ca: string, tls: NonNullable<EtcdAddress['tls']>): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: pem(ca),
    ...(tls.key === null ? {} : { privateKey: pem(tls.key) }),
    ...(tls.cert === null ? {} : { certChain: pem(tls.cert) }),
  };
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new OtterError('OT3002', `a certificate named in the address of the state store cannot be read: ${path}`, {
      cause: error,
    });
  }
}

function scheme(address: EtcdAddress): string {
  return address.tls === null ? 'http' : 'https';
}
