/**
 * Modules that topologies bring along, loaded in the node.
 *
 * A module is an ES module without imports of its own but Node's (`node:crypto`). It is written to a file of this process for the
 * moment in which it is loaded, since only files are loaded at once. Rule kept: only the text whose digest the topology names runs.
 */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { OtterError } from '../model/error.ts';
import type { Processor } from '../model/processor.ts';
import type { ProcessorRef } from '../model/topology.ts';

const loaded = new Map<string, Processor>();

/**
 * @param env `OTTER_PROCESSORS=off`: this node runs none
 * @throws OtterError OT5053
 */
export function loadProcessor(
  ref: ProcessorRef,
  text: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Processor {
  if (env['OTTER_PROCESSORS'] === 'off')
    throw unfit(ref, 'this node runs none', 'Unset OTTER_PROCESSORS where the node runs, or do without `process`.');
  const known = loaded.get(ref.digest);
  if (known !== undefined) return known;
  if (text === undefined || hash('sha256', text) !== ref.digest)
    throw unfit(ref, 'its text is not in the state store', 'Apply the topology again.');
  const processor = load(ref, text);
  loaded.set(ref.digest, processor);
  return processor;
}

function load(ref: ProcessorRef, text: string): Processor {
  const folder = mkdtempSync(join(tmpdir(), 'otter-processor-'));
  try {
    const file = join(folder, `${ref.digest.slice(0, 16)}.mjs`);
    writeFileSync(file, text, { mode: 0o600 });
    const module = createRequire(file)(file) as { readonly default?: unknown };
    if (typeof module.default === 'function') return module.default as Processor;
    throw unfit(
      ref,
      'its default export is no function',
      'Write `export default function process(row, table) { ... }`.',
    );
  } catch (error) {
    if (error instanceof OtterError) throw error;
    const why =
      error instanceof Error ? `${error.name}: ${error.message.replaceAll(folder, '')}` : 'it threw what is no error';
    throw unfit(
      ref,
      why,
      'It may import Node’s own modules by `node:` and no others, and await nothing outside of functions.',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function unfit({ module }: ProcessorRef, why: string, hint: string): OtterError {
  return new OtterError('OT5053', `${module} cannot be run: ${why}`, { where: { module }, hint });
}

/** Of the rows of a part of a transaction or of a chunk, a few thousand together; well below the life of a node's lease. */
const WORK_MS_MAX = 5_000;

let work: (() => void) | null = null;
const doWork = Symbol.for('otter.bounded-work');
Object.defineProperty(globalThis, doWork, { value: () => work?.() });
/** What a script calls is ended with it: nothing else in Node ends a function that does not return. */
const script = new Script("globalThis[Symbol.for('otter.bounded-work')]()");

/** Does what calls modules; what does not come back is ended. @throws OtterError OT5053 */
export function bounded<T>(task: () => T, timeoutMs = WORK_MS_MAX): T {
  const results: T[] = [];
  const before = work;
  work = () => results.push(task());
  try {
    script.runInThisContext({ timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new OtterError(
      'OT5053',
      `a module that \`process\` names took more than ${timeoutMs / 1000} s for a few rows`,
      {
        hint: 'See what in it does not end for the rows that come now, and apply a corrected one: the pipeline stands before them and goes on by itself.',
      },
    );
  } finally {
    work = before;
  }
  return results[0]!;
}
