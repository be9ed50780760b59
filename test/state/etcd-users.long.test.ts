/** etcd over TLS with users: who is let in, tokens that run out, and roles that may do only what they should, as the docs say to type them. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Etcd3, type IPermission, Range } from 'etcd3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import { startProxy } from '../../src/lab/proxy.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { Otter } from '../e2e/otter.ts';
import { authority, type Certificate, issued } from './certificates.ts';
import { Follower, put, WAIT } from './contract.ts';

const TOKEN_SECONDS = 2;

let folder: string;
let ca: Certificate;
let stranger: Certificate;
let client: Certificate;
let etcd: EtcdServer;
let tlsPort: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-tls-'));
  ca = await authority(folder, 'ca');
  stranger = await authority(folder, 'stranger');
  client = await issued(folder, 'client', ca);
  tlsPort = await freePort();
  const { cert, key } = await issued(folder, 'server', ca);
  const args = [`--auth-token-ttl=${TOKEN_SECONDS}`];
  etcd = await startEtcd({ args, tls: { port: tlsPort, ca: ca.cert, cert, key } });
  const raw = new Etcd3({ hosts: `http://127.0.0.1:${etcd.port}` });
  await raw.auth.userAdd({ name: 'root', password: passwordOf('root') });
  await raw.auth.userGrantRole({ user: 'root', role: 'root' });
  for (const statement of await documented()) await type(raw, statement);
  raw.close();
});
afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** With characters that an address must write percent-encoded. */
function passwordOf(user: string): string {
  return `${user}:p@ss/1`;
}

function address(user: string, password = passwordOf(user), port = tlsPort): string {
  const query = `ca=${ca.cert}&cert=${client.cert}&key=${client.key}`;
  return `etcds://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}?${query}`;
}

/** The statements of docs/roles.md. */
async function documented(): Promise<string[]> {
  const text = await readFile(new URL('../../docs/roles.md', import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line.startsWith('etcdctl '));
}

/** What etcdctl would do. */
async function type({ auth }: Etcd3, statement: string): Promise<unknown> {
  const words = statement.split(' ').slice(1);
  const prefix = words.includes('--prefix');
  const [noun, verb, name = '', second = '', key = ''] = words.filter((word) => word !== '--prefix');
  switch (`${noun} ${verb}`) {
    case 'role add':
      return auth.roleAdd({ name });
    case 'role grant-permission': {
      const permType = ({ read: 'Read', write: 'Write', readwrite: 'Readwrite' } as const)[second];
      const range = prefix ? { range_end: Range.prefix(key).end as Buffer } : {};
      return auth.roleGrantPermission({ name, perm: { permType, key: Buffer.from(key), ...range } as IPermission });
    }
    case 'user add':
      return auth.userAdd({ name, password: passwordOf(name) });
    case 'user grant-role':
      return auth.userGrantRole({ user: name, role: second });
    case 'auth enable':
      return auth.authEnable();
    default:
      throw new Error(`not a statement of the docs that this test knows: ${statement}`);
  }
}

test('over TLS with a certificate, user and password; with another authority, no certificate or a wrong password never', async () => {
  await using store = openStore(address('applier'));
  await put(store, '/otter/main/spec/region/tls', '1');
  expect(store.url).toBe(`etcds://127.0.0.1:${tlsPort}`);
  const bad = {
    'another authority': address('applier').replace(ca.cert, stranger.cert),
    'no certificate of its own': address('applier').replace(/&cert=.*$/, ''),
    'not over TLS': address('applier').replace('etcds:', 'etcd:').replace(/\?.*$/, ''),
  };
  for (const [what, url] of Object.entries(bad)) {
    await using refused = openStore(url);
    await expect(refused.list('/otter/main/'), what).rejects.toMatchObject({ code: 'OT3001' });
  }
  for (const [user, password] of [
    ['applier', 'wrong'],
    ['nobody', 'wrong'],
  ] as const) {
    await using refused = openStore(address(user, password));
    const error = await refused.list('/otter/main/').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'OT3005', retry: 'never' });
    expect(JSON.stringify(error) + String(error)).not.toContain(password);
  }
  expect(() => openStore(address('applier').replace(client.key, '/nowhere.pem'))).toThrow(
    expect.objectContaining({ code: 'OT3002' }),
  );
});

test('tokens run out: commits, lists, leases and watches go on, also over a new connection', async () => {
  await using proxy = await startProxy({ target: { host: '127.0.0.1', port: tlsPort } });
  await using store = openStore(address('applier', passwordOf('applier'), proxy.port));
  await using other = openStore(address('applier'));
  const lease = await store.lease(3000);
  await store.commit({ conditions: [], puts: [{ key: '/otter/main/lock', value: '1', lease }], deletes: [] });
  const follower = new Follower(store, '/otter/main/runs/', (await store.list('/otter/main/runs/')).revision);
  await sleep(2500 * TOKEN_SECONDS);
  await put(store, '/otter/main/runs/1', 'a');
  await vi.waitFor(() => expect(follower.seen).toEqual(['/otter/main/runs/1=a']), WAIT);
  await sleep(2500 * TOKEN_SECONDS);
  await proxy.cut();
  await put(other, '/otter/main/runs/2', 'b');
  await proxy.heal();
  await vi.waitFor(() => expect(follower.seen.at(-1)).toBe('/otter/main/runs/2=b'), WAIT);
  expect((await store.list('/otter/main/lock')).entries).toHaveLength(1);
  expect(lease.lost.aborted).toBe(false);
  await follower.stop();
  await lease.revoke();
}, 40_000);

