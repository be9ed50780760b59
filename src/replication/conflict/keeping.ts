/** Which records of the conflict log share their bounds: those of a channel, less the entries that have their own. */
import { type ConflictKeep, type ConflictShare, DEFAULT_CONFLICT_LOG } from '../../model/conflict.ts';
import type { PipelineSpec } from '../../model/pipeline.ts';
import { ruleFor } from '../names.ts';

export interface RecordedIn {
  readonly channel: string;
  readonly schema: string;
  readonly name: string;
}

/**
 * @param found the tables that have records
 * @param pipelines two-way ones out of this database: their entries name tables as they are here. What a channel had that
 * left the topology, or a table that left its channel, is kept as if nothing had been said, or as the channel says.
 */
export function conflictShares(found: readonly RecordedIn[], pipelines: readonly PipelineSpec[]): ConflictShare[] {
  const shares = new Map<string, { channel: string; keep: ConflictKeep; own: boolean; tables: RecordedIn[] }>();
  const specs = new Map(pipelines.map((spec) => [spec.channel, spec]));
  for (const table of found) {
    const spec = specs.get(table.channel);
    const common = spec?.conflictLog?.keep ?? DEFAULT_CONFLICT_LOG.keep;
    const rule = spec === undefined ? null : ruleFor(spec.tables, table.schema, table.name);
    const keep = rule?.conflictLog?.keep ?? common;
    const own = keep.days !== common.days || keep.count !== common.count;
    const name = own ? `${table.channel} ${rule!.from}` : table.channel;
    const share = shares.get(name) ?? { channel: table.channel, keep, own, tables: [] };
    share.tables.push(table);
    shares.set(name, share);
  }
  const divided = new Set([...shares.values()].flatMap(({ channel, own }) => (own ? [channel] : [])));
  return [...shares.values()].map(({ channel, keep, tables }) => ({
    channel,
    keep,
    tables: divided.has(channel) ? tables.map(({ schema, name }) => ({ schema, name })) : null,
  }));
}
