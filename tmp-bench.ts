import { startMariaDb, startMySql } from './src/lab/servers.ts';
import { createOtterTables } from './src/mysql/otter-tables.ts';
import { channel, numbers, rootOf } from './test/site/harness.ts';
import { verified } from './test/verify/verifier.ts';
const rows = Number(process.argv[2] ?? 1000000);
const kinds = (process.argv[3] ?? 'mariadb,mariadb').split(',');
const start = { mariadb: startMariaDb, mysql: startMySql } as const;
const [a, b] = await Promise.all(kinds.map((k) => start[k as 'mariadb']({ args: ['--collation-server=utf8mb4_general_ci', '--innodb-buffer-pool-size=1G'] })));
const roots = await Promise.all([rootOf(a!), rootOf(b!)]);
await Promise.all(roots.map(async (root) => {
  for (const sql of createOtterTables('otter')) await root.query(sql);
  await root.query(`CREATE DATABASE v; CREATE TABLE v.t (id INT PRIMARY KEY, name VARCHAR(40), bits INT, num DOUBLE, amount DECIMAL(12,4), at DATETIME(3), bytes VARBINARY(40), note VARCHAR(80))`);
  for (let i = 0; i < rows; i += 100000)
    await root.query(`INSERT INTO v.t SELECT seq, CONCAT('Name ', seq), seq & 1023, seq / 3, seq / 8, '2024-02-03 04:05:06.789', UNHEX(SHA2(seq, 224)), CONCAT('note ', seq, ' and some more') FROM ${numbers(i + 1, Math.min(rows, i + 100000))}`);
}));
const spec = channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['v.t']);
let t = Date.now();
console.log(await verified({ a: a!, b: b! }, { v: spec }).then((r) => r.map(({ rows, missing, extra, different }) => ({ rows, missing, extra, different }))), rows / (Date.now() - t) * 1000, 'rows/s summed');
t = Date.now();
const w = { ...spec, tables: spec.tables.map((x) => ({ ...x, rows: { where: 'id > 0' } })) };
console.log(await verified({ a: a!, b: b! }, { v: w }).then((r) => r.map(({ rows, missing, extra, different }) => ({ rows, missing, extra, different }))), rows / (Date.now() - t) * 1000, 'rows/s looked up', process.memoryUsage().rss / 1e6);
for (const root of roots) await root.end();
await Promise.all([a![Symbol.asyncDispose](), b![Symbol.asyncDispose]()]);
