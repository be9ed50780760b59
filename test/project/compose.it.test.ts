/** What containers are made of: everything that the files name is there, and what they say works, as far as no engine is needed. */
import { existsSync, readFileSync } from 'node:fs';
import mysql from 'mysql2/promise';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { startMySql } from '../../src/lab/servers.ts';
import { loadTopology } from '../../src/topology/load.ts';
import { rootOf } from '../site/harness.ts';

interface Service {
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
const compose = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

test('the services fit the topology, and every file and volume is there', () => {
  const { topology, diagnostics, unbuilt } = loadTopology('deploy/topology.yaml');
  // The network of the services is their own.
  expect([diagnostics.map(({ code }) => code), unbuilt]).toEqual([['OT1036'], []]);
  const { services, volumes } = compose;
  for (const name of Object.keys(topology!.node))
    expect(services[name]!.command).toBe(`node ${name} -t ${topology!.name}`);
  for (const { endpoints, password } of Object.values(topology!.database)) {
    expect(Object.keys(services)).toContain(endpoints[0]!.split(':')[0]);
    expect(Object.keys(services['hz-1']!.environment!)).toContain((password as { env: string }).env);
  }
  for (const { volumes: mounts = [], depends_on = {} } of Object.values(services)) {
    for (const name of Object.keys(depends_on)) expect(Object.keys(services)).toContain(name);
    for (const mount of mounts) {
      const from = mount.split(':')[0]!;
      if (from.startsWith('.')) expect(existsSync(from), from).toBe(true);
      else expect(Object.keys(volumes)).toContain(from);
    }
  }
});

test('the image is made of files that there are, and that the context lets through', () => {
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
  const copied = [...readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((found) =>
    found[1]!.split(' '),
  );
  expect(copied).toContain('src');
  for (const path of copied) {
    expect(existsSync(path), path).toBe(true);
    expect(ignored).toContain(`!${path}`);
  }
});

test('the settings start a server, and the SQL makes an account that can do what it must, and no more', async () => {
  const { command, environment } = compose.services['ca-db']!;
  await using server = await startMySql({
    args: [...(command as string[]).filter((each) => !each.startsWith('--server-id'))],
  });
  const root = await rootOf(server);
  const { MYSQL_USER: user, MYSQL_PASSWORD: password, MYSQL_DATABASE: database } = environment!;
  // What the image does before it runs the files.
  await root.query(
    `CREATE DATABASE ${database}; DROP USER IF EXISTS '${user}'@'%'; CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'; GRANT ALL ON ${database}.* TO '${user}'@'%'`,
  );
  for (const file of ['account', 'shop']) await root.query(readFileSync(`deploy/${file}.sql`, 'utf8'));
  const otter = await mysql.createConnection({
    host: server.host,
    port: server.port,
    user: user!,
    password: password!,
  });
  expect((await otter.query('SELECT COUNT(*) AS n FROM shop.orders'))[0]).toEqual([{ n: 2 }]);
  await otter.query('CREATE DATABASE otter');
  await otter.query('SHOW BINARY LOG STATUS');
  await expect(otter.query('CREATE DATABASE elsewhere')).rejects.toMatchObject({ errno: 1044 });
  otter.destroy();
  root.destroy();
}, 120_000);
