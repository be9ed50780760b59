/** A database of two endpoints whose primary goes away, and what is said and done about the other. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { LONG } from '../project/long.ts';
import { type Family, readToEnd, rowItems } from './context.ts';
import { caughtUp, demote, follow, type Member, promote, replicated } from './replica.ts';

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let primary: Member;
  let replica: Member;

  beforeEach(async () => {
    ({ primary, replica } = await replicated(family));
    await primary.root('CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)');
    await caughtUp(replica, primary);
  });

  afterEach(async () => {
    await Promise.all([primary, replica].map((member) => member?.[Symbol.asyncDispose]()));
  });

  const endpoint = ({ lab }: Member): string => `${lab.host}:${lab.port}`;

  function database(): DatabaseServer {
    return new DatabaseServer({
      name: 'hz',
      spec: { endpoints: [endpoint(primary), endpoint(replica)], user: primary.lab.otter.user, tls: null },
      password: primary.lab.otter.password,
    });
  }

  const insert = (member: Member, id: number): Promise<void> => member.root(`INSERT INTO d.t VALUES (${id})`);

  /** The rows behind a position, with the position behind them. */
  async function read(server: DatabaseServer, from: string): Promise<{ ids: string[]; position: string }> {
    await using source = mysqlSource({ server });
    const items = rowItems(await readToEnd(source, { from, wants: (schema) => schema === 'd' }));
    const ids = items.flatMap(({ changes }) =>
      changes.map((change) => String((change.kind === 'delete' ? change.before : change.after)[0])),
    );
    return { ids, position: items.at(-1)?.position ?? from };
  }

  async function end(server: DatabaseServer): Promise<string> {
    await using source = mysqlSource({ server });
    return (await source.logEnd()).position;
  }

  test('the replica takes over when it is promoted, not before; back again by choice only', async () => {
    const server = database();
    let at = { ids: [] as string[], position: await end(server) };
    expect(server.endpoint).toBe(endpoint(primary));
    await insert(primary, 1);
    at = await read(server, at.position);
    expect(at.ids).toEqual(['1']);
    await caughtUp(replica, primary);
    await primary.lab.kill();
    await expect(server.connect()).rejects.toMatchObject({
      code: 'OT4001',
      retry: 'backoff',
      message: expect.stringMatching(
        new RegExp(`^hz: .*ECONNREFUSED.*; no other endpoint takes over: ${endpoint(replica)}: it is read-only$`),
      ),
    });
    await replica.root(`SET GLOBAL ${family === 'mysql' ? 'super_read_only=OFF; SET GLOBAL ' : ''}read_only=OFF`);
    await expect(server.look()).rejects.toMatchObject({
      code: 'OT4001',
      message: expect.stringContaining(`${endpoint(replica)}: it still replicates from another server`),
    });
    await promote(replica);
    expect(await server.look()).toBe(endpoint(replica));
    await insert(replica, 2);
    at = await read(server, at.position);
    expect(at.ids).toEqual(['2']);

    // The first is there again, as a replica, and even when it takes writes nothing goes back by itself.
    await primary.lab.restart();
    await follow(primary, replica);
    await caughtUp(primary, replica);
    expect(await server.look()).toBeNull();
    await demote(replica);
    await expect(server.look()).rejects.toMatchObject({
      code: 'OT4007',
      message: expect.stringContaining(`${endpoint(replica)} is read-only; no other endpoint takes over`),
    });
    await promote(primary);
    expect(await server.look()).toBe(endpoint(primary));
    await insert(primary, 3);
    expect((await read(server, at.position)).ids).toEqual(['3']);
    await promote(replica);
    expect(await server.look()).toBeNull();
  });

  // What differs between the families is in the others.
  const once = test.runIf(LONG || family === 'mariadb');

  once('all leave the former endpoint together, and nobody compares places in two logs', async () => {
    const server = database();
    await using source = mysqlSource({ server });
    const { position } = await source.logEnd();
    await using session = await server.connect();
    const abort = new AbortController();
    const log = source
      .readLog({
        from: position,
        wants: () => true,
        definitions,
        partBytes: 1 << 20,
        signal: abort.signal,
      })
      [Symbol.asyncIterator]();
    await insert(primary, 1);
    await log.next();
    await caughtUp(replica, primary);
    await demote(primary);
    await promote(replica);
    expect(await server.look()).toBe(endpoint(replica));
    expect(session.alive).toBe(false);
    await expect(source.logEnd()).rejects.toMatchObject({ code: 'OT4004', retry: 'backoff' });
    const rest = async (): Promise<void> => {
      while (!(await log.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({
      code: 'OT4004',
      message: `hz: ${endpoint(replica)} has taken over`,
    });
    expect((await source.logEnd()).point.file).not.toBe('');
  });

  once('a replica that lacks what was read does not take over; the primary goes on when it is back', async () => {
    const server = database();
    const from = await end(server);
    await replica.root(family === 'mysql' ? 'STOP REPLICA' : 'STOP SLAVE');
    await insert(primary, 1);
    const { position } = await read(server, from);
    await primary.lab.kill();
    await promote(replica);
    await insert(replica, 2);
    const gtid = position.slice(position.indexOf(':') + 1);
    await expect(server.connect()).rejects.toMatchObject({
      code: 'OT4080',
      message: expect.stringContaining(
        `${endpoint(replica)}: it lacks transactions that were read already (${family === 'mysql' ? gtid.slice(0, 36) : gtid}`,
      ),
      hint: expect.stringContaining('otter explain OT4080'),
    });
    // Whoever knows nothing of that is told where the position is asked for.
    await expect(read(database(), position)).rejects.toMatchObject({ code: 'OT4080', retry: 'never' });
    await primary.lab.restart();
    await insert(primary, 3);
    expect((await read(server, position)).ids).toEqual(['3']);
    // A node that begins now must not guess.
    await expect(database().connect()).rejects.toMatchObject({
      code: 'OT4081',
      message: `hz: ${endpoint(primary)} and ${endpoint(replica)} all take writes, and each has transactions that another lacks`,
    });
    await demote(replica);
    const again = database();
    await using _session = await again.connect();
    expect(again.endpoint).toBe(endpoint(primary));
  });

  test.runIf(LONG)('a primary that is frozen', async () => {
    const server = database();
    await using _session = await server.connect();
    await primary.lab.freeze();
    await expect(server.look()).rejects.toMatchObject({
      code: 'OT4001',
      message: expect.stringContaining(`no other endpoint takes over: ${endpoint(replica)}: it is read-only`),
    });
    await promote(replica);
    expect(await server.look()).toBe(endpoint(replica));
    primary.lab.thaw();
  });

  once('a server that begins behind the primary is passed over, and so is a stale primary', async () => {
    await primary.lab.kill();
    await promote(replica);
    await insert(replica, 1);
    await primary.lab.restart();
    const server = database();
    await using _session = await server.connect();
    expect(server.endpoint).toBe(endpoint(replica));
  });

  test('a log that was reset, and one that was purged, are told', async () => {
    const server = database();
    const from = await end(server);
    await promote(replica);
    await insert(primary, 1);
    await primary.root('FLUSH BINARY LOGS');
    await insert(primary, 2);
    await primary.root('FLUSH BINARY LOGS');
    // A file that somebody still reads stays for a moment.
    await expect
      .poll(
        async () => {
          const logs = await primary.rows('SHOW BINARY LOGS');
          await primary.root(`PURGE BINARY LOGS TO '${logs.at(-1)!['Log_name']}'`);
          return logs.length;
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    await expect(read(server, from)).rejects.toMatchObject({
      code: 'OT4020',
      message: expect.stringContaining('purged'),
      hint: expect.stringContaining('binlog_expire_logs_seconds'),
    });
    await primary.root(family === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
    await expect(read(server, from)).rejects.toMatchObject({
      code: 'OT4020',
      message: expect.stringContaining('has nothing of the log that was followed: it was reset'),
      hint: expect.stringContaining('otter explain OT4020'),
    });
  });
});