test('each role may do what it should and no more', async () => {
  const may: Readonly<Record<string, readonly string[]>> = {
    planner: [],
    operator: ['pause/channel/x', 'place/x', 'audit/1-x'],
    applier: ['spec/region/x', 'pause/channel/x', 'place/x', 'runs/1-x/0', 'history/9', 'audit/1-x', 'meta', 'lock'],
    // It ends pauses that have their time, and forgets where somebody wanted what is gone.
    worker: ['nodes/x', 'owner/x', 'status/pipeline/x', 'verified/x/a', 'pause/channel/x', 'place/x', 'audit/1-x'],
  };
  const everything = [...new Set(Object.values(may).flat())];
  for (const [user, allowed] of Object.entries(may)) {
    await using store = openStore(address(user));
    await store.list('/otter/main/');
    await expect(store.list('/otter/other/'), user).rejects.toMatchObject({ code: 'OT3005' });
    for (const key of everything) {
      const at = `/otter/main/${key}`;
      const done = await store
        .commit({ conditions: [], puts: [{ key: at, value: '{}' }], deletes: [] })
        .then(() => store.commit({ conditions: [], puts: [], deletes: [at] }))
        .then(() => 'written')
        .catch((error: { code: string }) => error.code);
      expect([user, key, done]).toEqual([user, key, allowed.includes(key) ? 'written' : 'OT3005']);
    }
  }
});

test('the commands under these users: a planner cannot apply, an applier can, a worker runs nodes and cannot apply', async () => {
  await using admin = openStore(address('applier'));
  const left = (await admin.list('/otter/main/')).entries.map(({ key }) => key);
  await admin.commit({ conditions: [], puts: [], deletes: left });
  const topology = `version: 1
name: main
regions: { west: {} }
nodes: { west-1: { region: west, listen: "127.0.0.1:${await freePort()}" } }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A } }
  b: { region: west, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: A } }
channels: { shop: { from: a, to: b, tables: [shop.orders] } }
`;
  const as = async (user: string): Promise<Otter> => {
    const otter = await Otter.in({ OTTER_STATE: address(user), A: 'x' });
    await otter.write(topology);
    return otter;
  };
  await using planner = await as('planner');
  await using applier = await as('applier');
  await using worker = await as('worker');
  await using operator = await as('operator');
  expect(await planner.run('plan')).toMatchObject({ code: 0 });
  for (const otter of [planner, worker, operator]) {
    const refused = await otter.run('apply', '--auto-approve', '--no-wait');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('OT3005');
    expect(refused.err).not.toContain('p@ss');
  }
  expect((await admin.list('/otter/main/')).entries).toEqual([]);
  expect(await applier.run('apply', '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
  expect(await planner.run('pause', 'shop', '--no-wait')).toMatchObject({ code: 1 });
  for (const otter of [planner, worker]) {
    for (const command of [['migrate'], ['lock', 'break']])
      expect((await otter.run(...command)).code, command.join(' ')).toBe(0);
  }
  for (const otter of [operator, applier]) {
    expect(await otter.run('move', 'a', 'west-1', '--no-wait')).toMatchObject({ code: 0 });
    expect(await otter.run('pause', 'shop', '--no-wait')).toMatchObject({ code: 0 });
    expect(await otter.run('resume', 'shop', '--no-wait')).toMatchObject({ code: 0 });
  }
  for (const command of ['history', 'audit', 'lock', 'plan'])
    expect(await planner.run(command), command).toMatchObject({ code: 0 });
  const file = join(folder, 'main.state.json');
  expect(await planner.run('state', 'export', file)).toMatchObject({ code: 0 });
  const kept = (await admin.list('/otter/main/')).entries.map(({ key }) => key);
  expect(await planner.run('state', 'import', file, '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
  for (let from = 0; from < kept.length; from += 100)
    await admin.commit({ conditions: [], puts: [], deletes: kept.slice(from, from + 100) });
  expect((await operator.run('state', 'import', file, '--auto-approve')).err).toContain('OT3005');
  expect(await applier.run('state', 'import', file, '--auto-approve')).toMatchObject({ code: 0 });
  worker.node('west-1');
  await vi.waitFor(
    async () => {
      const keys = (await admin.list('/otter/main/')).entries.map(({ key }) => key);
      expect(keys).toEqual(
        expect.arrayContaining([
          '/otter/main/nodes/west-1',
          '/otter/main/owner/b',
          expect.stringMatching(/^\/otter\/main\/status\/pipeline\//),
        ]),
      );
    },
    { timeout: 30_000, interval: 200 },
  );
  expect(worker.log('west-1')).not.toContain('OT3005');
  expect(await planner.run('status', '-t', 'main')).toMatchObject({ code: 0 });
  expect(await applier.run('destroy', '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
  await vi.waitFor(
    async () => {
      const keys = (await admin.list('/otter/main/')).entries.map(({ key }) => key);
      // What is left is how the databases were given up.
      expect(keys.filter((key) => /\/(nodes|owner|status)\//.test(key))).toEqual([
        '/otter/main/status/database/a',
        '/otter/main/status/database/b',
      ]);
    },
    { timeout: 30_000, interval: 200 },
  );
}, 400_000);
