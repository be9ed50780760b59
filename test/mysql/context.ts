/** A real server with a source on it and a session to write with, all gone when the test file ends. */
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import type { LogBatch, LogItem, SourcePort } from '../../src/model/ports.ts';
import { comparePoints } from '../../src/model/position.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource, type SourceOptions } from '../../src/mysql/source.ts';
import { definitions } from '../../src/replication/structure-change.ts';

export type Family = LabServer['family'];

export interface Context extends AsyncDisposable {
  readonly lab: LabServer;
  /** As the account with only the privileges that otter needs. */
  readonly server: DatabaseServer;
  readonly source: SourcePort & AsyncDisposable;
  /** As root, several statements at once. */
  readonly root: Session;
  readonly options: (extra: Partial<SourceOptions>) => SourceOptions;
}

export async function open(family: Family, args?: readonly string[]): Promise<Context> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await (family === 'mariadb' ? startMariaDb({ args }) : startMySql({ args })));
  const server = access(lab, lab.otter);
  const source = stack.use(mysqlSource({ server }));
  const root = stack.use(await access(lab, lab.root).connect({ multipleStatements: true }));
  await root.run('DROP DATABASE IF EXISTS d');
  await root.run('CREATE DATABASE d');
  const owned = stack.move();
  return {
    lab,
    server,
    source,
    root,
    options: (extra) => ({ server, ...extra }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function access(lab: LabServer, account: { readonly user: string; readonly password: string }): DatabaseServer {
  return new DatabaseServer({
    name: 'a',
    spec: { endpoints: [`${lab.host}:${lab.port}`], user: account.user, tls: null },
    password: account.password,
  });
}

export interface ReadOptions {
  readonly from: string;
  readonly wants?: (schema: string, table: string) => boolean;
  readonly partBytes?: number;
}

/** Everything from a position to the present end of the log. */
/** What can be read; the rest throws its error. */
export type ReadItem = Exclude<LogItem, { kind: 'unreadable' }>;

export async function readToEnd(source: SourcePort, options: ReadOptions): Promise<ReadItem[]> {
  const end = (await source.logEnd()).point;
  const items: ReadItem[] = [];
  for await (const batch of readUntil(source, options, (b) => comparePoints(b.point, end) >= 0))
    for (const item of batch.items) {
      if (item.kind === 'unreadable') throw item.error;
      items.push(item);
    }
  return items;
}

/** Batches up to and including the first for which `last` holds. */
export async function* readUntil(
  source: SourcePort,
  { from, wants = () => true, partBytes = 1 << 20 }: ReadOptions,
  last: (batch: LogBatch) => boolean,
): AsyncGenerator<LogBatch> {
  const abort = new AbortController();
  for await (const batch of source.readLog({
    from,
    wants,
    definitions,
    partBytes,
    signal: abort.signal,
  })) {
    yield batch;
    if (last(batch)) return;
  }
}

export function rowItems(items: readonly LogItem[]): Extract<LogItem, { kind: 'rows' }>[] {
  return items.filter((item) => item.kind === 'rows');
}
