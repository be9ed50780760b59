/** Files with checksums and files without, behind each other in one log, whatever the server does now. */
import { expect, test } from 'vitest';
import { startMariaDb, startMySql, startNewMariaDb } from '../../src/lab/servers.ts';
import { channel, equal, rootOf, Sites, streaming } from '../site/harness.ts';

test('a reader goes on behind a change of binlog_checksum', async () => {
  for (const start of [startMariaDb, startMySql, startNewMariaDb]) {
    for (const [before, after] of [
      ['CRC32', 'NONE'],
      ['NONE', 'CRC32'],
      ['NONE', 'NONE'],
    ]) {
      await using a = await start();
      await using b = await startMariaDb();
      const [ra, rb] = [await rootOf(a), await rootOf(b)];
      await ra.query(
        `SET GLOBAL binlog_checksum=${before}; CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v INT); INSERT INTO d.t VALUES (1,1)`,
      );
      await using sites = new Sites({ a, b });
      sites.set({ c: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['d.*']) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'c/a>b');
      await equal(ra, rb, 'd.t');
      await sites.stop('b');
      await sites.stop('a');
      await ra.query(
        `INSERT INTO d.t VALUES (2,1); SET GLOBAL binlog_checksum=${after}; INSERT INTO d.t VALUES (3,1); FLUSH BINARY LOGS; INSERT INTO d.t VALUES (4,1)`,
      );
      sites.start('a');
      sites.start('b');
      await streaming(sites, 'c/a>b');
      await equal(ra, rb, 'd.t');
      expect((await rb.query('SELECT COUNT(*) AS n FROM d.t'))[0]).toEqual([{ n: '4' }]);
      ra.destroy();
      rb.destroy();
    }
  }
}, 200000);
