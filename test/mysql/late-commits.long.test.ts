/** Marks in the log beside sessions that commit XA transactions: what the log has before a mark is read after it. */
import { expect, test } from 'vitest';
import { definitions } from '../../src/replication/structure-change.ts';
import { access, type Family, open, rowItems } from './context.ts';

const SESSIONS = 4;
const COMMITS = 600;
/** Printed as they are, as digits, with and without what is mostly left out. */
const NAMES: readonly ((id: number) => string)[] = [
  (id) => `'${id}'`,
  (id) => `'tx ${id}','branch'`,
  (id) => `X'00ff${id.toString(16).padStart(4, '0')}'`,
  (id) => `'${id}','',7`,
];

test.each<Family>(['mariadb', 'mysql'])(
  '%s',
  async (family) => {
    await using context = await open(family, ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1']);
    const { root, lab, source } = context;
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY)');
    await root.run('CREATE TABLE d.mark (id INT PRIMARY KEY)');
    const { position } = await source.logEnd();
    const abort = new AbortController();
    /** Rows that the log has before each mark, and who waits for it. */
    const before = new Map<number, readonly number[]>();
    const waiting = new Map<number, () => void>();
    const reading = (async () => {
      const logged: number[] = [];
      const options = { from: position, wants: () => true, definitions, partBytes: 1 << 20, signal: abort.signal };
      for await (const { items } of source.readLog(options))
        for (const { table, ...change } of rowItems(items).flatMap(({ changes }) => changes)) {
          if (change.kind !== 'insert') continue;
          const id = Number(change.after[0]);
          if (table.name === 't') logged.push(id);
          else {
            before.set(id, [...logged]);
            waiting.get(id)?.();
          }
        }
    })();
    let going = SESSIONS;
    const writing = Array.from({ length: SESSIONS }, async (_, session) => {
      await using writer = await access(lab, lab.root).connect({ multipleStatements: true });
      for (let i = 0; i < COMMITS; i += 1) {
        const id = session * COMMITS + i;
        const xid = NAMES[i % NAMES.length]!(id);
        await writer.query(`XA START ${xid}; INSERT INTO d.t VALUES (${id}); XA END ${xid}; XA PREPARE ${xid}`);
        await writer.query(`XA COMMIT ${xid}`);
      }
      going -= 1;
    });
    const seen: Set<number>[] = [];
    while (going > 0) {
      const mark = seen.length;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(mark, resolve);
      await root.run(`INSERT INTO d.mark VALUES (${mark})`);
      await source.seen(promise, abort.signal);
      const rows = await root.rows<{ id: number }>('SELECT id FROM d.t');
      seen.push(new Set(rows.map(({ id }) => Number(id))));
      await promise;
    }
    await Promise.all(writing);
    abort.abort();
    await reading;
    expect(seen.length).toBeGreaterThan(200);
    for (const [mark, rows] of seen.entries())
      expect(
        before.get(mark)!.filter((id) => !rows.has(id)),
        `mark ${mark}`,
      ).toEqual([]);
  },
  240_000,
);
