/** What the dashboard asks for and does, with the code of the commands, where no database is needed. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deskOf } from '../../src/cli/desk.ts';
import type { Desk } from '../../src/dashboard/desk.ts';
import type { StateStore } from '../../src/model/ports.ts';
import { contextOf, person } from './person.ts';

const never = new AbortController().signal;
const { context } = contextOf();
let folder: string;
let path: string;
let state: string;
let store: StateStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-desk-'));
  path = join(folder, 'main.yaml');
  state = `file:${join(folder, 'state', 'state.db')}`;
  await mkdir(join(folder, 'state'));
  await writeFile(
    path,
    `version: 1
name: main
regions: { west: {} }
nodes: { west-1: { region: west, listen: "127.0.0.1:7401" } }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A_PASSWORD } }
  b: { region: west, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B_PASSWORD } }
channels: { shop: { between: [a, b], tables: [shop.orders] } }
`,
  );
  const applied = await person(['apply', '-t', path, '--state', state, '--auto-approve', '--no-wait']);
  expect(applied.err).toBe('');
  store = context.parts.openStore(state);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function desk(write = true): Desk {
  return deskOf(store, 'main', context, { topology: path, state, write });
}

async function audit(): Promise<string[]> {
  return (await desk().past(never)).audit.map(({ command, what }) => `${command}: ${what}`);
}

it('tells of runs with what they changed, and of the audit, the newest first', async () => {
  const { runs } = await desk().past(never);
  expect(runs).toMatchObject([
    { serial: 1, operation: 'apply', state: 'done', batches: { done: 1, total: 1 }, summary: { add: 5 } },
  ]);
  const changes = runs[0]!.changes!;
  expect(changes).toContainEqual(expect.objectContaining({ address: 'channel.shop', symbol: '+', written: true }));
  expect(await audit()).toEqual(['apply: serial 1: 5 to add, 0 to change, 0 to destroy']);
});

it('writes a thing as it is applied, with no secret', async () => {
  const channel = await desk().yaml('channel.shop', never);
  expect(channel[0]).toContain('channel.shop');
  expect(channel.join('\n')).toContain('policy: site-priority');
  expect((await desk().yaml('database.a', never)).join('\n')).toContain('env: A_PASSWORD');
  // As a file has it, so that it may be copied from here.
  const [, ...lines] = channel;
  const file = `${(await readFile(path, 'utf8')).replace(/^channels:.*$/m, 'channels:')}${lines.map((one) => `  ${one}\n`).join('')}`;
  const copied = join(folder, 'copied.yaml');
  await writeFile(copied, file);
  const plan = await person(['plan', '-t', copied, '--state', state, '--detailed-exitcode']);
  expect([plan.code, plan.err]).toEqual([0, '']);
  await expect(desk().yaml('channel.nowhere', never)).rejects.toMatchObject({
    code: 'OT7001',
    hint: expect.stringContaining('channel.shop') as string,
  });
});

it('says why a log or the tables of a channel cannot be had', async () => {
  const { conflicts, unread } = await desk().conflicts(never);
  expect([conflicts, unread.map(({ database }) => database).sort()]).toEqual([[], ['a', 'b']]);
  const { entries, away } = await desk().tables('shop', never);
  expect([entries.flatMap(({ tables }) => tables), away.map(({ database }) => database).sort()]).toEqual([
    [],
    ['a', 'b'],
  ]);
  await expect(desk().conflict('a:1', never)).rejects.toMatchObject({ code: expect.stringMatching(/^OT/) as string });
});

it('tells of the alerts that are applied, and why no node tells what it has kept', async () => {
  expect(await desk().alerts(never)).toEqual({
    topology: 'main',
    judge: null,
    alerts: [],
    receivers: [],
    silences: [],
  });
  await expect(desk().history('shop/a>b', never)).rejects.toMatchObject({ code: 'OT8103' });
});

it('pauses only after the word, and the audit has it', async () => {
  const asked: string[] = [];
  const pausing = async (answer: boolean, signal: AbortSignal): Promise<string | null> =>
    desk().perform(
      { kind: 'pause', address: 'shop/a>b' },
      {
        say: () => undefined,
        ask: async (_, word) => {
          asked.push(word);
          return answer;
        },
        signal,
      },
    );
  expect(await pausing(false, never)).toBeNull();
  expect(await audit()).toHaveLength(1);
  // No node runs, so nobody reports it: whoever waits may leave.
  const leave = new AbortController();
  const waiting = pausing(true, leave.signal);
  await expect.poll(audit).toHaveLength(2);
  leave.abort(new Error('left'));
  await expect(waiting).rejects.toThrow();
  expect(asked).toEqual(['shop/a:b', 'shop/a:b']);
  expect((await audit())[0]).toBe('pause: pipeline.shop/a>b');
});
