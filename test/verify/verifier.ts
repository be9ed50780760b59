/** Runs verify over the databases of sites that run in this process, as the command does. */

import type { DatabaseServer as LabServer } from '../../src/lab/servers.ts';
import type { TableResult } from '../../src/model/comparing.ts';
import { compileChannel, type PipelineSpec } from '../../src/model/pipeline.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { ComparedServer } from '../../src/mysql/compared.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { repair } from '../../src/verify/repair.ts';
import { type VerifyOptions, verify } from '../../src/verify/verify.ts';

export interface Wanted
  extends Partial<
    Pick<VerifyOptions, 'extras' | 'limit' | 'from' | 'reached' | 'patienceMs' | 'signal' | 'finds' | 'now'>
  > {
  readonly repairs?: boolean;
  /** Called when it begins to wait for what is on its way. */
  readonly waits?: () => void;
}

export function pipelinesOf(channels: Readonly<Record<string, ChannelSpec>>): readonly PipelineSpec[] {
  return Object.entries(channels).flatMap(([name, spec]) => compileChannel(name, spec));
}

class Watched extends ComparedServer {
  waits: (() => void) | null = null;

  override checkpoints(lineage: string): ReturnType<ComparedServer['checkpoints']> {
    this.waits?.();
    return super.checkpoints(lineage);
  }
}

function compared(name: string, lab: LabServer, waits: (() => void) | null): ComparedServer {
  const spec = { endpoints: [`${lab.host}:${lab.port}`], user: lab.otter.user, tls: null };
  const server = new Watched(new DatabaseServer({ name, spec, password: lab.otter.password }), 'otter');
  server.waits = waits;
  return server;
}

export async function verified(
  servers: Readonly<Record<string, LabServer>>,
  channels: Readonly<Record<string, ChannelSpec>>,
  wanted: Wanted = {},
): Promise<readonly TableResult[]> {
  await using open = new AsyncDisposableStack();
  const databases = new Map(
    Object.entries(servers).map(([name, lab]) => [name, open.use(compared(name, lab, wanted.waits ?? null))] as const),
  );
  const options = {
    lineage: 'test-lineage',
    kept: (pipeline: string) => pipeline,
    patienceMs: wanted.patienceMs ?? 20_000,
    now: wanted.now ?? Date.now,
    signal: wanted.signal ?? new AbortController().signal,
  };
  return await verify({
    ...options,
    pipelines: pipelinesOf(channels),
    database: async (name) => databases.get(name)!,
    refused: () => null,
    wanted: () => true,
    finds: wanted.finds ?? (() => ({ hash: null, processor: null, bounded: null })),
    extras: wanted.extras ?? true,
    limit: wanted.limit ?? 5_000,
    pace: async () => undefined,
    sized: false,
    from: wanted.from ?? null,
    reached: wanted.reached ?? (() => undefined),
    repair: wanted.repairs === true ? (found) => repair(found, options) : null,
  });
}

/** What was found, in one line a difference. */
export function linesOf(tables: readonly TableResult[]): string[] {
  return tables.flatMap(({ table, differences }) =>
    differences.map(({ kind, key }) => `${table} ${kind} ${Object.values(key).join()}`),
  );
}
