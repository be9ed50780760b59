/** A MySQL source without GTIDs, as a user has it: what `validate --live` says, and no row lost or doubled under kills. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startMySql } from '../../src/lab/servers.ts';
import { numbers } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

const NO_GTIDS = ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'];
const KILLS = 24;

test('rows without a key, copied rows and large transactions arrive once while nodes and the source are killed', async () => {
  // Nothing is asked of the log of a target.
  const [a, b] = await Promise.all([startMySql({ args: NO_GTIDS }), startMySql({ args: NO_GTIDS })]);
  await using stack = new AsyncDisposableStack();
  stack.use(a);
  stack.use(b);
  let source = await connect(a);
  const target = await connect(b);
  const keyless = 'CREATE TABLE shop.keyless (id INT)';
  await target.query(`CREATE DATABASE shop; ${keyless}`);
  await source.query(`CREATE DATABASE shop; ${keyless}; CREATE TABLE shop.orders (id INT PRIMARY KEY, t VARCHAR(200))`);
  await source.query(`INSERT INTO shop.orders SELECT -seq, REPEAT('o', 200) FROM ${numbers(1, 100_000)}`);

  const otter = stack.use(await Otter.in(passwordsOf([a, b])));
  await otter.write(await sitesOf([a, b], '  c: { between: [a, b], tables: [shop.orders] }\n'));
  const twoWay = await otter.run('validate', '--live');
  expect(twoWay.code).toBe(3);
  expect(twoWay.out + twoWay.err).toMatch(/OT4021[\s\S]*gtid_mode is OFF and must be ON for a two-way channel/);
  await otter.write(
    await sitesOf(
      [a, b],
      '  c: { from: a, to: b, tables: [shop.orders] }\n  k: { from: a, to: b, tables: [shop.keyless], initial: none }\n',
    ),
  );
  const oneWay = await otter.run('validate', '--live');
  expect(oneWay, oneWay.err).toMatchObject({ code: 0 });
  expect(oneWay.out + oneWay.err).toMatch(/OT4024[\s\S]*followed by file and offset/);
  for (const node of ['west-1', 'east-1']) otter.node(node);
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  expect(applied, applied.err).toMatchObject({ code: 0 });

  let going = true;
  let written = 0;
  const write = async (): Promise<void> => {
    while (going) {
      const id = written + 1;
      try {
        await source.query(
          `START TRANSACTION; INSERT INTO shop.orders VALUES (${id}, 'x'); INSERT INTO shop.keyless VALUES (${id}); COMMIT`,
        );
        if (id % 400 === 0) await source.query(`UPDATE shop.orders SET t = REPEAT('${id % 10}', 200) WHERE id < 0`);
        if (id % 100 === 0) await source.query('FLUSH BINARY LOGS');
      } catch {
        // The server was killed; whether it committed is looked up.
        while (going) {
          await sleep(200);
          source.destroy();
          const again = await connect(a).catch(() => null);
          if (again === null) continue;
          source = again;
          break;
        }
        if ((await rows(source, `SELECT 1 FROM shop.orders WHERE id = ${id}`)).length === 0) continue;
      }
      written = id;
      await sleep(5);
    }
  };
  const writing = write();
  writing.catch(() => undefined);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(300 + Math.random() * 1_200);
    if (kill % 8 === 7) {
      await a.kill();
      await a.restart();
    } else {
      const node = kill % 2 === 0 ? 'east-1' : 'west-1';
      await otter.end(node, 'SIGKILL');
      otter.node(node);
    }
  }
  await otter.until('both stream', streaming, 120_000);
  going = false;
  await writing;
  const sums = async (db: typeof source): Promise<string> =>
    (await rows(db, 'CHECKSUM TABLE shop.orders, shop.keyless')).join();
  const equal = async (): Promise<boolean> => (await sums(source)) === (await sums(target));
  await expect.poll(equal, { timeout: 60_000, interval: 500 }).toBe(true);
  expect(written).toBeGreaterThan(500);
  const doubled = 'SELECT id FROM shop.keyless GROUP BY id HAVING COUNT(*) > 1';
  expect(await rows(target, doubled)).toEqual([]);
  expect(await rows(target, 'SELECT COUNT(*) FROM shop.keyless')).toEqual([`["${written}"]`]);
  const status = await otter.status();
  for (const { position } of status!.channels.flatMap(({ pipelines }) => pipelines))
    expect(position).toMatch(/^file:binlog\.\d{6}:\d+@[0-9a-f-]{36}#\d+$/);
  for (const connection of [source, target]) connection.destroy();
}, 400_000);
