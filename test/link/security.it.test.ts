/** Who is let in and who is not, and that both sides say why. */

import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';
import { type Credentials, credentialsOf, OPEN } from '../../src/link/credentials.ts';
import { askNode } from '../../src/link/figures.ts';
import { linkClient } from '../../src/link/routing.ts';
import { type LinkServer, startLinkServer } from '../../src/link/server.ts';
import type { LinkClient } from '../../src/model/ports.ts';
import type { LinkSpec } from '../../src/model/topology.ts';
import { LONG } from '../project/long.ts';
import { recorder } from '../site/harness.ts';
import { authority, CertificateFolder } from './certificates.ts';
import { linkContract } from './contract/contract.ts';
import { NumberedSource, numberOf, quiet, request, sequence, take } from './contract/source.ts';

const live = new AbortController().signal;
const LINEAGE = 'lineage-1';
const TOKEN = 'a token of some length';
const ours = authority('ours');
const others = authority('others');

const token = (text: string): Credentials => credentialsOf({ token: { env: 'T' } }, () => text, quiet);
const tls = (folder: CertificateFolder): Credentials => credentialsOf({ tls: folder.files }, () => '', quiet);

function clientOf(port: number, credentials: Credentials): LinkClient {
  const addressOf = () => ({ node: 'hz-1', advertise: `127.0.0.1:${port}` });
  return linkClient({ local: () => null, addressOf, lineage: LINEAGE, credentials, logger: quiet });
}

