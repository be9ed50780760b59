/**
 * A topology in which everything that the dashboard shows is so at once, on real servers: a shop that is written to at both sites, a
 * channel whose conflicts wait for a person, a copy under way, a table that its target refuses, a pause, alerts.
 */
import type { Connection } from 'mysql2/promise';
import { freePort } from '../../src/lab/free-port.ts';
import { type DatabaseServer, startMariaDb } from '../../src/lab/servers.ts';
import { createShop } from '../../src/lab/shop.ts';
import { ShopWriter } from '../../src/lab/shop-writer.ts';
import { connect, Otter } from '../e2e/otter.ts';

export interface Real extends AsyncDisposable {
  readonly otter: Otter;
  readonly env: Readonly<Record<string, string>>;
}

const PASSWORDS = ['HZ_PASSWORD', 'CA_PASSWORD', 'FR_PASSWORD'];
const NAMES = ['hz', 'ca', 'fr'];
const REGIONS = ['hangzhou', 'california', 'frankfurt'];

export async function startReal(): Promise<Real> {
  await using started = new AsyncDisposableStack();
  const servers = await Promise.all([startMariaDb(), startMariaDb(), startMariaDb()]);
  for (const server of servers) started.use(server);
  const roots = await Promise.all(servers.map(connect));
  for (const root of roots) started.defer(() => root.end());
  const [hz, ca, fr] = roots as [Connection, Connection, Connection];
  await createShop(hz);
  for (const both of [hz, ca]) {
    await both.query(
      `CREATE DATABASE crm; CREATE TABLE crm.client (id INT PRIMARY KEY, name VARCHAR(40), city VARCHAR(40), points INT);
       INSERT INTO crm.client VALUES (1, 'Lee', 'Oakland', 10), (2, 'Kim', 'Hangzhou', 20), (3, 'Wu', 'San Jose', 5)`,
    );
  }
  await hz.query(
    `CREATE DATABASE bi; CREATE TABLE bi.invoice (id INT PRIMARY KEY, total INT); INSERT INTO bi.invoice VALUES (1, 10);
     CREATE DATABASE cms; CREATE TABLE cms.page (id INT PRIMARY KEY, title VARCHAR(80));
     CREATE DATABASE archive; CREATE TABLE archive.event (id INT PRIMARY KEY, body VARCHAR(200));
     USE archive; INSERT INTO archive.event SELECT seq, REPEAT('event ', 30) FROM seq_1_to_200000`,
  );
  await fr.query('CREATE DATABASE bi; CREATE TABLE bi.invoice (id INT PRIMARY KEY, total INT CHECK (total < 1000))');
  const env = Object.fromEntries(servers.map(({ otter }, i) => [PASSWORDS[i]!, otter.password]));
  const otter = started.use(await Otter.in(env));
  await otter.write(await topologyOf(servers));
  await done(otter.run('apply', '--auto-approve', '--no-wait'));
  for (const name of NAMES) otter.node(`${name}-1`);
  const flows = (name: string): boolean => !name.startsWith('archive/');
  await otter.until('all but the copy streams', (pipelines) =>
    pipelines.filter(({ name }) => flows(name)).every(({ phase, error }) => phase === 'streaming' && error === null),
  );
  await done(otter.run('pause', 'cms', '--reason', 'the index is built'));
  await done(otter.run('alerts', 'silence', 'database.fr', '--for', '2h', '--why', 'it moves to another rack'));
  await conflicting(otter, hz, ca);
  await hz.query('INSERT INTO bi.invoice VALUES (2, 5000)');
  await otter.until('the target refuses', (pipelines) => pipelines.some(({ error }) => error?.code === 'OT5016'));
  const stop = new AbortController();
  const writing = [servers[0], servers[1]].map(async (server, site) => {
    const connection = await connect(server!);
    await new ShopWriter({ connection, site, sites: 2, seed: 7, perSecond: 40, clashes: 0.1 }).run(stop.signal);
    await connection.end();
  });
  started.defer(async () => {
    stop.abort();
    await Promise.all(writing);
  });
  const kept = started.move();
  return { otter, env, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The same rows written at both sites while neither hears of the other. */
async function conflicting(otter: Otter, hz: Connection, ca: Connection): Promise<void> {
  await done(otter.run('pause', 'crm'));
  await hz.query(
    "UPDATE crm.client SET city = 'Hangzhou', points = 12 WHERE id = 1; UPDATE crm.client SET name = 'Kim Min' WHERE id = 2",
  );
  await ca.query("UPDATE crm.client SET city = 'San Jose' WHERE id = 1; DELETE FROM crm.client WHERE id = 2");
  await done(otter.run('resume', 'crm'));
  await otter.until('conflicts wait', (pipelines) => pipelines.some(({ open_conflicts }) => open_conflicts > 1));
}

async function topologyOf(servers: readonly DatabaseServer[]): Promise<string> {
  const nodes = await Promise.all(
    NAMES.map(async (name, i) => `  ${name}-1: { region: ${REGIONS[i]!}, listen: "127.0.0.1:${await freePort()}" }\n`),
  );
  const databases = servers.map(
    ({ host, port, otter }, i) =>
      `  ${NAMES[i]!}: { region: ${REGIONS[i]!}, engine: mariadb, endpoints: ["${host}:${port}"], user: ${otter.user}, password: { env: ${PASSWORDS[i]!} } }\n`,
  );
  return `version: 1
name: main
regions: { ${REGIONS.map((region) => `${region}: {}`).join(', ')} }
nodes:
${nodes.join('')}databases:
${databases.join('')}channels:
  shop: { between: [hz, ca], conflict: { policy: site-priority, priority: [hz, ca] }, tables: [shop.*] }
  crm: { between: [hz, ca], initial: none, conflict: { policy: manual }, tables: [crm.client] }
  bi: { from: hz, to: fr, existing: keep, tables: [bi.invoice] }
  cms: { from: hz, to: fr, tables: [cms.page] }
  archive: { from: hz, to: fr, rate: 100KB/s, tables: [archive.event] }
alerts:
  shop-late: { channel: shop, when: lag > 30s, for: 1m, repeat: 30m, notify: [ops] }
  shop-unlike: { channel: shop, when: verify != equal, notify: [ops] }
  crm-decides: { channel: crm, when: open_conflicts > 0, notify: [ops] }
  bi-failed: { channel: bi, when: phase = failed, notify: [ops, on-call] }
  fr-down: { database: fr, when: down, for: 30s, notify: [on-call] }
notify:
  ops: { command: ["true"] }
  on-call: { command: ["false"] }
`;
}

async function done(running: ReturnType<Otter['run']>): Promise<void> {
  const { code, out, err } = await running;
  if (code !== 0) throw new Error(`a command ended with ${code}: ${out}${err}`);
}
