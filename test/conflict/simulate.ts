/**
 * `npm run sim -- --seeds N`: as many random histories as one likes, on every core, and what they broke.
 *
 * A history that breaks a promise is shrunk: to the fewest steps after which, when all comes to rest, it is still broken.
 * `--seed S` runs one, and prints what each database logged.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { LogEntry } from './simulator/database.ts';
import { ruleOf } from './simulator/rules.ts';
import { type HistoryOptions, runHistory } from './simulator/world.ts';

interface Share {
  readonly from: number;
  readonly count: number;
}

interface Broken {
  readonly seed: number;
  readonly steps: number;
  readonly violation: string;
}

/** The fewest steps that still break something; what they break may be another promise. */
function shrink(options: HistoryOptions): Broken {
  const whole = runHistory(options);
  let best = { steps: whole.steps, violation: whole.violation! };
  for (let steps = 0; steps < best.steps; steps += 1) {
    const { violation } = runHistory({ ...options, steps });
    if (violation !== null) best = { steps, violation };
  }
  return { seed: options.seed, ...best };
}

function runShare({ from, count }: Share, report: (broken: Broken) => void): void {
  for (let seed = from; seed < from + count; seed += 1)
    if (runHistory({ seed }).violation !== null) report(shrink({ seed }));
}

function told(database: string, entry: LogEntry): string {
  const changes = entry.changes.map((change) => {
    const [before, after] = [
      change.kind === 'insert' ? '' : change.before,
      change.kind === 'delete' ? '' : change.after,
    ];
    return `${change.table.name} ${change.kind} (${before}) -> (${after})`;
  });
  const answers = entry.answers.map(({ table, key, image }) => `answer ${table.name} ${key} = (${image})`);
  const head = [database, entry.sequence, entry.kind, entry.pipeline ?? '', entry.mark ?? ''].join(' ').trim();
  return [head, ...changes, ...answers].join('; ');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
    },
  });
  if (values.seed !== undefined) {
    const seed = Number(values.seed);
    console.log('rule', ruleOf(seed));
    const { violation } = runHistory({ seed, trace: (database, entry) => console.log(told(database, entry)) });
    console.log(violation ?? 'all promises held');
    return violation === null ? 0 : 1;
  }
  const [seeds, from] = [Number(values.seeds), Number(values.from)];
  const started = Date.now();
  const found: Broken[] = [];
  const workers = availableParallelism();
  const shares = Array.from({ length: workers }, (_, i): Share => {
    const [first, next] = [i, i + 1].map((at) => from + Math.floor((seeds * at) / workers));
    return { from: first!, count: next! - first! };
  });
  await Promise.all(
    shares.map(
      (share) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: share });
          worker.on('message', (broken: Broken) => found.push(broken));
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
  for (const { seed, steps, violation } of found) console.log(`seed ${seed}, ${steps} steps: ${violation}`);
  console.log(`${seeds} histories in ${((Date.now() - started) / 1000).toFixed(1)} s, ${found.length} broken`);
  return found.length === 0 ? 0 : 1;
}

if (isMainThread) process.exitCode = await main();
else runShare(workerData as Share, (broken) => parentPort!.postMessage(broken));
