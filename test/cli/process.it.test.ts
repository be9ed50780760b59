/** The command line as a process: signals, closed pipes, a kill in the middle of an apply, what nobody caught. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import type { NodeRecord } from '../../src/model/records.ts';
import { nodeKey } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { LONG } from '../project/long.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** Enough for many parts: what is to be killed in the middle must not be over before the signal is there. */
const REGIONS = 6000;

let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-process-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function topology(more = ''): Promise<void> {
  const text = `version: 1
name: main
regions: { west: {}, east: {}${more} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:${await freePort()}" }
  east-1: { region: east, listen: "127.0.0.1:${await freePort()}" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B } }
channels: { shop: { from: a, to: b, tables: [shop.orders] } }
`;
  await writeFile(join(folder, 'main.yaml'), text);
}

interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** Exit code, or the signal that ended it. */
  readonly end: Promise<number | string>;
}

/** @param stdout a file in place of a pipe */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}, stdout?: number): Running {
  const child = spawn(process.execPath, [MAIN, '-t', 'main.yaml', '--state', 'file:state.db', ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
  });
  children.push(child);
  let said = '';
  child.stdout?.on('data', (data) => {
    said += String(data);
  });
  child.stderr!.on('data', (data) => {
    said += String(data);
  });
  const end = new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal!)));
  return { child, said: () => said, end };
}

async function until(running: Running, text: string | RegExp): Promise<void> {
  await expect.poll(running.said, { timeout: 30_000, interval: 5 }).toMatch(text);
}

test('Ctrl-C while waiting ends with 8, and SIGTERM ends a node with 0', async () => {
  await topology();
  const apply = start(['apply', '--auto-approve']);
  await until(apply, 'Waiting for');
  apply.child.kill('SIGINT');
  expect(await apply.end).toBe(8);
  expect(apply.said()).toContain('The desired state stays');
  const watch = start(['status', '--watch']);
  await until(watch, 'PIPELINE');
  watch.child.kill('SIGTERM');
  expect(await watch.end).toBe(0);
  const node = start(['node', 'west-1']);
  await until(node, /"msg"/);
  node.child.kill('SIGTERM');
  expect(await node.end).toBe(0);
});

test('who stops reading ends the command quietly, and a node goes on without its log', async () => {
  await topology();
  expect(await start(['apply', '--auto-approve', '--no-wait']).end).toBe(0);
  const watch = start(['status', '--watch', '--json']);
  await until(watch, '"topology"');
  watch.child.stdout!.destroy();
  expect(await watch.end).toBe(0);
  expect(watch.said()).not.toContain('EPIPE');
  const node = start(['node', 'west-1'], { OTTER_LOG: 'debug' });
  await until(node, /"msg"/);
  node.child.stderr!.destroy();
  // Its database does not answer, which it goes on saying to nobody while it reports itself alive.
  await using store = openStore(`file:${join(folder, 'state.db')}`);
  const reported = async (): Promise<number> => {
    const [entry] = (await store.list(nodeKey('main', 'west-1'))).entries;
    return entry === undefined ? 0 : (JSON.parse(entry.value) as NodeRecord).updatedMs;
  };
  await expect.poll(reported, { timeout: 30_000 }).toBeGreaterThan(0);
  const first = await reported();
  await expect.poll(reported, { timeout: 30_000 }).toBeGreaterThan(first + 3_000);
  node.child.kill('SIGTERM');
  expect(await node.end).toBe(0);
});

test('what is being done is done whether anybody reads or not, and the exit code says how it ended', async () => {
  await topology();
  const apply = start(['apply', '--auto-approve', '--timeout', '1s']);
  apply.child.stdout!.destroy();
  // Nodes do not run, so it is not done.
  expect(await apply.end).toBe(9);
  expect(apply.said()).not.toContain('EPIPE');
  // As on a full disk: nothing can be written there.
  await using unwritable = await open(join(folder, 'main.yaml'), 'r');
  const schema = start(['schema'], {}, unwritable.fd);
  expect(await schema.end).toBe(1);
  expect(schema.said()).toMatch(/^Error OT7003: what was printed could not be written: /);
});

test('what nobody caught ends with 70, in words and without a stack', async () => {
  await topology();
  await start(['apply', '--auto-approve', '--no-wait']).end;
  const throws = 'setTimeout(() => { throw new Error("two and two is five") }, 700)';
  for (const [env, stack] of [
    [{}, false],
    [{ OTTER_DEBUG: '1' }, true],
  ] as const) {
    const options = `--import=data:text/javascript,${encodeURIComponent(throws)}`;
    const broken = start(['status', '--watch'], { ...env, NODE_OPTIONS: options });
    expect(await broken.end).toBe(70);
    expect(broken.said()).toContain('Error OT9001');
    expect(broken.said()).toContain('two and two is five');
    expect(/\n\s+at /.test(broken.said())).toBe(stack);
  }
});

test.runIf(LONG)('an apply that is killed in the middle is continued by the next', async () => {
  await topology(Array.from({ length: REGIONS }, (_, n) => `, r${n}: {}`).join(''));
  const killed = start(['apply', '--auto-approve', '--no-wait']);
  killed.child.stderr!.on('data', () => {
    if (/Written [1-9]\d* of /.test(killed.said())) killed.child.kill('SIGKILL');
  });
  expect(await killed.end).toBe('SIGKILL');
  const rest = start(['plan', '--json']);
  expect(await rest.end).toBe(0);
  const left = (JSON.parse(rest.said()) as { changes: unknown[]; serial: number }).changes.length;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(REGIONS + 7);
  // The dead one's lock runs out by itself; until then it is told who holds it.
  const refused = start(['apply', '--auto-approve', '--no-wait']);
  expect(await refused.end).toBe(6);
  expect(refused.said()).toContain(`pid ${killed.child.pid}`);
  const next = start(['apply', '--auto-approve', '--no-wait', '--lock-timeout', '60s']);
  expect(await next.end).toBe(0);
  expect(next.said()).toContain(`Applied as serial 1: ${left} added`);
  const after = start(['plan']);
  expect(await after.end).toBe(0);
  expect(after.said()).toContain('No changes.');
});
