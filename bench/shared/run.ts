/**
 * `npm run bench [-- PART ... OPTIONS]`: runs the parts one after another, each a process of its own, and puts what they
 * measured into one table and one file.
 *
 *   --quick         small sizes: whether all goes, in less than five minutes
 *   --json FILE     where the run is written; else bench/results/run.json
 *   --compare FILE  holds it against an earlier run, and ends with 2 when a figure is worse by more than 15 %
 *   --docs          shows the run in docs/performance.md; parts that did not run stay there as they were
 *   --from FILE     nothing is run: the run in that file is shown, compared, or written into the page
 *   --no-table
 *
 * Other options are for the one part that is named: `npm run bench -- catch-up inserts --rounds 5`. A part that fails does
 * not hide the next; the run then ends with 1. What is missed makes no failure: a run says what is, `--compare` what became worse.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { KEPT, writePage } from './page.ts';
import { COMMON, present, RESULTS, ROOT, writeRun } from './part.ts';
import { type Run, readRun, type Section } from './report.ts';

const PARTS = readdirSync(join(ROOT, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'))
  .sort();

const OPTIONS = { ...COMMON, docs: { type: 'boolean', default: false }, from: { type: 'string' } } as const;
const DOCS = join(ROOT, 'docs');

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const first = args.findIndex((arg) => arg.startsWith('-'));
  const words = first < 0 ? args : args.slice(0, first);
  // `catch-up inserts` is a part and what of it.
  const named = words.filter((word) => PARTS.includes(word));
  const rest = args.filter((arg, at) => (first >= 0 && at >= first) || !named.includes(arg));
  const own = parseArgs({ args: rest, allowPositionals: true, allowNegative: true, strict: false, options: OPTIONS });
  const foreign = own.positionals.length > 0 || Object.keys(own.values).some((name) => !Object.hasOwn(OPTIONS, name));
  if (foreign && named.length !== 1) return refuse(rest);
  const { quick, json, compare, table, docs, from } = own.values as {
    quick: boolean;
    json?: string;
    compare?: string;
    table: boolean;
    docs: boolean;
    from?: string;
  };
  let earlier: Run | null;
  let given: Run | null;
  try {
    [earlier, given] = [compare, from].map((file) =>
      file === undefined ? null : readRun(readFileSync(file, 'utf8'), file),
    ) as [Run | null, Run | null];
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 3;
  }
  const { run, failed } = given === null ? await measure() : { run: given, failed: [] };
  if (given === null) {
    const file = json ?? join(RESULTS, 'run.json');
    writeRun(file, run);
    process.stdout.write(`written to ${file}\n`);
  }
  const code = table ? present(run, earlier) : 0;
  // What failed would stay there as it was before, unseen.
  if (docs && failed.length === 0) {
    const kept = join(DOCS, KEPT);
    writePage(DOCS, run, existsSync(kept) ? readRun(readFileSync(kept, 'utf8'), kept) : null);
  }
  if (failed.length > 0) process.stdout.write(`failed: ${failed.join(', ')}\n`);
  return failed.length > 0 ? 1 : code;

  async function measure(): Promise<{ run: Run; failed: readonly string[] }> {
    const folder = mkdtempSync(join(tmpdir(), 'otter-bench-'));
    const sections: Section[] = [];
    const failed: string[] = [];
    try {
      for (const part of named.length === 0 ? PARTS : named) {
        process.stdout.write(`-- ${part}\n`);
        const file = join(folder, `${part}.json`);
        const passed = foreign ? withoutFiles(rest) : quick ? ['--quick'] : [];
        const code = await runPart(part, [...passed, '--json', file, '--no-table']);
        if (code === 0) sections.push(...readRun(readFileSync(file, 'utf8'), file).sections);
        else failed.push(part);
        if (code >= 128) break;
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return { run: { format: 1, sections }, failed };
  }
}

function refuse(rest: readonly string[]): number {
  process.stderr.write(
    `there is no ${rest.join(' ')}; parts are ${PARTS.join(', ')}; options for one part want it named\n`,
  );
  return 3;
}

/** The part writes where the run wants it; the run compares. */
function withoutFiles(args: readonly string[]): string[] {
  return args.filter((arg, at) => {
    const before = args[at - 1] ?? '';
    return !/^--(json|compare|from)(=|$)|^--((no-)?table|docs)$/.test(arg) && !/^--(json|compare|from)$/.test(before);
  });
}

/** @returns its exit code; 128 and more after a signal */
async function runPart(part: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(ROOT, 'bench', `${part}.ts`), ...args], { stdio: 'inherit', cwd: ROOT });
  let interrupted = false;
  const forward = (signal: NodeJS.Signals): void => {
    interrupted = true;
    // What is typed at a terminal reaches the child by itself.
    if (!(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(signal === null && !interrupted ? (code ?? 1) : 128));
    });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, forward);
  }
}
