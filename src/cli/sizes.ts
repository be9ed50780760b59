/** `--live` of a plan: the databases are asked how large their tables are; one that does not answer is told, and its sizes stay unknown. */
import { OtterError } from '../model/error.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { Topology } from '../model/topology.ts';
import type { TableSizes } from '../planner/copies.ts';
import { printable } from '../render/width.ts';
import type { Context } from './context.ts';

export async function sizesOf(context: Context, { channel, database }: Topology): Promise<TableSizes> {
  const { parts, signal, stderr } = context;
  const sources = new Set(
    Object.entries(channel).flatMap(([name, spec]) => compileChannel(name, spec).map(({ source }) => source)),
  );
  const asked = await Promise.all(
    [...sources].map(async (name) => {
      try {
        await using reached = await parts.reachDatabase(name, database[name]!, signal);
        return [[name, await reached.sizes()] as const];
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof OtterError)) throw error;
        stderr.write(`${name} was not asked how large its tables are: ${error.code}: ${printable(error.message)}\n`);
        return [];
      }
    }),
  );
  return new Map(asked.flat());
}
