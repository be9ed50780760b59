/** What a reader keeps of XA transactions, and what it asks for; real logs are in `xa.it.test.ts`. */
import { expect, test } from 'vitest';
import { LogAssembler, type Need } from '../../src/mysql/binlog.ts';
import { EVENT } from '../../src/mysql/events.ts';
import { xaStatement } from '../../src/mysql/logged-xa.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { event, MAP, shape, WRITE_ONE } from './events.ts';

const [STANDALONE, PREPARED_XA] = [1, 0x40];

class Log {
  readonly log: LogAssembler;
  readonly committed: string[] = [];
  #sequence = 0;

  constructor(mode: 'hold' | 'pass' | 'deliver' = 'hold', heldBytesMax = 10_000) {
    this.log = new LogAssembler({
      from: 'mariadb:',
      wants: () => true,
      definitions,
      partBytes: 1_000,
      roomBytes: 1_000_000,
      checksum: false,
      folds: false,
      xa: { mode, heldBytesMax, prepared: () => undefined, committed: (xid) => this.committed.push(xid) },
    });
    this.log.provide('d', 't', shape, []);
  }

  feed(bytes: Buffer): Need | null {
    return this.log.feed(bytes, 0, bytes.length);
  }

  begin(flags: number): void {
    this.#sequence += 1;
    const body = Buffer.alloc(19);
    body[0] = this.#sequence;
    body[12] = flags;
    this.feed(event(EVENT.MARIADB_GTID, body));
  }

  statement(sql: string): Need | null {
    const head = Buffer.alloc(13);
    head[8] = 1;
    return this.feed(event(EVENT.QUERY, Buffer.concat([head, Buffer.from(`d\0${sql}`)])));
  }

  /** Rows of one row each, and XA PREPARE. */
  prepare(name: number, rows = 1): void {
    this.begin(PREPARED_XA);
    for (let i = 0; i < rows; i += 1) {
      this.feed(event(EVENT.TABLE_MAP, MAP));
      this.feed(event(EVENT.WRITE_ROWS, WRITE_ONE));
    }
    expect(this.feed(event(EVENT.XA_PREPARE, Buffer.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, name])))).toBeNull();
  }

  end(name: number, verb: 'COMMIT' | 'ROLLBACK'): Need | null {
    this.begin(STANDALONE);
    return this.statement(`XA ${verb} X'${Buffer.from([name]).toString('hex')}',X'',1`);
  }

  take(): readonly (readonly [gtid: string, rows: number])[] {
    return this.log
      .takeItems()
      .flatMap((item) => (item.kind === 'rows' ? [[item.gtid, item.changes.length] as const] : []));
  }
}

test('rows wait for their commit, in whatever order they are decided', () => {
  const log = new Log();
  for (const [name, rows] of [
    [10, 1],
    [11, 2],
    [12, 3],
  ] as const)
    log.prepare(name, rows);
  expect(log.take()).toEqual([]);
  expect([log.end(12, 'COMMIT'), log.end(11, 'ROLLBACK'), log.end(10, 'COMMIT')]).toEqual([null, null, null]);
  expect(log.take()).toEqual([
    ['0-7-4', 3],
    ['0-7-6', 1],
  ]);
  expect(log.committed).toEqual(["X'0c',X'',1", "X'0a',X'',1"]);
});

test('what is not known is asked for, and comes as the transaction that commits it', () => {
  const log = new Log();
  const need = log.end(10, 'COMMIT');
  expect(need).toEqual({ kind: 'prepared', xid: "X'0a',X'',1" });
  const other = new Log('deliver');
  other.prepare(10);
  const items = other.log.takeItems();
  expect(items).toHaveLength(1);
  for (const item of items) if (item.kind === 'rows') log.log.provideItem(item);
  log.log.found("X'0a',X'',1");
  expect(log.statement("XA COMMIT X'0a',X'',1")).toBeNull();
  expect(log.take()).toEqual([['0-7-1', 1]]);
  // The next of this name is another.
  expect(log.end(10, 'COMMIT')).not.toBeNull();
});

test('who wants no rows asks for none', () => {
  for (const mode of ['pass', 'deliver'] as const) expect(new Log(mode).end(10, 'COMMIT')).toBeNull();
});

test('of too many the oldest is asked for, and so is one that is too large', () => {
  const log = new Log('hold', 3_000);
  log.prepare(1, 8);
  for (const name of [2, 3, 4, 5]) log.prepare(name, 2);
  log.prepare(6, 40);
  // Nothing of it counts as waiting to be taken.
  expect(log.log.bytes).toBe(0);
  const needs = [6, 5, 4, 1].map((name) => log.end(name, 'COMMIT')?.kind ?? null);
  expect(needs).toEqual(['prepared', null, null, 'prepared']);
});

test('rows of a table whose structure changes are not kept', () => {
  const log = new Log();
  log.prepare(10);
  log.begin(STANDALONE);
  log.statement('ALTER TABLE d.u ADD n INT');
  expect(log.end(10, 'COMMIT')).toBeNull();
  log.log.provide('d', 't', shape, []);
  log.prepare(11);
  log.begin(STANDALONE);
  log.statement('ALTER TABLE d.t ADD n INT');
  expect(log.end(11, 'COMMIT')).not.toBeNull();
});

test('XA statements in other words than those of a server are refused, not passed over', () => {
  expect(xaStatement('BEGIN')).toBeNull();
  expect(xaStatement("XA COMMIT X'0A',X'',1")).toEqual({ verb: 'commit', xid: "X'0a',X'',1" });
  for (const sql of ["XA COMMIT 'a'", "XA COMMIT X'0a',X'',1 ONE PHASE", 'XA RECOVER'])
    expect(() => xaStatement(sql)).toThrow(expect.objectContaining({ code: 'OT4034' }));
  expect(() => new Log().statement("/* */ XA COMMIT 'a'")).toThrow(expect.objectContaining({ code: 'OT4033' }));
});
