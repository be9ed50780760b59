/** What a statement of the log has made can be seen, also in the moment before its server has committed it. */
import { expect, test } from 'vitest';
import type { Session } from '../../src/mysql/connection.ts';
import { settled } from '../../src/mysql/settled.ts';
import { until } from '../site/harness.ts';
import { access, type Family, open } from './context.ts';

/** MySQL commits half a second after readers of its log have the statement, every other time. */
const LATE: Readonly<Record<Family, readonly string[]>> = {
  mysql: ['--sync-binlog=2', '--binlog-group-commit-sync-delay=500000'],
  mariadb: [],
};
const TABLE = { schema: 'd', name: 't' };

async function logHas(session: Session, sql: string): Promise<boolean> {
  const logs = await session.rows<{ Log_name: string }>('SHOW BINARY LOGS');
  const events = await session.rows<{ Info: string }>(`SHOW BINLOG EVENTS IN '${logs.at(-1)!.Log_name}'`);
  return events.some(({ Info }) => Info.includes(sql));
}

async function columns(session: Session): Promise<number> {
  const [row] = await session.rows<{ n: string | number }>(
    "SELECT COUNT(*) AS n FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 't'",
  );
  return Number(row!.n);
}

test.each<Family>(['mariadb', 'mysql'])('who asks what a table is like waits for its statement: %s', async (family) => {
  await using context = await open(family, LATE[family]);
  const { root, lab } = context;
  const other = await access(lab, lab.root).connect({});
  expect(await settled(other, TABLE)).toBeNull();
  let unseen = 0;
  for (const at of [1, 2, 3, 4]) {
    const sql = at === 1 ? 'CREATE TABLE d.t (c1 INT PRIMARY KEY)' : `ALTER TABLE d.t ADD c${at} INT`;
    const made = root.run(sql);
    await until('the log has it', () => logHas(other, sql));
    if ((await columns(other)) < at) unseen += 1;
    expect(await settled(other, TABLE)).toContain(`\`c${at}\` int`);
    expect(await columns(other)).toBe(at);
    await made;
  }
  // Else nobody had to wait.
  if (family === 'mysql') expect(unseen).toBeGreaterThan(0);
  other.destroy();
  await expect(settled(other, TABLE)).rejects.toThrow();
});
