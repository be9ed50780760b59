/** Two sites whose conflicts wait for a person, and the person: a program that decides what is open. */
import type mysql from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import type { DatabaseServer as LabServer } from '../../src/lab/servers.ts';
import type { LoggedConflict } from '../../src/model/conflict.ts';
import { compileChannel, reverseName } from '../../src/model/pipeline.ts';
import type { ResolutionPlan, Take } from '../../src/model/resolution.ts';
import type { DatabaseSpec } from '../../src/model/topology.ts';
import { openConflictLog } from '../../src/mysql/conflict-log.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { MysqlTarget } from '../../src/mysql/target.ts';
import { Resolving } from '../../src/site/resolving.ts';
import { channel, loud, quiet, Sites } from './harness.ts';

export type Name = 'a' | 'b';
export const PIPELINES = ['shop/a>b', 'shop/b>a'] as const;

export function manualSites(servers: Readonly<Record<Name, LabServer>>): Sites {
  const sites = new Sites(servers, process.env['LOUD'] ? loud : quiet);
  sites.set({ shop: SHOP });
  return sites;
}

const common = { by: null, merge: 'row', groups: [], counters: [] } as const;
const conflict = { policy: 'manual', priority: ['a', 'b'], ...common } as const;
export const SHOP = channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.t'], { conflict, initial: 'none' });
const SPECS = compileChannel('shop', SHOP);

/** Whoever decides conflicts at one of the databases, as `otter conflicts resolve` does. */
export class Person implements AsyncDisposable {
  readonly #server: DatabaseServer;
  readonly #resolving: Resolving;
  /** The database, without a site. */
  readonly target: MysqlTarget;

  constructor(name: Name, lab: LabServer) {
    const spec: DatabaseSpec = {
      region: 'r',
      engine: lab.family,
      endpoints: [`${lab.host}:${lab.port}`],
      user: lab.otter.user,
      password: { env: 'X' },
      tls: null,
      schema: 'otter',
      protect: false,
    };
    this.#server = new DatabaseServer({ name, spec, password: lab.otter.password });
    this.target = new MysqlTarget({
      connect: () => this.#server.connect({ multipleStatements: true }),
      schema: 'otter',
      lineage: 'test-lineage',
      source: mysqlSource({ server: this.#server, ownSchema: 'otter' }),
      now: Date.now,
    });
    this.#resolving = new Resolving(this.target);
  }

  /** What waits, the oldest first, whole. */
  async open(): Promise<LoggedConflict[]> {
    const signal = new AbortController().signal;
    await using log = await openConflictLog(this.#server, { schema: 'otter', signal });
    const all = { table: null, channel: null, pipeline: null, kind: null, winner: null, sinceMs: null };
    const listed = await log.list({ ...all, open: true, limit: 100_000 });
    const whole: LoggedConflict[] = [];
    for (const { id } of listed.toReversed()) {
      const one = await log.one(id);
      if (one?.state === 'open') whole.push(one);
    }
    return whole;
  }

  /** @throws OtterError */
  async resolve(conflict: LoggedConflict, take: Take): Promise<void> {
    await this.write(await this.plan(conflict, take), take);
  }

  plan(conflict: LoggedConflict, take: Take): Promise<ResolutionPlan> {
    return this.#resolving.plan(conflict, take);
  }

  /** @throws OtterError */
  async write(plan: ResolutionPlan, take: Take): Promise<void> {
    const towards = SPECS.find(({ name }) => name === reverseName(plan.conflict.pipeline))!;
    await this.#resolving.write(plan, take, { who: 'somebody@here', nowMs: Date.now(), towards });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resolving[Symbol.asyncDispose]();
  }
}

export async function stateOf(db: Connection): Promise<string[]> {
  const [rows] = await db.query<mysql.RowDataPacket[]>(
    'SELECT state, kind, winner, row_key, decided_by FROM otter.conflict ORDER BY id',
  );
  return rows.map(({ state, kind, winner, row_key: key, decided_by: rule }) =>
    [state, kind, winner, Object.values(JSON.parse(key as string) as Record<string, string>).join(), rule].join(' '),
  );
}
