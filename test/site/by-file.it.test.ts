/** A MySQL source without GTIDs: followed by file and offset, one-way, each row once, and told when the place is gone. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { OtterError } from '../../src/model/error.ts';
import type { LogItem } from '../../src/model/ports.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { LONG } from '../project/long.ts';
import { channel, count, equal, numbers, rootOf, Sites, streaming, until } from './harness.ts';

let lab: { a: LabServer; b: LabServer };
let a: Connection;
let b: Connection;
let sites: Sites;

const ONE_WAY = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
const BY_FILE = /^file:binlog\.\d{6}:\d+@[0-9a-f-]{36}#\d{10}$/;

beforeAll(async () => {
  const [from, to] = await Promise.all([
    startMySql({
      args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF', '--collation-server=utf8mb4_general_ci'],
    }),
    startMariaDb(),
  ]);
  lab = { a: from, b: to };
  [a, b] = await Promise.all([rootOf(from), rootOf(to)]);
  for (const root of [a, b]) await root.query('CREATE DATABASE shop');
  sites = new Sites(lab);
});

afterAll(async () => {
  await sites?.[Symbol.asyncDispose]();
  for (const root of [a, b]) root?.destroy();
  for (const server of Object.values(lab ?? {})) await server[Symbol.asyncDispose]();
});

function positionOf(pipeline: string): string {
  return sites.figures()[pipeline]?.position ?? '';
}

function sourceOf(): ReturnType<typeof mysqlSource> {
  const { host, port, otter } = lab.a;
  return mysqlSource({
    server: new DatabaseServer({
      name: 'a',
      spec: { endpoints: [`${host}:${port}`], user: otter.user, tls: null },
      password: otter.password,
    }),
  });
}

async function restarted(): Promise<void> {
  await lab.a.restart();
  a.destroy();
  a = await rootOf(lab.a);
}

/** What reading from a position first says. */
async function firstError(from: string): Promise<OtterError> {
  await using source = sourceOf();
  const read = source.readLog({
    from,
    wants: () => true,
    definitions,
    partBytes: 1 << 20,
    signal: AbortSignal.timeout(3_000),
  });
  try {
    for await (const _ of read);
  } catch (error) {
    if (error instanceof OtterError) return error;
    throw error;
  }
  throw new Error(`${from} can be read`);
}

