/**
 * What a node shows its peers and knows them by. It is looked at for every new connection, so files that were replaced count from the next one on.
 *
 * Rule: what cannot be read or does not fit together is an OT6011 at first; later, what was good before goes on, since files are
 * replaced one after the other. Contents of files and tokens never leave this room in words.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger } from '../model/ports.ts';
import type { LinkSpec, SecretRef } from '../model/topology.ts';

export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export type Credentials =
  | { readonly kind: 'open' }
  /** @throws OtterError OT6011 */
  | { readonly kind: 'token'; readonly token: () => string }
  /** The same object until a file has changed. @throws OtterError OT6011 */
  | { readonly kind: 'tls'; readonly certificates: () => Certificates };

export const OPEN: Credentials = { kind: 'open' };

const TOKEN_CHARS_MIN = 16;

/** Looks at everything once. @throws OtterError OT6011 */
export function credentialsOf(
  link: LinkSpec | null,
  secret: (reference: SecretRef) => string,
  logger: Logger,
): Credentials {
  if (link === null) return OPEN;
  if ('tls' in link) {
    const files = new CertificateFiles(link.tls, logger);
    files.current();
    return { kind: 'tls', certificates: () => files.current() };
  }
  const token = (): string => tokenOf(link.token, secret);
  token();
  return { kind: 'token', token };
}

function tokenOf(reference: SecretRef, secret: (reference: SecretRef) => string): string {
  let token: string;
  try {
    token = secret(reference);
  } catch (cause) {
    const hint = cause instanceof OtterError ? cause.hint : undefined;
    throw unusable(`the token of the link cannot be had: ${messageOf(cause)}`, hint, cause);
  }
  if (token.length < TOKEN_CHARS_MIN) {
    const hint = `give it ${TOKEN_CHARS_MIN} random characters or more, for example by: openssl rand -hex 24`;
    throw unusable(`the token of the link has fewer than ${TOKEN_CHARS_MIN} characters`, hint);
  }
  return token;
}

class CertificateFiles {
  readonly #paths: Certificates;
  readonly #logger: Logger;
  #good: Certificates | null = null;
  /** What the files were like when they were read last, good or not. */
  #looked = '';

  constructor(paths: Certificates, logger: Logger) {
    this.#paths = paths;
    this.#logger = logger;
  }

  current(): Certificates {
    const look = Object.values(this.#paths).map(stamp).join();
    if (this.#good !== null && look === this.#looked) return this.#good;
    try {
      const read = fitting(this.#paths);
      if (this.#good !== null) this.#logger.info('certificates of the link have changed', { cert: this.#paths.cert });
      this.#good = read;
    } catch (error) {
      if (this.#good === null) throw error;
      this.#logger.warn('certificates of the link have changed and cannot be used; those of before go on', {
        error: messageOf(error),
      });
    }
    this.#looked = look;
    return this.#good;
  }
}

/** Changes when the file does; a link to a file that is put elsewhere changes too. */
function stamp(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.dev}.${found.ino}.${found.size}.${found.mtimeNs}`;
}

function fitting({ ca, cert, key }: Certificates): Certificates {
  const read = { ca: text(ca), cert: text(cert), key: text(key) };
  for (const [path, pem] of [
    [ca, read.ca],
    [cert, read.cert],
  ] as const) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw unusable(
        `${path} is not a certificate in PEM`,
        'a file that begins with -----BEGIN CERTIFICATE----- is wanted',
        cause,
      );
    }
  }
  try {
    createSecureContext(read);
  } catch (cause) {
    // What OpenSSL says of a key that is wrong names no part of it.
    throw unusable(
      `${key} is not the key of ${cert} (${messageOf(cause)})`,
      'give `link.tls.key` the file that was made with the certificate',
      cause,
    );
  }
  return read;
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const hint = 'each node needs the files of `link.tls`, readable for the user that it runs as';
    throw unusable(`the file ${path} cannot be read (${code})`, hint, cause);
  }
}

function unusable(message: string, hint?: string, cause?: unknown): OtterError {
  return new OtterError('OT6011', message, { retry: 'backoff', hint, cause });
}
