/**
 * What `otter dashboard` takes of a core while it shows so many pipelines, every figure of which changes every second, on the overview of a
 * large terminal (200 x 60).
 *
 *   node bench/dashboard.ts [--pipelines N] [--seconds N]
 *
 * The topology is applied to a state file; in the place of nodes this program writes their records. Needs `dist/` and tmux; Linux only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StateStore } from '../src/model/ports.ts';
import type { NodeRecord, OwnerRecord, PipelineFigures } from '../src/model/records.ts';
import { nodeKey, ownerKey } from '../src/state/keys.ts';
import { openStore } from '../src/state/open.ts';
import { Pane } from '../test/dashboard/pane.ts';
import { Otter } from '../test/e2e/otter.ts';
import { cpuSeconds, until } from './shared/figures.ts';
import { ROOT, startPart } from './shared/part.ts';

const bench = startPart({
  name: 'dashboard',
  sizes: { pipelines: { full: 500, quick: 500 }, seconds: { full: 30, quick: 10 } },
});
const { pipelines, seconds } = bench.sizes;
const WARM_MS = 10_000;
const EACH = 10;
const NODES = 20;
const DATABASES = Math.max(2 * EACH, Math.ceil(pipelines / 5));
const NAMES = Array.from({ length: DATABASES }, (_, i) => `db${i}`);
const CHANNELS = Array.from({ length: Math.ceil(pipelines / EACH) }, (_, i) => ({
  name: `ch${i}`,
  from: `db${i % DATABASES}`,
  to: Array.from({ length: Math.min(EACH, pipelines - i * EACH) }, (__, k) => `db${(i + k * 7 + 1) % DATABASES}`),
}));

await using stack = new AsyncDisposableStack();
const otter = stack.use(await Otter.in());
await otter.write(`version: 1
name: main
regions: { r: {} }
nodes:
${Array.from({ length: NODES }, (_, i) => `  n${i}: { region: r, listen: "127.0.0.1:${20_000 + i}" }\n`).join('')}databases:
${NAMES.map((name, i) => `  ${name}: { region: r, engine: mariadb, endpoints: ["127.0.0.1:${30_000 + i}"], user: otter, password: { env: P } }\n`).join('')}channels:
${CHANNELS.map(({ name, from, to }) => `  ${name}: { from: ${from}, to: [${to.join(', ')}], tables: [${name}.t] }\n`).join('')}`);
const applied = await otter.run('apply', '--auto-approve', '--no-wait');
if (applied.code !== 0) throw new Error(`apply ended with ${applied.code}: ${applied.err}`);
const url = `file:${otter.folder}/state.db`;
const store: StateStore = stack.use(openStore(url));
const stop = new AbortController();
const writing = written(store, stop.signal);
stack.defer(async () => {
  stop.abort();
  await writing;
});

const pane = stack.use(
  await Pane.open([], {
    columns: 200,
    rows: 60,
    env: { OTTER_STATE: url },
    command: [process.execPath, `${ROOT}dist/main.js`, 'dashboard', '-t', 'main'],
    folder: otter.folder,
  }),
);
await until('it is drawn', async () => (await pane.screen()).includes(`of ${pipelines}`));
await sleep(WARM_MS);
const pid = await pane.pid();
const [before] = cpuSeconds([pid]);
await sleep(seconds * 1000);
const [after] = cpuSeconds([pid]);
if (!(await pane.screen()).includes('ch0/')) throw new Error('the dashboard shows no pipeline any more');
bench.tell({
  name: `the dashboard with ${pipelines} pipelines, of a core`,
  value: (100 * (after! - before!)) / seconds,
  unit: '%',
  wanted: { bound: 'at most', value: 5 },
});
bench.end();

/** Every node's record once a second, as nodes write it. */
async function written(into: StateStore, signal: AbortSignal): Promise<void> {
  const lease = await into.lease(60_000);
  const ownerOf = (database: string): string => `n${NAMES.indexOf(database) % NODES}`;
  const advertise = '127.0.0.1:1';
  for (const database of NAMES) {
    const record: OwnerRecord = { node: ownerOf(database), instance: ownerOf(database), advertise };
    await into.commit({
      conditions: [],
      puts: [{ key: ownerKey('main', database), value: JSON.stringify(record), lease }],
      deletes: [],
    });
  }
  for (let tick = 0; !signal.aborted; tick += 1) {
    for (let i = 0; i < NODES; i += 1) {
      const node = `n${i}`;
      const own = CHANNELS.flatMap(({ name, from, to }) =>
        to.flatMap((target) => (ownerOf(target) === node ? [`${name}/${from}>${target}`] : [])),
      );
      const record: NodeRecord = {
        instance: node,
        region: 'r',
        advertise,
        version: '0.1.0',
        startedMs: Date.now() - 3_600_000,
        pid: 1,
        host: 'host',
        databases: NAMES.filter((name) => ownerOf(name) === node),
        rssBytes: 150e6 + tick,
        cpuPercent: tick % 100,
        error: null,
        pipelines: Object.fromEntries(own.map((name, k) => [name, figures(tick, k)])),
        updatedMs: Date.now(),
      };
      await into.commit({
        conditions: [],
        puts: [{ key: nodeKey('main', node), value: JSON.stringify(record), lease }],
        deletes: [],
      });
    }
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
  await lease.revoke();
}

function figures(tick: number, k: number): PipelineFigures {
  return {
    phase: 'streaming',
    observedGeneration: 1,
    lagMs: (tick * 13 + k * 17) % 2_000,
    position: `mariadb:0-1-${tick}`,
    rowsApplied: tick * 1_000 + k,
    rowsPerSecond: (tick * 7 + k * 111) % 3_000,
    window: { rows: 120, ms: 9 },
    conflicts: 0,
    drift: 0,
    copy: null,
    error: null,
    waiting: null,
  };
}
