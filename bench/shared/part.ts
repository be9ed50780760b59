/** A benchmark program: its arguments, what it tells, and the report it ends with. */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  compare,
  comparisonTable,
  type Figure,
  figureOf,
  type Measured,
  type Plot,
  type Run,
  readRun,
  table,
} from './report.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Git does not see it. */
export const RESULTS = join(ROOT, 'bench/results');

/** How much is done: in a run that is worth reading, and in one that only shows that all goes. */
interface Size {
  readonly full: number;
  readonly quick: number;
}

interface Declared<S extends string, F extends string> {
  readonly name: string;
  /** `--NAME N`. */
  readonly sizes?: Readonly<Record<S, Size>>;
  /** `--NAME`. */
  readonly flags?: readonly F[];
  /** What may be named to be done alone; all of it when nothing is. */
  readonly choices?: readonly string[];
}

/** What every part takes. */
export const COMMON = {
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
  compare: { type: 'string' },
  table: { type: 'boolean', default: true },
} as const;

/**
 * Reads the arguments. Every part takes `--quick`, `--json FILE` (else `bench/results/PART.json`), `--compare FILE` and
 * `--no-table`; what it does not know ends the process with 3.
 */
export function startPart<S extends string = never, F extends string = never>(declared: Declared<S, F>): Part<S, F> {
  try {
    return new Part(declared);
  } catch (error) {
    process.stderr.write(`${declared.name}: ${(error as Error).message}\n`);
    process.exit(3);
  }
}

const LOOK_MS = 200;

export class Part<S extends string, F extends string> {
  readonly name: string;
  readonly quick: boolean;
  readonly sizes: Readonly<Record<S, number>>;
  readonly flags: Readonly<Record<F, boolean>>;
  readonly #chosen: readonly string[];
  readonly #json: string;
  readonly #earlier: Run | null;
  readonly #table: boolean;
  readonly #versions: Record<string, string> = { otter: otterVersion(), node: process.versions.node };
  readonly #figures: Figure[] = [];
  readonly #plots: Plot[] = [];
  readonly #at = new Date();
  readonly #busyBefore = busyShare();

  constructor({ name, sizes, flags = [], choices = [] }: Declared<S, F>) {
    const declared = Object.entries(sizes ?? {}) as [S, Size][];
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      allowNegative: true,
      options: {
        ...Object.fromEntries(declared.map(([size]) => [size, { type: 'string' as const }])),
        ...Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }])),
        ...COMMON,
      },
    });
    const given = values as Readonly<Record<string, string | boolean | undefined>>;
    for (const word of positionals)
      if (!choices.includes(word))
        throw new Error(
          `it has no ${word}${choices.length === 0 ? '; it takes only options' : `, but ${choices.join(', ')}`}`,
        );
    this.name = name;
    this.quick = values.quick;
    this.#chosen = positionals;
    this.sizes = Object.fromEntries(
      declared.map(([size, { full, quick }]) => {
        const text = given[size];
        const number = text === undefined ? (values.quick ? quick : full) : Number(text);
        if (!(number >= 0)) throw new Error(`--${size} wants a number, not ${text}`);
        return [size, number];
      }),
    ) as Record<S, number>;
    this.flags = Object.fromEntries(flags.map((flag) => [flag, given[flag] === true])) as Record<F, boolean>;
    this.#json = values.json ?? join(RESULTS, `${name}.json`);
    this.#earlier = values.compare === undefined ? null : readRun(readFileSync(values.compare, 'utf8'), values.compare);
    this.#table = values.table;
  }

  /** Whether that is to be done: it was named, or nothing was. */
  wants(choice: string): boolean {
    return this.#chosen.length === 0 || this.#chosen.includes(choice);
  }

  /** A line while it runs. */
  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** A server or program that it runs beside otter. */
  uses(name: string, version: string): void {
    this.#versions[name] = version;
  }

  tell(measured: Measured): Figure {
    const figure = figureOf(this.name, measured);
    if (this.#figures.some((other) => other.name === figure.name)) throw new Error(`two figures are ${figure.name}`);
    this.#figures.push(figure);
    return figure;
  }

  plot(plot: Omit<Plot, 'part'>): void {
    this.#plots.push({ part: this.name, ...plot });
  }

  /** Writes and prints the report. Exit code 2: something is worse than in the earlier run. */
  end(): void {
    const run: Run = {
      format: 1,
      sections: [
        {
          part: this.name,
          at: this.#at.toISOString(),
          seconds: Math.round((Date.now() - this.#at.getTime()) / 100) / 10,
          busy: Math.round(Math.max(this.#busyBefore, busyShare()) * 100) / 100,
          quick: this.quick,
          sizes: this.sizes,
          machine: machine(),
          versions: this.#versions,
          figures: this.#figures,
          plots: this.#plots,
        },
      ],
    };
    writeRun(this.#json, run);
    if (this.#table) process.exitCode = present(run, this.#earlier);
  }
}

/** Prints a run, and what became of an earlier one. @returns the exit code */
export function present(
  run: Run,
  earlier: Run | null,
  print: (text: string) => unknown = (text) => process.stdout.write(text),
): number {
  print(`\n${table(run)}`);
  if (earlier === null) return 0;
  print(`\n${comparisonTable(earlier, run)}`);
  return compare(earlier, run).some(({ worse }) => worse) ? 2 : 0;
}

export function writeRun(file: string, run: Run): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(run, null, 1)}\n`);
}

/** How busy all CPUs are while this waits. */
function busyShare(): number {
  const sums = (): { idle: number; all: number } => {
    const times = cpus().map((cpu) => cpu.times);
    const all = times.flatMap((each) => Object.values(each)).reduce((sum, ms) => sum + ms, 0);
    return { idle: times.reduce((sum, { idle }) => sum + idle, 0), all };
  };
  const before = sums();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  const after = sums();
  return after.all === before.all ? 0 : 1 - (after.idle - before.idle) / (after.all - before.all);
}

function machine(): Run['sections'][number]['machine'] {
  const all = cpus();
  return {
    cpus: all.length,
    cpu: all[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
  };
}

/** With the commit, where there is one, and a sign that files were changed since. */
function otterVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    };
    const commit = execFileSync('git', ['rev-parse', '--short=9', 'HEAD'], options).trim();
    const changed = execFileSync('git', ['status', '--porcelain', '--', 'src', 'bench/*.ts'], options).trim() !== '';
    return `${version} (${commit}${changed ? ' and changes' : ''})`;
  } catch {
    return version;
  }
}
