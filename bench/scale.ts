/**
 * The control plane at the size of Otter's own peak and beyond: 200 databases, 80 nodes, 500 channels, 20,000 tables, made up.
 *
 *   node bench/scale.ts
 *
 * `plan` of the whole, a first `apply`, and one that has nothing to do, against an etcd that is started; with the most memory
 * that each process had. Nobody owns the databases: none of these wait for nodes. Needs `dist/`; Linux only.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEtcd } from '../src/lab/servers.ts';
import { startPart } from './shared/part.ts';
import type { Measured } from './shared/report.ts';

const bench = startPart({ name: 'scale' });

const DATABASES = 200;
const NODES = 80;
const CHANNELS = 500;
const TABLES = 20_000;
const REGIONS = 10;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const topology = `version: 1
name: peak
regions: { ${count(REGIONS)
  .map((r) => `r${r}: {}`)
  .join(', ')} }
nodes:
${count(NODES)
  .map((n) => `  n${n}: { region: r${n % REGIONS}, listen: "10.0.${n}.1:7400" }\n`)
  .join('')}databases:
${count(DATABASES)
  .map(
    (d) =>
      `  d${d}: { region: r${d % REGIONS}, engine: mysql, endpoints: ["d${d}.example.com:3306"], user: otter, password: { env: PASSWORD } }\n`,
  )
  .join('')}channels:
${count(CHANNELS)
  .map((c) => {
    const tables = count(TABLES / CHANNELS).map((t) => `"s${c}.t${t}"`);
    const [a, b] = [c % DATABASES, (c + 1 + (c % 7)) % DATABASES];
    const direction =
      c % 2 === 0 ? `between: [d${a}, d${b}], conflict: { policy: site-priority }` : `from: d${a}, to: d${b}`;
    return `  c${c}: { ${direction}, tables: [${tables.join(', ')}] }\n`;
  })
  .join('')}`;

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), 'otter-bench-'));
stack.defer(() => rm(folder, { recursive: true }));
const etcd = stack.use(await startEtcd());
bench.uses('etcd', etcd.version);
await writeFile(join(folder, 'peak.yaml'), topology);
bench.say(
  `${DATABASES} databases, ${NODES} nodes, ${CHANNELS} channels, ${TABLES} tables, ${Math.round(topology.length / 1024)} KiB of YAML`,
);
await timed('plan', 'plan, nothing applied yet', 2, 500);
await timed('apply --auto-approve --no-wait', 'apply of everything');
await timed('plan', 'plan, nothing to do', 2, 500);
await timed('apply --auto-approve --no-wait', 'apply, nothing to do', 5);

bench.end();

async function timed(command: string, what: string, seconds?: number, megabytes?: number): Promise<void> {
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, ...command.split(' '), '-t', 'peak.yaml', '--state', etcd.url], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, PASSWORD: 'x' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += String(data);
  });
  let mostBytes = 0;
  const looking = setInterval(() => {
    try {
      const most = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      mostBytes = Math.max(mostBytes, Number(most?.[1] ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 20);
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
  clearInterval(looking);
  if (code !== 0) throw new Error(`otter ${command} ended with ${code}: ${said}`);
  const atMost = (value: number | undefined): Pick<Measured, 'wanted' | 'better'> =>
    value === undefined ? { better: 'less' } : { wanted: { bound: 'at most', value } };
  bench.tell({ name: what, value: (performance.now() - began) / 1000, unit: 's', ...atMost(seconds) });
  bench.tell({ name: `${what}: memory`, value: mostBytes / 1e6, unit: 'MB', ...atMost(megabytes) });
}
