/** Nodes that know each other by certificates: taken up while rows flow, and asked for by whoever looks. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { StatusReport } from '../../src/model/status.ts';
import { authority, CertificateFolder } from '../link/certificates.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

test('an open link becomes one with certificates while rows flow; the status asks with them too', async () => {
  const [da, db] = [await connect(a), await connect(b)];
  await da.query(
    'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(40))',
  );
  await using folder = await CertificateFolder.make();
  const { ca, cert, key } = await folder.put(authority('ours'));
  await using otter = await Otter.in(passwordsOf([a, b]));
  const yaml = await sitesOf([a, b], '  shop: { from: a, to: b, tables: [shop.orders] }\n');
  await otter.write(yaml);
  otter.node('west-1');
  otter.node('east-1');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await otter.until('the channel streams', streaming);

  let writing = true;
  let written = 0;
  const writer = (async () => {
    for (; writing; written++) await da.query("INSERT INTO shop.orders (note) VALUES ('one')");
  })();
  const arrives = async (): Promise<void> => {
    const from = written;
    await expect
      .poll(async () => Number((await rows(db, 'SELECT COUNT(*) FROM shop.orders'))[0]!.replace(/\D/g, '')), {
        timeout: 30_000,
      })
      .toBeGreaterThan(from);
  };
  await arrives();
  const secure = `${yaml}link: { tls: { ca: ${ca}, cert: ${cert}, key: ${key} } }\n`;
  await otter.write(secure);
  expect((await otter.run('plan')).out).toContain('asks its peers for certificates from now on');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  await arrives();
  writing = false;
  await writer;
  const all = `["${written}","${written}"]`;
  await expect
    .poll(() => rows(db, 'SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.orders'), { timeout: 30_000 })
    .toEqual([all]);
  for (const name of ['west-1', 'east-1']) expect(otter.log(name)).toContain('"link":"tls"');

  // The store does not answer, and the nodes are asked.
  const away = ['--state', `etcd://127.0.0.1:${await freePort()}`, '-t', join(otter.folder, 'topologies', 'main.yaml')];
  const told = await otter.run('status', '--json', ...away);
  expect(told, told.err).toMatchObject({ code: 0 });
  const report = JSON.parse(told.out) as StatusReport;
  expect(report.nodes.filter(({ alive }) => alive).map(({ name }) => name)).toEqual(['east-1', 'west-1']);

  // Who has no certificate is told that, and hears nothing.
  await otter.write(secure.replace(key, join(folder.path, 'none.pem')));
  const untold = await otter.run('status', ...away);
  expect(untold.code).toBe(1);
  expect(untold.err).toContain('none.pem cannot be read (ENOENT) (OT6011)');

  // Another certificate at the node that is asked, of an authority that nobody knows: the pipeline says so.
  await otter.write(secure);
  const ours = await readFile(ca, 'utf8');
  await otter.end('west-1', 'SIGKILL');
  await folder.put(authority('others'));
  await writeFile(ca, ours);
  otter.node('west-1');
  await otter.until('the pipeline says why it stands', ([one]) => one?.error?.code === 'OT6012');
  expect(otter.log('west-1') + otter.log('east-1')).not.toContain('BEGIN');
  await da.end();
  await db.end();
}, 180_000);
