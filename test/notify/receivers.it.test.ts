/** Every kind of receiver, told for real: HTTP, mail, a program. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { expect, test } from 'vitest';
import type { Notice } from '../../src/model/alerts/notice.ts';
import { OtterError } from '../../src/model/error.ts';
import type { ReceiverSpec, SecretRef } from '../../src/model/topology.ts';
import { tell } from '../../src/notify/receivers.ts';
import { Hook } from './hook.ts';

const NOTICE: Notice = {
  ...{ version: 1, topology: 'shop', alert: 'shop-lag', kind: 'firing', incident: 'shop-lag-1', number: 1 },
  ...{ summary: 'shop-lag: shop/hz>ca: lag 45s, for 1m', on: 'channel.shop', when: 'lag > 30s' },
  about: [{ name: 'shop/hz>ca', says: 'lag 45s' }],
  ...{
    since: '2026-01-01T00:00:00.000Z',
    fired: '2026-01-01T00:01:00.000Z',
    ended: null,
    at: '2026-01-01T00:01:00.000Z',
  },
  ...{ action: null, actions: 0, node: 'hz-1' },
};

/** What came of it: `told`, or code and message. */
async function told(receiver: ReceiverSpec, secrets: Record<string, string> = {}, timeoutMs = 10_000): Promise<string> {
  const resolve = (reference: SecretRef): string => secrets['env' in reference ? reference.env : ''] ?? '';
  const env = { ...process.env, DB_PASSWORD: 'hunter2' };
  try {
    await tell(receiver, NOTICE, { resolve, env, version: '1.0.0', timeoutMs }, new AbortController().signal);
    return 'told';
  } catch (error) {
    if (!(error instanceof OtterError)) throw error;
    expect(error.message).not.toContain('s3cret');
    return `${error.code} ${error.message}`;
  }
}

test('a webhook gets the notice as it is', async () => {
  await using hook = await Hook.start<Notice>();
  expect(await told({ webhook: { env: 'HOOK' } }, { HOOK: `${hook.url}\n` })).toBe('told');
  expect(hook.bodies).toEqual([NOTICE]);
  expect(hook.posted[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'otter/1.0.0',
    'idempotency-key': 'shop-lag-1/1',
  });
});

test('Slack gets text, in which nothing is taken for a mention or a link', async () => {
  await using hook = await Hook.start<{ text: string }>();
  expect(await told({ slack: { env: 'HOOK' } }, { HOOK: hook.url })).toBe('told');
  const [{ text }] = hook.bodies as [{ text: string }];
  expect(text).toContain('*[shop] FIRING: shop-lag: shop/hz&gt;ca: lag 45s, for 1m*\n');
  expect(text).not.toContain('>');
});

test('what a webhook answers is what is said; its address is not', async () => {
  await using hook = await Hook.start<Notice>();
  const receiver = { webhook: { env: 'HOOK' } };
  hook.answer = (response) => response.writeHead(500).end('no');
  expect(await told(receiver, { HOOK: hook.url })).toBe('OT8150 it answered with status 500');
  // A redirect would carry the notice to who knows whom.
  hook.answer = (response) => response.writeHead(302, { location: hook.url }).end();
  expect(await told(receiver, { HOOK: hook.url })).toBe('OT8150 it answered with status 302');
  expect(hook.posted).toHaveLength(2);
  hook.answer = (response) => response.destroy();
  expect(await told(receiver, { HOOK: hook.url })).toMatch(/^OT8151 it cannot be reached/);
  hook.answer = () => undefined;
  expect(await told(receiver, { HOOK: hook.url }, 300)).toBe('OT8151 it did not answer within 0.3 s');
  expect(await told(receiver, { HOOK: 'file:///etc/s3cret' })).toMatch(/^OT8152/);
  expect(await told(receiver, { HOOK: '' })).toMatch(/^OT8152/);
});

