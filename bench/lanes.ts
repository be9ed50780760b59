/**
 * Whether several writers pay: one pipeline catches up with 1, 2 and 4 lanes in turns, into a target beside it and into one
 * that is so far away.
 *
 *   node bench/lanes.ts [WORKLOAD ...] [--delay MS] [--rounds N] [--scale X] [--loud]
 *
 * `--delay` is milliseconds each way between otter and the target. Each turn has a backlog of its own, written while nobody
 * reads; the order of turns changes with every round. The time runs from when the first rows are written until the last
 * transaction is visible: far away it takes seconds to begin.
 */
import type { Connection } from 'mysql2/promise';
import { startProxy } from '../src/lab/proxy.ts';
import { type DatabaseServer, startMariaDb } from '../src/lab/servers.ts';
import { channel, rootOf, Sites } from '../test/site/harness.ts';
import { cpuSeconds, median, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';
import { WORKLOADS } from './shared/workloads.ts';

const bench = startPart({
  name: 'lanes',
  sizes: { rounds: { full: 3, quick: 1 }, scale: { full: 0.15, quick: 0.02 }, delay: { full: 5, quick: 5 } },
  flags: ['loud'],
  choices: WORKLOADS.map(({ name }) => name),
});
const { rounds, scale } = bench.sizes;
const counts = [1, 2, 4];
/** Done when none is named; the rest takes long. */
const USUAL = 'inserts';

await using stack = new AsyncDisposableStack();
const source = stack.use(await startMariaDb());
bench.uses('MariaDB', source.version);
const target = stack.use(await startMariaDb({ args: ['--log-slave-updates'] }));
const [from, to] = await Promise.all([rootOf(source), rootOf(target)]);
for (const each of [from, to]) stack.defer(() => each.destroy());
const proxy = stack.use(await startProxy({ target: { host: target.host, port: target.port } }));

const all = WORKLOADS.every(({ name }) => bench.wants(name));
for (const workload of WORKLOADS.filter(({ name }) => (all ? name === USUAL : bench.wants(name))))
  for (const delay of [0, bench.sizes.delay]) await run(workload, delay);
bench.end();

async function run(workload: (typeof WORKLOADS)[number], delay: number): Promise<void> {
  const name = `${workload.name.replaceAll('-', '_')}_${delay}`;
  proxy.delay(delay);
  const sites = stack.use(new Sites({ from: source, to: delay === 0 ? target : away() }, undefined, `bench-${name}`));
  await from.query(`CREATE DATABASE ${name}; USE ${name}; ${workload.tables}; CREATE TABLE mark (id INT PRIMARY KEY)`);
  await from.query(workload.rows ?? 'DO 0');
  await from.query(workload.writer);
  const set = (lanes: number): void =>
    sites.set({
      [name]: channel({ kind: 'one-way', from: ['from'], to: ['to'] }, [`${name}.*`], {
        apply: { lanes, atomic: lanes === 1 },
      }),
    });
  const start = (): void => {
    for (const site of ['from', 'to']) sites.start(site);
  };
  const stop = async (): Promise<void> => {
    for (const site of ['to', 'from']) await sites.stop(site);
  };
  set(1);
  start();
  await until('it streams', async () => sites.figures()[`${name}/from>to`]?.phase === 'streaming');
  await stop();
  const rates = new Map(counts.map((count) => [count, [] as number[]]));
  for (let turn = 0; turn < rounds * counts.length; turn += 1) {
    const round = Math.floor(turn / counts.length);
    const lanes = counts[(turn + round) % counts.length]!;
    await from.query(`CALL fill(${Math.max(1, Math.round(workload.transactions * scale))})`);
    const rows = Number((await first(from, 'SELECT @written'))[0]);
    await from.query(`INSERT INTO mark VALUES (${turn})`);
    set(lanes);
    start();
    const written = (): number => sites.figures()[`${name}/from>to`]?.rowsApplied ?? 0;
    await until('it has begun', async () => written() > 0, 1);
    const before = written();
    const cpu = cpuSeconds([process.pid, target.pid!]);
    const began = performance.now();
    await until('it is applied', async () => (await first(to, seenQuery(name, turn)))[0] !== '0', 5);
    const seconds = (performance.now() - began) / 1000;
    const rate = (rows * (1 - before / written())) / seconds;
    const used = cpuSeconds([process.pid, target.pid!]).map((after, at) => (after - cpu[at]!).toFixed(2));
    // Lanes may have come to the mark before they have written all.
    const all = (): Promise<boolean> => same(name);
    await until('all is there', all, 50);
    await stop();
    rates.get(lanes)!.push(rate);
    if (bench.flags.loud)
      bench.say(
        `  ${lanes} lanes: ${Math.round(rate)}/s, ${seconds.toFixed(2)} s, CPU seconds: otter ${used[0]}, target ${used[1]}`,
      );
  }
  const one = { name: '1 lane', value: median(rates.get(1)!) };
  const unit = workload.unit === 'rows' ? 'rows/s' : 'trx/s';
  for (const count of counts)
    bench.tell({
      name: `${workload.name}, ${delay} ms each way, lanes: ${count}`,
      value: median(rates.get(count)!),
      unit,
      better: 'more',
      ...(count === 1 ? {} : { against: one }),
    });
}

function away(): DatabaseServer {
  return new Proxy(target, {
    get: (of, key) => {
      if (key === 'port') return proxy.port;
      const value = Reflect.get(of, key) as unknown;
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}

function seenQuery(name: string, turn: number): string {
  return `SELECT COUNT(*) FROM ${name}.mark WHERE id=${turn}`;
}

async function same(schema: string): Promise<boolean> {
  const [tables] = await from.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema='${schema}'`,
  );
  for (const { name } of tables as { name: string }[]) {
    const sums = await Promise.all(
      [from, to].map(async (each) => String((await first(each, `CHECKSUM TABLE ${schema}.\`${name}\``))[1])),
    );
    if (sums[0] !== sums[1]) return false;
  }
  return true;
}

async function first(at: Connection, sql: string): Promise<unknown[]> {
  const [found] = await at.query({ sql, rowsAsArray: true });
  return (found as unknown[][])[0]!;
}
