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
