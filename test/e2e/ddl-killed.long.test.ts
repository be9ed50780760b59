/**
 * Nodes are killed, as processes, between what a change of tables does and what is recorded of it: a server lets nothing be
 * recorded until the node is dead.
 */
import type { Connection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { STARTS, until } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

/** What is waited for at the second database, and who dies then. */
const MOMENTS = {
  'before it is begun': 'INSERT ON otter.`change`',
  'when it is made': 'DELETE ON otter.`change`',
  'when a table is made': 'INSERT ON otter.structure',
} as const;
type Moment = keyof typeof MOMENTS;
type Step = readonly [sql: string, moment: Moment, killed: readonly string[]];

const BOTH: readonly Step[] = [
  ['ALTER TABLE s.t ADD c INT DEFAULT 7', 'when it is made', ['east-1']],
  ['ALTER TABLE s.t ADD d INT FIRST, ADD INDEX (a)', 'before it is begun', ['east-1']],
  ['ALTER TABLE s.t MODIFY a BIGINT AFTER d', 'when it is made', ['east-1', 'west-1']],
  ['CREATE TABLE s.u (id INT PRIMARY KEY, a INT) SELECT 1 AS id, 1 AS a', 'when a table is made', ['east-1', 'west-1']],
  ['CREATE INDEX i ON s.u (a)', 'when it is made', ['west-1']],
];
const ONE_WAY: readonly Step[] = [
  ...BOTH,
  ['RENAME TABLE s.u TO s.v', 'when it is made', ['east-1']],
  ['TRUNCATE TABLE s.v', 'when it is made', ['east-1']],
  ['DROP TABLE s.v', 'when it is made', ['east-1', 'west-1']],
];

/** At this moment everybody waits, until it is let go. */
async function held(server: DatabaseServer, moment: Moment): Promise<() => Promise<void>> {
  const root = await connect(server);
  await root.query(`DO GET_LOCK('held', 0); CREATE TRIGGER otter.held BEFORE ${MOMENTS[moment]} FOR EACH ROW
    BEGIN DO GET_LOCK('held', 600); DO RELEASE_LOCK('held'); END`);
  return async () => {
    await root.query("DO RELEASE_LOCK('held'); DROP TRIGGER otter.held");
    root.destroy();
  };
}

test.each([
  ['mariadb', 'one-way', ONE_WAY],
  ['mysql', 'one-way', ONE_WAY],
  ['mariadb', 'two-way', BOTH],
  ['mysql', 'two-way', BOTH],
] as const)(
  'changes of tables survive the death of nodes: %s, %s',
  async (family, kind, steps) => {
    await using stack = new AsyncDisposableStack();
    const [a, b] = [stack.use(await STARTS[family]({})), stack.use(await STARTS[family]({}))];
    const [ra, rb] = await Promise.all([connect(a), connect(b)]);
    stack.defer(() => {
      for (const root of [ra, rb]) root.destroy();
    });
    await ra.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, a INT); INSERT INTO s.t VALUES (1, 1)');
    const otter = stack.use(await Otter.in(passwordsOf([a, b])));
    const between = kind === 'two-way' ? 'between: [a, b]' : 'from: a, to: b';
    await otter.write(await sitesOf([a, b], `  c: { ${between}, ddl: replicate, tables: ["s.*"] }\n`));
    for (const node of ['west-1', 'east-1']) otter.node(node);
    const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
    expect(applied, applied.err).toMatchObject({ code: 0 });
    await otter.until('it streams', streaming);
    for (const [at, [sql, moment, killed]] of steps.entries()) {
      const letGo = await held(b, moment);
      await ra.query(sql);
      const waits = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'";
      await until(`somebody waits behind ${sql}`, async () => (await rows(rb, waits)).length > 0);
      for (const node of killed) await otter.end(node, 'SIGKILL');
      await ra.query(`INSERT INTO s.t (id, a) VALUES (${at + 10}, 1)`);
      if (kind === 'two-way') await rb.query(`INSERT INTO s.t (id, a) VALUES (${at + 20}, 1)`);
      await letGo();
      for (const node of killed) otter.node(node);
      await until(`${sql} is there`, async () => same([ra, rb]), 60_000).catch(async (error: Error) => {
        throw new Error(`${error.message}: ${JSON.stringify(await otter.status())}`);
      });
    }
    await otter.until('it streams', streaming);
    const pipelines = (await otter.status())!.channels.flatMap((channel) => channel.pipelines);
    for (const { name, conflicts, drift } of pipelines)
      expect({ name, conflicts, drift }).toEqual({ name, conflicts: 0, drift: 0 });
  },
  300_000,
);

/** Whether both databases have the same tables with the same columns, keys and rows. */
async function same(both: readonly Connection[]): Promise<boolean> {
  const [here, there] = await Promise.all(both.map(all));
  return here === there;
}

async function all(root: Connection): Promise<string> {
  const tables = await rows(
    root,
    "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 's' ORDER BY 1",
  );
  const found: string[] = [];
  for (const table of tables.map((row) => (JSON.parse(row) as [string])[0])) {
    found.push(...(await rows(root, `SHOW CREATE TABLE s.${table}`)));
    found.push(...(await rows(root, `SELECT * FROM s.${table} ORDER BY id`).catch(() => ['it is gone'])));
  }
  return found.join('\n');
}
