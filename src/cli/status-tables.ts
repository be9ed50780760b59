/** `otter status --tables`: which tables the entries of the applied channels mean, by asking their databases. */
import { readSnapshot } from '../executor/snapshot.ts';
import { matchedTables, type SourceTables } from '../inspect/matched.ts';
import { OtterError } from '../model/error.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { StateStore } from '../model/ports.ts';
import type { DatabaseAway, TablesReport } from '../model/status.ts';
import type { Context } from './context.ts';

/** @throws OtterError OT7005 when nothing was applied */
export async function tablesReport(store: StateStore, name: string, context: Context): Promise<TablesReport> {
  const { parts, signal } = context;
  const { meta, specs } = await readSnapshot(store, name, signal);
  if (meta === null) {
    throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
      hint: 'Apply it first: otter apply',
    });
  }
  const channels = Object.fromEntries(Object.entries(specs.channel).map(([channel, { spec }]) => [channel, spec]));
  const pipelines = Object.entries(channels).flatMap(([channel, spec]) => compileChannel(channel, spec));
  const away: DatabaseAway[] = [];
  const sources = new Map<string, SourceTables>();
  const ask = async (database: string): Promise<void> => {
    const spec = specs.database[database]!.spec;
    try {
      await using reached = await parts.reachDatabase(database, spec, signal);
      const { tables } = await reached.report();
      sources.set(database, { schema: spec.schema, tables });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OtterError)) throw error;
      away.push({ database, code: error.code, message: error.message });
    }
  };
  await Promise.all([...new Set(pipelines.map(({ source }) => source))].map(ask));
  return { topology: name, serial: meta.serial, channels: matchedTables(channels, sources), away };
}
