/** What a target server may do to otter, each with the words that the status has for it; and that it goes on by itself after. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveSecret } from '../../src/executor/secret.ts';
import { type DatabaseServer as LabServer, startMariaDb } from '../../src/lab/servers.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { LONG } from '../project/long.ts';
import { channel, count, rootOf, Sites, streaming, until } from './harness.ts';

let a: LabServer;
let b: LabServer;
let ra: Connection;
let rb: Connection;
let sites: Sites;
let written = 0;

/** A disk that can be filled: everything in one file that does not grow beyond so many MiB. */
function diskOf(mib: number): string[] {
  return ['--innodb-file-per-table=0', `--innodb-data-file-path=ibdata1:12M:autoextend:max:${mib}M`];
}

beforeAll(async () => {
  [a, b] = await Promise.all([startMariaDb(), startMariaDb({ args: diskOf(48) })]);
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT AUTO_INCREMENT PRIMARY KEY, v LONGTEXT)');
  sites = new Sites({ a, b });
  sites.set({ shop: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.t']) });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'shop/a>b');
});

afterAll(async () => {
  await sites?.[Symbol.asyncDispose]();
  await Promise.all([ra?.end(), rb?.end()]);
  await Promise.all([a?.[Symbol.asyncDispose](), b?.[Symbol.asyncDispose]()]);
});

async function insert(bytes = 10): Promise<void> {
  await ra.query(`INSERT INTO shop.t (v) VALUES (REPEAT('x', ${bytes}))`);
  written += 1;
}

async function told(code: string, words: RegExp): Promise<void> {
  const error = () => sites.figures()['shop/a>b']!.error;
  await until(`${code} is told`, () => error()?.code === code).catch((failure: Error) => {
    throw new Error(`${failure.message}: ${JSON.stringify(error())}`);
  });
  expect(error()!.message).toMatch(words);
}

/** All that was written is there, once, and nothing is complained of. */
async function goesOn(): Promise<void> {
  await insert();
  await until('it has arrived', async () => (await count(rb, 'shop.t')) === written);
  await streaming(sites, 'shop/a>b');
}

test('read-only', async () => {
  await rb.query('SET GLOBAL read_only=ON');
  await insert();
  await told('OT4007', /^b: .*read-only.*\(error 1290\)$/);
  await rb.query('SET GLOBAL read_only=OFF');
  await goesOn();
});

test('a full disk, and a server that is stopped and started', async () => {
  await insert(40_000_000);
  await told('OT4007', /^b: .*is full \(error 1114\)$/);
  await rb.end();
  await b.stop();
  await told('OT4001', /^b: .*ECONNREFUSED/);
  await b.restart({ args: diskOf(200) });
  rb = await rootOf(b);
  await goesOn();
});

test('sessions that are killed', async () => {
  await rb.query(`KILL USER ${b.otter.user}`);
  await goesOn();
});

test.runIf(LONG)('a row that somebody has locked for longer than is waited', async () => {
  await goesOn();
  const [rows] = await rb.query('SELECT id FROM shop.t ORDER BY id LIMIT 1');
  const { id } = (rows as { id: number }[])[0]!;
  await rb.query(`BEGIN; UPDATE shop.t SET v='locked' WHERE id=${id}`);
  await ra.query(`UPDATE shop.t SET v='free' WHERE id=${id}`);
  // That is no error yet: it is what the pipeline waits for.
  const waits = /^b: Lock wait timeout exceeded.*\(error 1205\)$/;
  await until('it is told', () => waits.test(sites.figures()['shop/a>b']!.waiting ?? ''));
  await rb.query('ROLLBACK');
  await goesOn();
});

test.runIf(LONG)('a table that somebody has locked, and a server whose tables all are', async () => {
  for (const lock of ['LOCK TABLES shop.t WRITE', 'FLUSH TABLES WITH READ LOCK']) {
    await goesOn();
    await rb.query(lock);
    await ra.query(`UPDATE shop.t SET v='${lock}' LIMIT 1`);
    const waits = /^b: Lock wait timeout exceeded.*\(error 1205\)$/;
    const told = (): boolean => {
      const { waiting, error } = sites.figures()['shop/a>b']!;
      return waits.test(waiting ?? error?.message ?? '');
    };
    await until(`${lock} is told`, told);
    await rb.query('UNLOCK TABLES');
    await goesOn();
  }
});

test.runIf(LONG)('a row that is larger than a packet of the target', async () => {
  await rb.query('SET GLOBAL max_allowed_packet=1048576');
  await rb.query(`KILL USER ${b.otter.user}`);
  await insert(3_000_000);
  await told('OT5016', /max_allowed_packet/);
  await rb.query('SET GLOBAL max_allowed_packet=67108864');
  await rb.query(`KILL USER ${b.otter.user}`);
  await goesOn();
});

test('a password that is changed is read anew from its file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-password-'));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const file = join(folder, 'password');
  await writeFile(file, 'first-secret\n');
  await rb.query(
    "CREATE USER 'rotated'@'%' IDENTIFIED BY 'first-secret'; GRANT ALL PRIVILEGES ON *.* TO 'rotated'@'%'",
  );
  const server = new DatabaseServer({
    name: 'b',
    spec: { endpoints: [`${b.host}:${b.port}`], user: 'rotated', tls: null },
    password: () => resolveSecret({ file }, {}),
  });
  await using source = mysqlSource({ server });
  await source.logEnd();
  await rb.query("ALTER USER 'rotated'@'%' IDENTIFIED BY 'second-secret'; KILL USER rotated");
  const failure = async (): Promise<string> =>
    source.logEnd().then(
      () => 'none',
      ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
    );
  // The session that was killed comes first.
  await failure();
  const said = await failure();
  expect(said).toMatch(/^OT4003 b: Access denied for user 'rotated'/);
  expect(said).not.toContain('secret');
  await writeFile(file, 'second-secret\n');
  expect(await failure()).toBe('none');
});