describe('without GTIDs', () => {
  // Rows of a table without a key that are applied twice are there twice.
  const CHANNELS = {
    c: channel(ONE_WAY, ['shop.orders']),
    k: channel(ONE_WAY, ['shop.keyless'], { initial: 'none' }),
  };
  let written = 0;
  const write = async (rows: number): Promise<void> => {
    const from = written + 1;
    written += rows;
    await a.query(`INSERT INTO shop.orders SELECT seq, 0, 'new' FROM ${numbers(from, written)}`);
    await a.query(`INSERT INTO shop.keyless SELECT seq FROM ${numbers(from, written)}`);
    await a.query('UPDATE shop.orders SET n = n + 1 WHERE id % 7 = 0');
  };
  const same = async (): Promise<void> => {
    await equal(a, b, 'shop.orders').catch((error: Error) => {
      throw new Error(`${JSON.stringify(sites.figures())}`, { cause: error });
    });
    await equal(a, b, 'shop.keyless');
  };

  test('copies, streams, and goes on behind rotations, restarts and crashes, with each row once', async () => {
    const keyless = 'CREATE TABLE shop.keyless (n INT) ENGINE=InnoDB';
    await a.query(`CREATE TABLE shop.orders (id INT PRIMARY KEY, n INT, t VARCHAR(200)) ENGINE=InnoDB; ${keyless}`);
    await b.query(keyless);
    await a.query(`INSERT INTO shop.orders SELECT seq, 0, 'old' FROM ${numbers(100_001, 103_000)}`);
    sites.set(CHANNELS);
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'c/a>b', 'k/a>b');
    await write(50);
    await same();
    await until('positions are files', () => BY_FILE.test(positionOf('c/a>b')) && BY_FILE.test(positionOf('k/a>b')));

    await a.query('FLUSH BINARY LOGS');
    await write(50);
    await sites.stop('b');
    await write(50);
    await a.query('FLUSH BINARY LOGS');
    await write(50);
    sites.start('b');
    await same();

    // More than is held in memory as one: its parts bear a name that its end must bear out.
    await a.query(
      `START TRANSACTION; INSERT INTO shop.orders SELECT seq, 0, REPEAT('x', 200) FROM ${numbers(200_001, 222_000)};
       UPDATE shop.orders SET n = 5 WHERE id > 210000; COMMIT`,
    );
    for (const [xid, id] of Object.entries({ c: -1, r: -2 })) {
      const session = await rootOf(lab.a);
      await session.query(
        `XA START '${xid}'; INSERT INTO shop.keyless VALUES (${id}); XA END '${xid}'; XA PREPARE '${xid}'`,
      );
      session.destroy();
    }
    await sites.stop('a');
    await write(50);
    await restarted();
    await a.query("XA COMMIT 'c'; XA ROLLBACK 'r'");
    await write(50);
    sites.start('a');
    await write(50);
    await lab.a.kill();
    await restarted();
    await write(50);
    await a.query('CREATE TABLE shop.other (id INT); FLUSH BINARY LOGS');
    await write(50);
    await same();
    expect(await count(b, 'shop.keyless WHERE n > 0')).toBe(written);
    expect(await count(b, 'shop.keyless WHERE n < 0')).toBe(1);
  });

  test.each(['CRC32', 'NONE'])(
    'the name of a transaction is where it ends, in parts and whole: checksum %s',
    async (checksum) => {
      await using source = sourceOf();
      await a.query(`DROP TABLE IF EXISTS shop.parts; SET GLOBAL binlog_checksum = ${checksum}`);
      const { position: from } = await source.logEnd();
      await a.query('CREATE TABLE shop.parts (id INT PRIMARY KEY, t TEXT) ENGINE=InnoDB');
      await a.query(`INSERT INTO shop.parts SELECT seq, REPEAT('y', 500) FROM ${numbers(1, 200)}`);
      const { point } = await source.logEnd();
      const items: LogItem[] = [];
      const signal = AbortSignal.timeout(10_000);
      for await (const batch of source.readLog({ from, wants: () => true, definitions, partBytes: 10_000, signal })) {
        items.push(...batch.items);
        if (batch.point.file === point.file && batch.point.offset >= point.offset) break;
      }
      const parts = items.filter((item) => item.kind === 'rows' && item.changes[0]?.table.name === 'parts');
      expect(parts.length).toBeGreaterThan(5);
      const names = [...new Set(parts.map(({ gtid }) => gtid))];
      // A beat of the sites may stand behind it.
      const [events] = await a.query(`SHOW BINLOG EVENTS IN '${point.file}'`);
      const ends = (events as { Event_type: string; End_log_pos: number }[]).flatMap(({ Event_type, End_log_pos }) =>
        Event_type === 'Xid' ? [`${point.file}:${End_log_pos}`] : [],
      );
      expect(names).toHaveLength(1);
      expect(ends).toContain(names[0]);
    },
  );

  test('a two-way channel is refused, with what to type', async () => {
    const twoWay = channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.both']);
    sites.set({ ...CHANNELS, w: twoWay });
    await until('it is told', () => sites.figures()['w/a>b']?.error?.code === 'OT4021');
    const { message, hint } = sites.figures()['w/a>b']!.error!;
    expect(message).toContain('gtid_mode is OFF and must be ON for a two-way channel');
    expect(hint).toContain('SET GLOBAL gtid_mode = ON_PERMISSIVE;');
    // The others go on.
    sites.set(CHANNELS);
    await write(20);
    await same();
  });

  test('places that mean nothing here, or something else, are told', async () => {
    const at = positionOf('c/a>b');
    const [, file, offset, uuid, made] = /^file:(.*):(\d+)@(.*)#(\d+)$/.exec(at)!;
    const other = uuid!.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    for (const [position, words] of [
      [`file:${file}:${offset}@${other}#${made}`, 'it is of the server'],
      [`file:${file}:999999999@${uuid}#${made}`, 'the file has'],
      [`file:binlog.009999:4@${uuid}#${made}`, 'was purged, or the log was reset'],
      [`file:${file}:${offset}@${uuid}#${Number(made) - 100}`, 'the log was reset'],
    ] as const) {
      const error = await firstError(position);
      expect(error).toMatchObject({ code: 'OT4020', retry: 'never', message: expect.stringContaining(words) });
    }
    expect(await firstError('mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5')).toMatchObject({ code: 'OT4023' });
  });

  test('a purged file is told; the channel begins anew', async () => {
    await sites.stop('b');
    await a.query('FLUSH BINARY LOGS');
    await write(20);
    await until('the file is purged', async () => {
      await a.query('FLUSH BINARY LOGS');
      const [status] = await a.query('SHOW BINARY LOG STATUS');
      await a.query(`PURGE BINARY LOGS TO '${(status as { File: string }[])[0]!.File}'`);
      const [logs] = await a.query('SHOW BINARY LOGS');
      return (logs as unknown[]).length === 1;
    });
    await write(20);
    sites.start('b');
    await until('it is told', () => sites.figures()['c/a>b']?.error?.code === 'OT4020');
    expect(sites.figures()['c/a>b']!.error!.message).toContain('the file was purged');
    sites.set({});
    await b.query('DROP TABLE shop.orders; TRUNCATE shop.keyless');
    await a.query('TRUNCATE shop.keyless');
    written = 1_000;
    sites.set(CHANNELS);
    await streaming(sites, 'c/a>b', 'k/a>b');
    await write(20);
    await same();
  });

  test('a log that is reset is told', async () => {
    await a.query('RESET BINARY LOGS AND GTIDS');
    await write(20);
    await until('it is told', () => sites.figures()['c/a>b']?.error?.code === 'OT4020');
    sites.set({});
    await b.query('DROP TABLE shop.orders; TRUNCATE shop.keyless');
    await a.query('TRUNCATE shop.keyless');
    sites.set(CHANNELS);
    await streaming(sites, 'c/a>b', 'k/a>b');
    await write(20);
    await same();
  });

  test.runIf(LONG)(
    'GTIDs turned on: running channels go on by file, new ones have GTIDs; turned off: those are told',
    async () => {
      await using source = sourceOf();
      const refused = await source.preflight({ gtids: true }).catch((error: OtterError) => error.hint);
      const statements = [...refused!.matchAll(/`([^`]*;)`/g)].map(([, statement]) => statement!);
      // What is not read yet is not sent any more; a step back lets it be read.
      await sites.stop('b');
      await write(20);
      for (const statement of statements) await a.query(statement);
      await source.preflight({ gtids: true });
      await write(20);
      sites.start('b');
      const unsent = (): string | undefined => sites.figures()['c/a>b']?.error?.hint ?? undefined;
      await until('it is told', () => unsent()?.includes('ON_PERMISSIVE') === true);
      await a.query('SET GLOBAL gtid_mode = ON_PERMISSIVE');
      await same();
      await a.query('SET GLOBAL gtid_mode = ON');
      await a.query('CREATE TABLE shop.later (id INT PRIMARY KEY) ENGINE=InnoDB');
      sites.set({ ...CHANNELS, l: channel(ONE_WAY, ['shop.later']) });
      await streaming(sites, 'l/a>b');
      await a.query('INSERT INTO shop.later VALUES (1), (2)');
      await write(20);
      await same();
      await sites.stop('a');
      await write(20);
      sites.start('a');
      await write(20);
      await same();
      await a.query("SET gtid_next = 'AUTOMATIC:tag'");
      await write(20);
      await a.query("SET gtid_next = 'AUTOMATIC'");
      await same();
      await equal(a, b, 'shop.later');
      expect(positionOf('c/a>b')).toMatch(BY_FILE);
      expect(positionOf('l/a>b')).toMatch(/^mysql:/);

      // The last with a GTID is nobody's, so that no position has it.
      await a.query('CREATE TABLE shop.nobody (id INT); DROP TABLE shop.nobody');
      for (const step of ['ON_PERMISSIVE', 'OFF_PERMISSIVE']) await a.query(`SET GLOBAL gtid_mode = ${step}`);
      await write(20);
      // With OFF the server refuses to send what is in its log with GTIDs.
      await same();
      await a.query('SET GLOBAL gtid_mode = OFF');
      await write(20);
      await same();
      const told = (): string => {
        const error = sites.figures()['l/a>b']?.error;
        return error?.code === 'OT4023' ? error.message : '';
      };
      await until('it is told', () => told() !== '');
      // What was written meanwhile is in no GTID set, and the server would pass over it when it has them again.
      await a.query('INSERT INTO shop.later VALUES (3); FLUSH BINARY LOGS; INSERT INTO shop.later VALUES (4)');
      for (const step of ['OFF_PERMISSIVE', 'ON_PERMISSIVE']) await a.query(`SET GLOBAL gtid_mode = ${step}`);
      await a.query('INSERT INTO shop.later VALUES (5)');
      await write(20);
      await same();
      await a.query('SET GLOBAL gtid_mode = ON');
      await sites.stop('a');
      sites.start('a');
      await write(20);
      await same();
      await until('it is told', () => told().includes('has transactions without GTIDs'));
      expect(await count(b, 'shop.later')).toBe(2);
      // One that begins now is not held up by them.
      await a.query('CREATE TABLE shop.last (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO shop.last VALUES (1)');
      sites.set({ ...CHANNELS, m: channel(ONE_WAY, ['shop.last']) });
      await streaming(sites, 'm/a>b');
      await sites.stop('a');
      sites.start('a');
      await a.query('INSERT INTO shop.last VALUES (2)');
      await equal(a, b, 'shop.last');
      // Positions of before say nothing of what a site had seen.
      sites.set({ c: channel({ kind: 'two-way', between: ['a', 'b'] }, ['shop.orders']) });
      await until('it is told', () => sites.figures()['c/a>b']?.error?.code === 'OT4023');
      expect(sites.figures()['c/a>b']!.error!.message).toContain('by file and offset, which is one-way only');
    },
  );
});
