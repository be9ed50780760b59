/**
 * How fast a log is read: single-row transactions of eight columns from a private MariaDB, decoded into row changes.
 *
 *   node bench/decode.ts [--transactions N] [--runs N]
 *
 * The whole way is measured: server, socket, driver, decoding, batches. The server shares the machine.
 */
import { startMariaDb } from '../src/lab/servers.ts';
import { comparePoints } from '../src/model/position.ts';
import { DatabaseServer } from '../src/mysql/database-server.ts';
import { mysqlSource } from '../src/mysql/source.ts';
import { definitions } from '../src/replication/structure-change.ts';
import { median } from './shared/figures.ts';
import { startPart } from './shared/part.ts';

const bench = startPart({
  name: 'decode',
  sizes: { transactions: { full: 200_000, quick: 50_000 }, runs: { full: 5, quick: 3 } },
});
const { transactions, runs } = bench.sizes;

await using lab = await startMariaDb();
bench.uses('MariaDB', lab.version);
const server = new DatabaseServer({
  name: 'bench',
  spec: { endpoints: [`${lab.host}:${lab.port}`], user: lab.root.user, tls: null },
  password: lab.root.password,
});
await using source = mysqlSource({ server });
await using session = await server.connect();
await session.run('CREATE OR REPLACE DATABASE bench');
await session.run(`CREATE TABLE bench.t (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL,
  status VARCHAR(20) NOT NULL, note VARCHAR(200), created DATETIME(3) NOT NULL, changed TIMESTAMP NULL, flags BIGINT UNSIGNED)`);
const start = await source.logEnd();
await session.run(
  `CREATE PROCEDURE bench.fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
     INSERT INTO bench.t (customer, amount, status, note, created, changed, flags)
       VALUES (i MOD 1000, i / 7, 'shipped', CONCAT('a note about order ', i, ' of somebody'), NOW(3), NOW(), i * 4294967296);
     SET i = i + 1; END WHILE; END`,
);
await session.run(`CALL bench.fill(${transactions})`);
const end = await source.logEnd();

const perSecond: number[] = [];
const perCpuSecond: number[] = [];
for (let run = 1; run <= runs; run++) {
  const abort = new AbortController();
  let rows = 0;
  let batches = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  for await (const batch of source.readLog({
    from: start.position,
    wants: (schema) => schema === 'bench',
    definitions,
    partBytes: 1 << 20,
    signal: abort.signal,
  })) {
    batches++;
    for (const item of batch.items) if (item.kind === 'rows') rows += item.changes.length;
    if (comparePoints(batch.point, end.point) >= 0) break;
  }
  const seconds = (performance.now() - began) / 1000;
  const used = process.cpuUsage(cpu);
  const busy = (used.user + used.system) / 1e6;
  perSecond.push(rows / seconds);
  perCpuSecond.push(rows / busy);
  bench.say(
    `run ${run}: ${rows} rows in ${batches} batches, ${Math.round(rows / seconds)} transactions/s (${Math.round(rows / busy)} per CPU second), ` +
      `RSS ${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
  );
}
bench.tell({
  name: 'single-row transactions decoded',
  value: median(perSecond),
  unit: 'trx/s',
  wanted: { bound: 'at least', value: 250_000 },
});
bench.tell({ name: 'the same per CPU second', value: median(perCpuSecond), unit: 'trx/s', better: 'more' });
bench.end();
