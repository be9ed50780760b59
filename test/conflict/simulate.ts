/**
 * `npm run sim -- --seeds N`: as many random histories as one likes, on every core, and what they broke: of sites with one
 * that decides (`hub`) and of meshes (`mesh`), in turn, or of one kind only (`--only hub`).
 *
 * A history that breaks a promise is cut short: to the fewest steps after which, when all comes to rest, it is still broken.
 * `--seed S` replays one of a hub, and prints what each database logged: when it breaks a promise, of the shortest history
 * that still does. `--fault 'no barrier'` breaks a rule (`simulator/faults.ts`), and takes the first seed that shows it.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { runMesh } from './mesh/world.ts';
import type { LogEntry } from './simulator/database.ts';
import { EVERY_FAULT, type Fault } from './simulator/faults.ts';
import { ruleOf } from './simulator/rules.ts';
import { lengthOf, shrink } from './simulator/shrink.ts';
import { type HistoryOptions, runHistory } from './simulator/world.ts';

const KINDS = {
  hub: (seed: number, steps?: number) => runHistory({ seed, ...(steps === undefined ? {} : { steps }) }),
  mesh: (seed: number, steps?: number) => runMesh({ seed, ...(steps === undefined ? {} : { steps }) }),
} as const;
type Kind = keyof typeof KINDS;

/** No history has more. */
const MOST_STEPS = 1_000;

interface Share {
  readonly from: number;
  readonly count: number;
  readonly kinds: readonly Kind[];
}

interface Broken {
  readonly kind: Kind;
  readonly seed: number;
  readonly steps: number;
  readonly violation: string;
}

/** The fewest steps that still break something; what they break may be another promise. */
function cutShort(kind: Kind, seed: number, violation: string): Broken {
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const short = KINDS[kind](seed, steps);
    if (short.violation !== null) return { kind, seed, steps, violation: short.violation };
  }
  return { kind, seed, steps: MOST_STEPS, violation };
}

function runShare({ from, count, kinds }: Share, report: (broken: Broken) => void): void {
  for (let at = from; at < from + count; at += 1) {
    // Each kind has seeds of its own, from 1 on.
    const kind = kinds[at % kinds.length]!;
    const seed = Math.floor(at / kinds.length) + 1;
    const { violation } = KINDS[kind](seed);
    if (violation !== null) report(cutShort(kind, seed, violation));
  }
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

/** The first seed of a hub that shows a known-bad rule, from 1 on. */
function showing(fault: Fault): number {
  for (let seed = 1; ; seed += 1) if (runHistory({ seed, faults: [fault] }).violation !== null) return seed;
}

/** The exit code. */
function replay(options: HistoryOptions): number {
  const short = shrink(options);
  console.log(`seed ${options.seed}, rule`, ruleOf(options.seed));
  if (short !== null)
    console.log(`the shortest that breaks something: ${lengthOf(short)} steps, ${short.spokes ?? 'as many'} spokes`);
  const { violation } = runHistory({
    ...(short ?? options),
    trace: (database, entry) => console.log(told(database, entry)),
  });
  console.log(violation ?? 'all promises held');
  return violation === null ? 0 : 1;
}

function isFault(name: string): name is Fault {
  return Object.hasOwn(EVERY_FAULT, name);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20000' },
      from: { type: 'string', default: '0' },
      only: { type: 'string' },
      seed: { type: 'string' },
      fault: { type: 'string' },
    },
  });
  const { fault, seed } = values;
  if (fault !== undefined) {
    if (!isFault(fault)) {
      console.error(`--fault takes one of: ${Object.keys(EVERY_FAULT).join(', ')}`);
      return 3;
    }
    return replay({ seed: seed === undefined ? showing(fault) : Number(seed), faults: [fault] });
  }
  if (seed !== undefined) return replay({ seed: Number(seed) });
  const [seeds, from] = [Number(values.seeds), Number(values.from)];
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => values.only === undefined || kind === values.only);
  if (kinds.length === 0) {
    console.error(`--only takes ${Object.keys(KINDS).join(' or ')}`);
    return 3;
  }
  const started = Date.now();
  const found: Broken[] = [];
  const workers = availableParallelism();
  const shares = Array.from({ length: workers }, (_, i): Share => {
    const [first, next] = [i, i + 1].map((at) => from + Math.floor((seeds * at) / workers));
    return { from: first!, count: next! - first!, kinds };
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
  for (const { kind, seed, steps, violation } of found)
    console.log(`${kind}, seed ${seed}, ${steps} steps: ${violation}`);
  console.log(`${seeds} histories in ${((Date.now() - started) / 1000).toFixed(1)} s, ${found.length} broken`);
  return found.length === 0 ? 0 : 1;
}

if (isMainThread) process.exitCode = await main();
else runShare(workerData as Share, (broken) => parentPort!.postMessage(broken));
