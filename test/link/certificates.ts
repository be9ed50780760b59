/**
 * A private authority and certificates of it, made for one test by Node alone: X.509 (RFC 5280) with what TLS looks at and no more,
 * so that one may be expired, for another host, or of another purpose.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Files {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly pem: string;
}

export interface Wishes {
  /** Addresses of IPv4. */
  readonly hosts?: readonly string[];
  readonly days?: number;
  readonly purposes?: readonly ('server' | 'client')[];
}

const DAY_MS = 24 * 3600 * 1000;

export function authority(name: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [extension('2.5.29.19', true, sequence(tlv(0x01, Buffer.from([0xff]))))];
  return { name, key: privateKey, pem: certificate(name, publicKey, { name, key: privateKey }, 10, extensions) };
}

/** A certificate and its key, PEM. */
export function issued(
  by: Authority,
  { hosts = ['127.0.0.1'], days = 10, purposes = ['server', 'client'] }: Wishes = {},
) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = hosts.map((host) => tlv(0x87, Buffer.from(host.split('.').map(Number))));
  const uses = purposes.map((purpose) => oid(`1.3.6.1.5.5.7.3.${purpose === 'server' ? 1 : 2}`));
  const extensions = [
    extension('2.5.29.17', false, sequence(...names)),
    extension('2.5.29.37', false, sequence(...uses)),
  ];
  return {
    cert: certificate('node', publicKey, by, days, extensions),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** Folders with `ca.pem`, `node.pem` and `node-key.pem`, as nodes have them; gone when disposed. */
export class CertificateFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<CertificateFolder> {
    return new CertificateFolder(await mkdtemp(join(tmpdir(), 'otter-certificates-')));
  }

  get files(): Files {
    const at = (name: string): string => join(this.path, name);
    return { ca: at('ca.pem'), cert: at('node.pem'), key: at('node-key.pem') };
  }

  /** Puts a new certificate there, each file at once. */
  async put(trusted: Authority, by: Authority = trusted, wishes: Wishes = {}): Promise<Files> {
    const { cert, key } = issued(by, wishes);
    const { files } = this;
    for (const [path, pem] of [
      [files.key, key],
      [files.cert, cert],
      [files.ca, trusted.pem],
    ] as const) {
      await writeFile(`${path}.new`, pem);
      await rename(`${path}.new`, path);
    }
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

function certificate(
  subject: string,
  publicKey: KeyObject,
  by: Pick<Authority, 'name' | 'key'>,
  days: number,
  extensions: readonly Buffer[],
): string {
  const now = Date.now();
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const toSign = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(by.name),
    sequence(time(now - 20 * DAY_MS), time(now + days * DAY_MS)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', toSign, createPrivateKey(by.key.export({ type: 'pkcs8', format: 'pem' })));
  const der = sequence(toSign, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

function nameOf(common: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(common)))));
}

function time(ms: number): Buffer {
  return tlv(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number) as [number, number, ...number[]];
  const septets = (n: number): number[] => {
    const found = [n & 0x7f];
    for (let more = n >>> 7; more > 0; more >>>= 7) found.unshift((more & 0x7f) | 0x80);
    return found;
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(septets)]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}
