/** A private authority and certificates of it, made by openssl for one test. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** @throws saying that openssl is needed, where it is not installed */
export async function authority(folder: string, name: string): Promise<Certificate> {
  const made = filesOf(folder, name);
  await openssl('req', '-x509', ...KEY, '-keyout', made.key, '-out', made.cert, '-days', '2', '-subj', `/CN=${name}`);
  return made;
}

/** For 127.0.0.1, as a server and as a client. */
export async function issued(folder: string, name: string, by: Certificate): Promise<Certificate> {
  const made = filesOf(folder, name);
  const [request, more] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
  await writeFile(more, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
  await openssl('req', ...KEY, '-keyout', made.key, '-out', request, '-subj', `/CN=${name}`);
  const signing = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-days', '2', '-extfile', more];
  await openssl('x509', '-req', '-in', request, '-out', made.cert, ...signing);
  return made;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function filesOf(folder: string, name: string): Certificate {
  return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) };
}

async function openssl(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', args);
  } catch (cause) {
    throw new Error('this test needs openssl on PATH to make certificates', { cause });
  }
}
