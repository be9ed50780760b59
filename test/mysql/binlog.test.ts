/** Events that no healthy server sends: every answer is an error of otter's own, never a crash or a silent row. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import { LogAssembler } from '../../src/mysql/binlog.ts';
import { EVENT } from '../../src/mysql/events.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { event, MAP, shape, TABLE } from './events.ts';

const GTID = event(EVENT.MARIADB_GTID, Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

function assembler(): LogAssembler {
  const made = new LogAssembler({
    from: 'mariadb:',
    wants: () => true,
    definitions,
    partBytes: 1_000,
    roomBytes: 1_000_000,
    checksum: false,
    folds: false,
    xa: { mode: 'hold', heldBytesMax: 10_000, prepared: () => undefined, committed: () => undefined },
  });
  made.provide('d', 't', shape, []);
  return made;
}

function feed(to: LogAssembler, bytes: Buffer): void {
  to.feed(bytes, 0, bytes.length);
}

describe('LogAssembler', () => {
  const WRITE = Buffer.from([...TABLE, 1, 0, 2, 0, 4, 0xff, 0xf2, 42, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 1, 50]);

  test('reads the events that the other tests bend', () => {
    const log = assembler();
    feed(log, GTID);
    feed(log, event(EVENT.TABLE_MAP, MAP));
    feed(
      log,
      event(EVENT.WRITE_ROWS, Buffer.from([...TABLE, 1, 0, 2, 0, 4, 0xff, 0xf6, 42, 0, 0, 0, 128, 0, 0, 1, 50])),
    );
    feed(log, event(EVENT.XID, Buffer.alloc(8), { position: 500 }));
    expect(log.takeItems()).toEqual([
      expect.objectContaining({
        gtid: '0-7-5',
        position: 'mariadb:0-7-5',
        changes: [{ kind: 'insert', table: shape, fkChecks: true, after: ['42', null, null, '1.50'] }],
      }),
    ]);
    expect(log.point.offset).toBe(500);
  });

  test('an event that was read is not held until the next comes', async () => {
    const log = assembler();
    const read = ((): WeakRef<Buffer> => {
      const bytes = Buffer.from(GTID);
      feed(log, bytes);
      return new WeakRef(bytes);
    })();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // What a reference was looked up for is held until the turn ends.
    await new Promise(setImmediate);
    collect();
    expect(read.deref()).toBeUndefined();
    feed(log, event(EVENT.TABLE_MAP, MAP));
    expect(log.position).toBe('mariadb:');
  });

  test('any bytes in any event', () => {
    const types = fc.constantFrom(...Object.values(EVENT), 200);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      // Real events with some bytes changed.
      fc
        .tuple(fc.constantFrom(MAP, WRITE), fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 4 }))
        .map(([real, changes]) => {
          const bent = Uint8Array.from(real);
          for (const [at, value] of changes) bent[at % bent.length] = value;
          return bent;
        }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(types, body), { maxLength: 6 }), (events) => {
        const log = assembler();
        feed(log, GTID);
        feed(log, event(EVENT.TABLE_MAP, MAP));
        try {
          for (const [type, bytes] of events) feed(log, event(type, bytes));
        } catch (error) {
          // What zlib says of bytes that are not compressed is turned into an error by the stream.
          if (!(error instanceof OtterError || (error as { code?: string }).code?.startsWith('Z_') === true))
            throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('positions go on beyond 32 bits', () => {
    const log = assembler();
    feed(
      log,
      event(EVENT.ROTATE, Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('binlog.000007')])),
    );
    expect(log.point).toEqual({ file: 'binlog.000007', offset: 4 });
    for (const position of [0xc000_0000, 0xffff_fff0, 100]) feed(log, event(EVENT.STOP, Buffer.alloc(0), { position }));
    expect(log.point.offset).toBe(2 ** 32 + 100);
    feed(log, event(EVENT.STOP, Buffer.alloc(0), { position: 0xffff_0000, flags: 0x20 }));
    expect(log.point.offset).toBe(2 ** 32 + 100);
  });

  test.each([
    [EVENT.INCIDENT, 'OT4035'],
    [EVENT.ANONYMOUS_GTID, 'OT4023'],
    [EVENT.TRANSACTION_PAYLOAD, 'OT4033'],
    [99, 'OT4033'],
  ])('event %i is refused with %s', (type, code) => {
    expect(() => feed(assembler(), event(type, Buffer.alloc(30)))).toThrow(expect.objectContaining({ code }));
  });

  test('an unknown event that may be ignored is ignored', () => {
    feed(assembler(), event(99, Buffer.alloc(30), { flags: 0x80 }));
  });

  test('GTIDs that go backwards are refused', () => {
    const log = assembler();
    feed(log, GTID);
    feed(log, event(EVENT.XID, Buffer.alloc(8)));
    expect(() => feed(log, GTID)).toThrow(expect.objectContaining({ code: 'OT4025' }));
  });

  test('without GTIDs a transaction that does not end where it said is refused, and so is one that did not say', () => {
    const anonymous = (length: number): Buffer => {
      const body = Buffer.alloc(1 + 16 + 8 + 1 + 16 + 7 + 1);
      body[25] = 2;
      body[49] = length;
      return event(EVENT.ANONYMOUS_GTID, body, { position: 200 });
    };
    const log = (length: number): LogAssembler => {
      const made = new LogAssembler({
        from: 'file:binlog.000001:4',
        wants: () => true,
        definitions,
        partBytes: 1_000,
        roomBytes: 1_000_000,
        checksum: false,
        folds: false,
        xa: { mode: 'hold', heldBytesMax: 10_000, prepared: () => undefined, committed: () => undefined },
      });
      made.provide('d', 't', shape, []);
      feed(
        made,
        event(EVENT.ROTATE, Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('binlog.000001')])),
      );
      feed(made, anonymous(length));
      feed(made, event(EVENT.TABLE_MAP, MAP));
      const row = Buffer.from([...TABLE, 1, 0, 2, 0, 4, 0xff, 0xf6, 42, 0, 0, 0, 128, 0, 0, 1, 50]);
      feed(made, event(EVENT.WRITE_ROWS, row));
      return made;
    };
    const commit = event(EVENT.XID, Buffer.alloc(8), { position: 250 });
    const starts = 200 - (19 + 50);
    const fits = log(250 - starts);
    feed(fits, commit);
    expect(fits.takeItems()).toMatchObject([{ gtid: 'binlog.000001:250', position: 'file:binlog.000001:250' }]);
    expect(() => feed(log(251 - starts), commit)).toThrow(expect.objectContaining({ code: 'OT4034' }));
    expect(() => log(0)).toThrow(expect.objectContaining({ code: 'OT4023' }));
  });
});
