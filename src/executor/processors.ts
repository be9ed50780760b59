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
import { MODULE_FOLDER, type Processor } from '../model/processor.ts';
import type { ProcessorRef } from '../model/topology.ts';

/** Of the rows of a part of a transaction or of a chunk, a few thousand together; well below the life of a node's lease. */
const WORK_MS_MAX = 5_000;

const loaded = new Map<string, Processor>();
/** By digest: it did not come back when it was loaded, and is not tried again. */
const endless = new Map<string, OtterError>();

/**
 * @param env `OTTER_PROCESSORS=off`: this node runs none
 * @throws OtterError OT5053
 */
export function loadProcessor(
  ref: ProcessorRef,
  text: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  timeoutMs = WORK_MS_MAX,
): Processor {
  if (env['OTTER_PROCESSORS'] === 'off')
    throw unfit(ref, 'this node runs none', 'Unset OTTER_PROCESSORS where the node runs, or do without `process`.');
  const known = loaded.get(ref.digest);
  if (known !== undefined) return known;
  const refused = endless.get(ref.digest);
  if (refused !== undefined) throw refused;
  if (text === undefined || hash('sha256', text) !== ref.digest)
    throw unfit(ref, 'its text is not in the state store', 'Apply the topology again.');
  const processor = load(ref, text, timeoutMs);
  loaded.set(ref.digest, processor);
  return processor;
}

function load(ref: ProcessorRef, text: string, timeoutMs: number): Processor {
  const folder = mkdtempSync(join(tmpdir(), MODULE_FOLDER));
  try {
    const file = join(folder, `${ref.digest.slice(0, 16)}.mjs`);
    writeFileSync(file, text, { mode: 0o600 });
    const module = ended(() => createRequire(file)(file) as { readonly default?: unknown }, timeoutMs);
    if (typeof module.default === 'function') return module.default as Processor;
    throw unfit(
      ref,
      'its default export is no function',
      'Write `export default function process(row, table) { ... }`.',
    );
  } catch (error) {
    if (error instanceof Endless) {
      const refusal = unfit(ref, 'it does not come back when it is loaded', 'Correct it and apply again.');
      endless.set(ref.digest, refusal);
      throw refusal;
    }
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

let work: (() => void) | null = null;
const doWork = Symbol.for('otter.bounded-work');
Object.defineProperty(globalThis, doWork, { value: () => work?.() });
/** What a script calls is ended with it: nothing else in Node ends a function that does not return. */
const script = new Script("globalThis[Symbol.for('otter.bounded-work')]()");

class Endless extends Error {}

/** Does what calls modules; what does not come back is ended. @throws OtterError OT5053 */
export function bounded<T>(task: () => T, timeoutMs = WORK_MS_MAX): T {
  try {
    return ended(task, timeoutMs);
  } catch (error) {
    if (!(error instanceof Endless)) throw error;
    const message = `a module that \`process\` names took more than ${timeoutMs / 1000} s for a few rows`;
    throw new OtterError('OT5053', message, {
      hint: 'See what in it does not end for the rows that come now, and apply a corrected one: the pipeline stands before them and goes on by itself.',
    });
  }
}

/** @throws Endless */
function ended<T>(task: () => T, timeoutMs: number): T {
  const results: T[] = [];
  const before = work;
  work = () => results.push(task());
  try {
    script.runInThisContext({ timeout: timeoutMs });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? new Endless() : error;
  } finally {
    work = before;
  }
  return results[0]!;
}