// Through a proxy, in `http2.it.test.ts`, it is always run.
if (LONG)
  linkContract('over TLS', async (services) => {
    const folder = await CertificateFolder.make();
    await folder.put(ours);
    const credentials = tls(folder);
    const server = await startLinkServer({
      ...{ listen: '127.0.0.1:0', node: 'hz-1', services, lineage: LINEAGE, credentials, logger: quiet },
    });
    return {
      link: clientOf(server.port, credentials),
      aheadBytesMax: 96 << 20,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  });

describe('who is not let in', () => {
  let folders: CertificateFolder[];
  let logged: string[];
  let server: LinkServer | null;

  beforeEach(() => {
    folders = [];
    logged = [];
    server = null;
  });

  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    for (const folder of folders) await folder[Symbol.asyncDispose]();
  });

  async function folderOf(...put: Parameters<CertificateFolder['put']>): Promise<CertificateFolder> {
    const folder = await CertificateFolder.make();
    folders.push(folder);
    await folder.put(...put);
    return folder;
  }

  async function serverOf(credentials: Credentials): Promise<number> {
    server = await startLinkServer({
      listen: '127.0.0.1:0',
      node: 'hz-1',
      services: () => new NumberedSource({ last: 5 }),
      lineage: LINEAGE,
      figures: () => ({}) as never,
      credentials,
      logger: recorder((message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`)),
    });
    return server.port;
  }

  /** What the two sides say; both a pipeline and who asks for figures. */
  async function refusal(there: Credentials, here: Credentials, code: string): Promise<string> {
    const port = await serverOf(there);
    await expect(askNode(`127.0.0.1:${port}`, here, live)).rejects.toMatchObject({ code });
    const failed = clientOf(port, here).open('hz', request(), live);
    await expect(failed).rejects.toMatchObject({ code, retry: 'backoff' });
    await vi.waitFor(() => expect(logged.join('\n')).toContain(code));
    const said = await failed.catch((error: Error) => error.message);
    // Nothing of a secret is in what is said.
    expect(`${said}${logged.join()}`).not.toMatch(/a token of|BEGIN/);
    return `${said}\n${logged.join('\n')}`;
  }

  it('not the one who has the token: several pipelines, on one connection', async () => {
    const port = await serverOf(token(TOKEN));
    const link = clientOf(port, token(TOKEN));
    expect(await askNode(`127.0.0.1:${port}`, token(TOKEN), live).catch((error: Error) => error)).toMatchObject({
      code: 'OT6007',
    });
    for (const database of ['hz', 'ca']) {
      await using stream = await link.open(database, request(), live);
      expect(await take(stream)).toHaveLength(5);
    }
    expect(logged).toEqual([]);
  });

  it('a wrong token', async () => {
    const said = await refusal(token(TOKEN), token(`${TOKEN}!`), 'OT6014');
    expect(said).toContain('different tokens');
    // Said once a minute, however often it is tried.
    expect(logged).toHaveLength(1);
  });

  it('a token on one side only', async () => {
    expect(await refusal(token(TOKEN), OPEN, 'OT6013')).toContain('has none');
  });

  it('a token that is not asked for', async () => {
    expect(await refusal(OPEN, token(TOKEN), 'OT6013')).toContain('asks for none');
  });

  it('TLS at the node that asks only', async () => {
    expect(await refusal(OPEN, tls(await folderOf(ours)), 'OT6013')).toContain('does not speak TLS');
  });

  it('TLS at the node that is asked only', async () => {
    const said = await refusal(tls(await folderOf(ours)), OPEN, 'OT6013');
    expect(said).toContain('asks for TLS');
  });

  it('TLS at the node that is asked, a token at the other', async () => {
    expect(await refusal(tls(await folderOf(ours)), token(TOKEN), 'OT6013')).toContain('asks for TLS');
  });

  it('a certificate of another authority, at the node that asks', async () => {
    const said = await refusal(tls(await folderOf(ours)), tls(await folderOf(ours, others)), 'OT6012');
    expect(said).toContain('hz-1 does not accept');
    expect(said).toContain('an authority in `link.tls.ca`');
  });

  it('a certificate of another authority, at the node that is asked', async () => {
    const said = await refusal(tls(await folderOf(ours, others)), tls(await folderOf(ours)), 'OT6012');
    expect(said).toContain('is not accepted: it does not come from an authority');
  });

  it('one that has expired, on either side', async () => {
    const [good, old] = [tls(await folderOf(ours)), tls(await folderOf(ours, ours, { days: -1 }))];
    expect(await refusal(good, old, 'OT6012')).toContain('it has expired');
    await server?.[Symbol.asyncDispose]();
    logged = [];
    expect(await refusal(old, good, 'OT6012')).toContain('it has expired');
  });

  it('one for another host', async () => {
    const elsewhere = await folderOf(ours, ours, { hosts: ['10.1.2.3'] });
    expect(await refusal(tls(elsewhere), tls(await folderOf(ours)), 'OT6012')).toContain('it is for another host');
  });

  it('one that is for servers only, at the node that asks', async () => {
    const half = await folderOf(ours, ours, { purposes: ['server'] });
    expect(await refusal(tls(await folderOf(ours)), tls(half), 'OT6012')).toContain('extendedKeyUsage');
  });

  it('a stranger that says nothing is let go of when the server closes', async () => {
    const port = await serverOf(tls(await folderOf(ours)));
    const socket = createConnection({ host: '127.0.0.1', port });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    await server![Symbol.asyncDispose]();
    server = null;
    await closed;
  });

  it('a proof that was overheard does not let in', async () => {
    const { proofOf, proves } = await import('../../src/link/token.ts');
    const nonces = { client: 'a'.repeat(64), server: 'b'.repeat(64) };
    const proof = proofOf(TOKEN, 'client', nonces);
    expect(proves(proof, TOKEN, 'client', nonces)).toBe(true);
    expect(proves(proof, TOKEN, 'server', nonces)).toBe(false);
    expect(proves(proof, TOKEN, 'client', { ...nonces, server: 'c'.repeat(64) })).toBe(false);
    expect(proves(proof, `${TOKEN}.`, 'client', nonces)).toBe(false);
    for (const bad of ['', 'zz', proof.slice(2), `${proof}00`])
      expect(proves(bad, TOKEN, 'client', nonces)).toBe(false);
  });

  it('files that cannot be used are named, and files that are half replaced do no harm', async () => {
    const folder = await folderOf(ours);
    const missing: LinkSpec = { tls: { ...folder.files, ca: `${folder.path}/none.pem` } };
    expect(() => credentialsOf(missing, () => '', quiet)).toThrow(/none.pem cannot be read \(ENOENT\)/);
    const swapped: LinkSpec = { tls: { ...folder.files, key: folder.files.cert } };
    expect(() => credentialsOf(swapped, () => '', quiet)).toThrow(/is not the key of/);
    const odd: LinkSpec = { tls: { ...folder.files, cert: folder.files.key } };
    expect(() => credentialsOf(odd, () => '', quiet)).toThrow(/is not a certificate in PEM/);
    expect(() => token('short')).toThrow(/fewer than 16 characters/);
  });

  it('new files count from the next connection on, without a new start of either side', async () => {
    const [there, here] = [await folderOf(ours), await folderOf(ours)];
    const port = await serverOf(tls(there));
    const client = clientOf(port, tls(here));
    const opens = async (): Promise<void> => {
      await using stream = await client.open('hz', request(), live);
      expect(await take(stream)).toHaveLength(5);
    };
    await opens();
    await there.put(others);
    await expect(opens()).rejects.toMatchObject({ code: 'OT6012' });
    await here.put(others);
    await opens();
  });

  it('cut in the middle, TLS goes on from where one stands', async () => {
    const folder = await folderOf(ours);
    const credentials = tls(folder);
    server = await startLinkServer({
      listen: '127.0.0.1:0',
      node: 'hz-1',
      services: () => new NumberedSource({ batchSize: 20, rowBytes: 1 << 10 }),
      lineage: LINEAGE,
      credentials,
      logger: quiet,
    });
    await using proxy = await startProxy({ target: { host: '127.0.0.1', port: server.port } });
    const link = clientOf(proxy.port, credentials);
    const numbers: number[] = [];
    for (let round = 0; round < 3; round++) {
      await using stream = await link.open('hz', request(numbers.at(-1) ?? 0), live);
      const reading = (async () => {
        for await (const batch of stream.deliveries) {
          for (const delivery of batch) numbers.push(numberOf(delivery));
          if (numbers.length > (round + 1) * 3000) await proxy.cut();
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: 'OT6002', retry: 'backoff' });
      await proxy.heal();
    }
    expect(numbers).toEqual(sequence(0, numbers.length));
  });
});
