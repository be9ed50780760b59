/** What triggers at the target read: a window that is written ahead waits for the one before, which they look into without a lock. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Checkpoint, LoadTable, Write } from '../../src/model/load.ts';
import type { TableShape } from '../../src/model/row.ts';
import { MysqlTarget } from '../../src/mysql/target.ts';
import { loadTable } from '../../src/replication/load-table.ts';
import { access, open } from './context.ts';

const AT: Checkpoint = { seq: 0, epoch: 1, position: 'mariadb:0-1-1', clock: 0, seen: {} };
const PIPELINE = 'shop/a>b';

test.concurrent.each(['mariadb', 'mysql'] as const)(
  '%s: a trigger finds the rows of the window before',
  async (family) => {
    await using context = await open(family);
    const { root, lab } = context;
    await root.run(
      'CREATE TABLE d.parent (id INT PRIMARY KEY, n INT); CREATE TABLE d.child (id INT PRIMARY KEY, n INT)',
    );
    await root.run('CREATE TABLE d.found (id INT PRIMARY KEY, n INT)');
    await root.run(
      'CREATE TRIGGER d.looks AFTER INSERT ON d.child FOR EACH ROW BEGIN DECLARE m INT; SELECT n INTO m FROM d.parent WHERE id = NEW.id; INSERT INTO d.found VALUES (NEW.id, m); END',
    );
    await using server = new AsyncDisposableStack();
    const own = access(lab, lab.otter);
    const target = server.use(
      new MysqlTarget({
        ...{ connect: () => own.connect({ multipleStatements: true }), schema: 'otter', lineage: 'one' },
        ...{ source: context.source, now: Date.now },
      }),
    );
    await target.prepare();
    await target.createCheckpoint(PIPELINE, AT, 1);
    const tableOf = async (name: string): Promise<LoadTable> => {
      const shape: TableShape = (await target.shape('d', name))!;
      return loadTable(shape, shape, {});
    };
    const insert = async (name: string): Promise<Write[]> => [
      { kind: 'insert', table: await tableOf(name), rows: [['1', '7']] },
    ];
    await using first = await target.session(PIPELINE);
    await using second = await target.session(PIPELINE, 0, 2);
    const to = { ...AT, seq: 1 };
    await first.begin('read committed', false, AT, to, await insert('parent'));
    const ahead = second.applyAhead(true, 'read committed', false, to, { ...to, seq: 2 }, await insert('child'));
    // A server says what it said before when it is asked more often.
    const held = async (): Promise<void> => {
      const sql = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
      while ((await root.rows(sql)).length === 0) await sleep(200);
    };
    await Promise.race([held(), ahead]);
    await first.commit();
    await (await ahead)!.committed;
    expect(await root.rows('SELECT id, n FROM d.found')).toEqual([{ id: 1, n: 7 }]);
  },
  60_000,
);