class Mailbox implements AsyncDisposable {
  readonly mails: { readonly to: string[]; readonly text: string }[] = [];
  readonly #server: SMTPServer;

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      ...options,
      onData: (stream, session, done) => {
        let text = '';
        stream.on('data', (more) => {
          text += String(more);
        });
        stream.on('end', () => {
          this.mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
          done();
        });
      },
    });
  }

  static async start(options: SMTPServerOptions): Promise<Mailbox> {
    const box = new Mailbox(options);
    await new Promise<void>((resolve) => box.#server.listen(0, '127.0.0.1', resolve));
    return box;
  }

  get server(): string {
    return `127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve));
  }
}

test('mail, to several people, by a server that wants no login', async () => {
  await using box = await Mailbox.start({ authOptional: true });
  const email = { to: ['ops@example.org', 'boss@example.org'], from: 'otter@example.org', server: box.server };
  expect(await told({ email })).toBe('told');
  const [mail] = box.mails;
  expect(mail?.to).toEqual(['ops@example.org', 'boss@example.org']);
  expect(mail?.text).toContain('Subject: [otter shop] FIRING shop-lag: shop/hz>ca: lag 45s, for 1m');
  expect(mail?.text).toContain('Message-ID: <shop-lag-1.1.firing@shop.otter>');
  expect(mail?.text).toContain('Alert shop-lag watches channel.shop: lag > 30s');
});

test('mail with a login; a wrong password, a recipient who is refused, no server', async () => {
  await using box = await Mailbox.start({
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      username === 'otter' && password === 'right' ? done(null, { user: 'otter' }) : done(new Error('no')),
    onRcptTo: ({ address }, _, done) => (address.startsWith('nobody') ? done(new Error('who?')) : done()),
  });
  const email = { to: 'ops@example.org', server: box.server, user: 'otter', password: { env: 'PASS' } };
  expect(await told({ email }, { PASS: 'right' })).toBe('told');
  expect(await told({ email }, { PASS: 's3cret' })).toMatch(
    /^OT8154 the mail server 127\.0\.0\.1:\d+ does not take it: answered with 535/,
  );
  expect(await told({ email: { ...email, to: 'nobody@example.org' } }, { PASS: 'right' })).toMatch(
    /^OT8154 .* answered with 550/,
  );
  expect(await told({ email: { to: 'a@example.org', server: '127.0.0.1:9' } })).toMatch(
    /^OT8151 the mail server 127\.0\.0\.1:9 cannot be reached/,
  );
  expect(box.mails).toHaveLength(1);
});

test('a program gets its arguments as they are, the facts, and none of the secrets of the node', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-notify-'));
  const program = join(folder, 'page me');
  await writeFile(program, `#!/bin/sh\n{ printf '%s\\n' "$@"; cat; env; } > '${folder}/out'\n`);
  await chmod(program, 0o755);
  expect(await told({ command: [program, '$(id); *', '--to', 'ops'] })).toBe('told');
  const out = await readFile(join(folder, 'out'), 'utf8');
  expect(out.split('\n').slice(0, 3)).toEqual(['$(id); *', '--to', 'ops']);
  expect(JSON.parse(out.split('\n')[3]!)).toEqual(NOTICE);
  expect(out).toContain('OTTER_ALERT=shop-lag\n');
  expect(out).toContain(`OTTER_SUMMARY=${NOTICE.summary}\n`);
  expect(out).not.toContain('hunter2');
  await rm(folder, { recursive: true });
});

test('a program that fails, is not there, or does not end', async () => {
  expect(await told({ command: 'false' })).toBe('OT8153 false ended with code 1');
  expect(await told({ command: '/no/such/program' })).toBe('OT8153 /no/such/program cannot be run (ENOENT)');
  // What it has started goes with it, and keeps nobody waiting.
  expect(await told({ command: ['sh', '-c', 'sleep 600 & wait'] }, {}, 300)).toBe(
    'OT8153 sh had not ended after 0.3 s, and was ended',
  );
  expect(await told({ command: ['sh', '-c', 'sleep 5 & exit 0'] })).toBe('told');
});
