/**
 * How fast a backlog is applied: otter beside a native replica of the same source, in turns, on the same log.
 *
 *   node bench/catch-up.ts [WORKLOAD ...] [--rounds N] [--scale X] [--no-target-log] [--alone] [--loud]
 *
 * Each round writes a backlog while nobody reads, then one contender after the other applies it, in changing order. The
 * native replica takes turns between its settings: one thread, two and four optimistic ones; the best median of them is
 * what otter is held against. The time runs from when reading begins until the last transaction is visible.
 * All servers have the same settings, logs of their own included; with `--no-target-log` neither target writes one. `--alone`
 * leaves the replica out, `--loud` tells of each turn.
 */
import type { Connection } from 'mysql2/promise';
import { startMariaDb } from '../src/lab/servers.ts';
import { channel, rootOf, Sites } from '../test/site/harness.ts';
import { cpuSeconds, follow, median, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';
import { WORKLOADS } from './shared/workloads.ts';

const bench = startPart({
  name: 'catch-up',
  sizes: { rounds: { full: 2, quick: 1 }, scale: { full: 1, quick: 0.03 } },
  flags: ['no-target-log', 'alone', 'loud'],
  choices: WORKLOADS.map(({ name }) => name),
});
const { rounds, scale } = bench.sizes;
const { alone, loud } = bench.flags;

const THREADS = [0, 2, 4];

const target = {
  args: bench.flags['no-target-log'] ? ['--skip-log-bin', '--skip-log-slave-updates'] : ['--log-slave-updates'],
};
await using stack = new AsyncDisposableStack();
const source = stack.use(await startMariaDb());
const native = stack.use(await startMariaDb(target));
const ours = stack.use(await startMariaDb(target));
bench.uses('MariaDB', source.version);
const [from, replica, to] = await Promise.all([rootOf(source), rootOf(native), rootOf(ours)]);
for (const each of [from, replica, to]) stack.defer(() => each.destroy());

await follow(replica, source);

for (const workload of WORKLOADS.filter(({ name }) => bench.wants(name))) {
  const name = workload.name.replaceAll('-', '_');
  const sites = stack.use(new Sites({ from: source, to: ours }, undefined, `bench-${name}`));
  const make = `CREATE DATABASE ${name}; USE ${name}; ${workload.tables}; CREATE TABLE mark (id INT PRIMARY KEY)`;
  const count = Math.max(1, Math.round(workload.transactions * scale));
  await from.query(make);
  await from.query(workload.rows ?? 'DO 0');
  await from.query(workload.writer);
  sites.set({
    [name]: channel({ kind: 'one-way', from: ['from'], to: ['to'] }, [`${name}.*`], { initial: 'copy' }),
  });
  const start = (): void => {
    for (const site of ['from', 'to']) sites.start(site);
  };
  const stop = async (): Promise<void> => {
    for (const site of ['to', 'from']) await sites.stop(site);
  };
  start();
  await until('it streams', async () => sites.figures()[`${name}/from>to`]?.phase === 'streaming');
  await stop();
  await replica.query('START SLAVE');
  const made = `SELECT 1 FROM information_schema.routines WHERE routine_schema='${name}'`;
  await until(
    'the replica has the tables',
    async () => (await first(replica, `SELECT COUNT(*) FROM (${made}) AS r`))[0] !== '0',
  );
  await replica.query('STOP SLAVE');
  const rates = { otter: [] as number[], native: new Map(THREADS.map((threads) => [threads, [] as number[]])) };
  const perCpuSecond: number[] = [];
  let rows = 0;
  for (let round = 0; round < rounds * THREADS.length; round += 1) {
    const began = Number((await first(from, `SELECT COALESCE(MAX(id), 0) FROM mark`))[0]) + 1;
    await from.query(`CALL fill(${count}); INSERT INTO mark VALUES (${began})`);
    rows = Number((await first(from, 'SELECT @written'))[0]);
    const threads = THREADS[round % THREADS.length]!;
    const seen = (at: Connection) => async () =>
      (await at.query(`SELECT 1 FROM ${name}.mark WHERE id=${began}`).then(([found]) => found as unknown[])).length > 0;
    const byOtter = async (): Promise<void> => {
      const cpu = cpuSeconds([process.pid, ours.pid!, source.pid!]);
      const seconds = await timed(start, seen(to));
      const spent = cpuSeconds([process.pid, ours.pid!, source.pid!]).map((after, at) => after - cpu[at]!);
      const used = spent.map((each) => each.toFixed(2));
      await stop();
      rates.otter.push(rows / seconds);
      perCpuSecond.push(rows / Math.max(spent[0]!, 0.01));
      if (loud)
        bench.say(
          `  otter ${Math.round(rows / seconds)}/s, ${seconds.toFixed(2)} s, CPU seconds: otter ${used[0]}, target ${used[1]}, source ${used[2]}`,
        );
    };
    const byNative = async (): Promise<void> => {
      await replica.query(`SET GLOBAL slave_parallel_threads=${threads}`);
      const cpu = cpuSeconds([native.pid!, source.pid!]);
      const seconds = await timed(async () => replica.query('START SLAVE'), seen(replica));
      await replica.query('STOP SLAVE');
      rates.native.get(threads)!.push(rows / seconds);
      if (loud)
        bench.say(
          `  native ${threads}: ${Math.round(rows / seconds)}/s, ${seconds.toFixed(2)} s, CPU seconds: replica, source ${cpuSeconds([native.pid!, source.pid!]).map((after, at) => (after - cpu[at]!).toFixed(2))}`,
        );
    };
    for (const contender of alone ? [byOtter] : round % 2 === 0 ? [byOtter, byNative] : [byNative, byOtter])
      await contender();
  }
  const medians = [...rates.native].map(([threads, each]) => ({
    name: threads === 0 ? 'native, serial' : `native, ${threads} threads`,
    value: each.length === 0 ? 0 : median(each),
  }));
  const fastest = medians.reduce((a, b) => (a.value > b.value ? a : b));
  const unit = workload.unit === 'rows' ? 'rows/s' : 'trx/s';
  bench.tell({
    name: workload.name,
    value: median(rates.otter),
    unit,
    better: 'more',
    ...(alone ? {} : { against: fastest, wanted: { bound: 'at least', value: workload.wanted, of: 'ratio' } }),
  });
  bench.tell({
    name: `${workload.name}, per CPU second of otter`,
    value: median(perCpuSecond),
    unit: unit.replace('/s', '/CPU s'),
    better: 'more',
  });
  if (alone) await replica.query('START SLAVE');
  await until(
    'the replica has all',
    async () =>
      (await first(replica, `SELECT MAX(id) FROM ${name}.mark`))[0] ===
      (await first(from, `SELECT MAX(id) FROM ${name}.mark`))[0],
  );
  if (alone) await replica.query('STOP SLAVE');
  await equal(name);
}

bench.end();

async function equal(schema: string): Promise<void> {
  const [tables] = await from.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema='${schema}'`,
  );
  for (const { name } of tables as { name: string }[]) {
    const sums = await Promise.all(
      [from, replica, to].map(async (each) => String((await first(each, `CHECKSUM TABLE ${schema}.\`${name}\``))[1])),
    );
    if (new Set(sums).size !== 1) throw new Error(`${schema}.${name} differs: ${sums.join(', ')}`);
  }
}

async function timed(begin: () => unknown, done: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  await begin();
  await until('it is applied', done, 5);
  return (performance.now() - began) / 1000;
}

async function first(at: Connection, sql: string): Promise<unknown[]> {
  const [found] = await at.query({ sql, rowsAsArray: true });
  return (found as unknown[][])[0]!;
}
