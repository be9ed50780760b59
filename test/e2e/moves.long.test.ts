/** What people do to a running topology: nodes come, go and are renamed, databases move, all is destroyed and made again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import { startProxy } from '../../src/lab/proxy.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
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

/** Inserts rows of one side until told to stop; returns how many. */
async function write(db: Connection, side: string, going: () => boolean): Promise<number> {
  let n = 0;
  for (; going(); n += 1) {
    await sleep(2);
    await db.query(`INSERT INTO moves.t (id, note) VALUES ('${side}-${n}', REPEAT('x', 50))`);
  }
  return n;
}

test('a topology is rearranged under load, and no row is lost', async () => {
  const [da, db, wa, wb] = await Promise.all([connect(a), connect(b), connect(a), connect(b)]);
  await da.query('CREATE DATABASE moves; CREATE TABLE moves.t (id VARCHAR(40) PRIMARY KEY, note VARCHAR(60))');
  await using otter = await Otter.in(passwordsOf([a, b]));
  const channel = (more = ''): string => `  m: { between: [a, b], tables: [moves.t]${more} }\n`;
  let topology = await sitesOf([a, b], channel());
  /** `starts`: a node that is new, and that its people start when `apply` waits for it. */
  const apply = async (next: string, starts?: string): Promise<void> => {
    topology = next;
    await otter.write(topology);
    const applying = otter.run('apply', '--auto-approve', '--timeout', '60s');
    if (starts !== undefined) {
      await sleep(2_000);
      otter.node(starts);
    }
    const applied = await applying;
    expect(applied, applied.out + applied.err).toMatchObject({ code: 0 });
    await otter.until('it streams', streaming);
  };
  /** A row goes each way. */
  let flows = 0;
  const flow = async (): Promise<void> => {
    flows += 1;
    for (const [from, to, side] of [
      [da, db, 'a'],
      [db, da, 'b'],
    ] as const) {
      await from.query(`INSERT INTO moves.t VALUES ('flow-${side}-${flows}', '')`);
      await expect
        .poll(() => rows(to, `SELECT id FROM moves.t WHERE id='flow-${side}-${flows}'`), { timeout: 60_000 })
        .toHaveLength(1)
        .catch(async (error: unknown) => {
          throw new Error(JSON.stringify(await otter.status(), null, 1), { cause: error });
        });
    }
  };

  otter.node('west-1');
  otter.node('east-1');
  await otter.write(topology);
  await apply(topology);
  let going = true;
  const writing = Promise.all([write(wa, 'a', () => going), write(wb, 'b', () => going)]);
  writing.catch(() => undefined);
  try {
    await flow();
    // Another node of the region takes over from one that is stopped in good order, and from one that is not.
    otter.node('west-2');
    await otter.until('it is there', (_, { nodes }) => nodes.some(({ name, alive }) => name === 'west-2' && alive));
    await otter.end('west-1', 'SIGTERM');
    await flow();
    otter.node('west-1');
    await otter.until('it is back', (_, { nodes }) => nodes.some(({ name, alive }) => name === 'west-1' && alive));
    await otter.end('west-2', 'SIGKILL');
    await flow();
    // A node gets another name, and its old process is no part of the topology any more.
    await apply(topology.replaceAll('east-1', 'east-9'), 'east-9');
    await otter.end('east-1', 'SIGTERM');
    await flow();
    // The database answers at another address.
    await using proxy = await startProxy({ target: { host: b.host, port: b.port } });
    await apply(topology.replace(`"${b.host}:${b.port}"`, `"${proxy.host}:${proxy.port}"`));
    await flow();
    await apply(topology.replace(`"${proxy.host}:${proxy.port}"`, `"${b.host}:${b.port}"`));
    // It moves to another region, whose node is new.
    const south = `  south-1: { region: south, listen: "127.0.0.1:${await freePort()}" }\n`;
    const moved = topology
      .replace('regions: {', 'regions: { south: {},')
      .replace('nodes:\n', `nodes:\n${south}`)
      .replace('b: { region: east', 'b: { region: south');
    await apply(moved, 'south-1');
    await flow();
    await otter.until('it has moved', (_, { nodes }) =>
      nodes.some(({ name, databases }) => name === 'south-1' && databases.includes('b')),
    );
  } finally {
    going = false;
  }
  const written = await writing;
  const whole = written[0] + written[1] + flows * 2;
  const equal = async (): Promise<void> => {
    for (const side of [da, db])
      await expect
        .poll(() => rows(side, 'SELECT COUNT(*) FROM moves.t'), { timeout: 60_000 })
        .toEqual([`["${whole}"]`]);
    expect(await rows(da, 'CHECKSUM TABLE moves.t')).toEqual(await rows(db, 'CHECKSUM TABLE moves.t'));
  };
  await equal();

  // All goes, the rows stay; made again it begins where both are equal.
  expect(await otter.run('destroy', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  for (const side of [da, db])
    await expect
      .poll(() => rows(side, "SELECT table_name FROM information_schema.tables WHERE table_schema='otter'"), {
        timeout: 30_000,
      })
      .toEqual([]);
  await equal();
  await otter.write(topology);
  const refused = await otter.run('apply', '--auto-approve', '--timeout', '60s');
  expect(refused.err).toContain('OT5013');
  await apply(topology.replace(channel(), channel(', initial: none')));
  const before = flows;
  await flow();
  expect(await rows(db, 'SELECT COUNT(*) FROM moves.t')).toEqual([`["${whole + (flows - before) * 2}"]`]);
  expect(await rows(da, 'CHECKSUM TABLE moves.t')).toEqual(await rows(db, 'CHECKSUM TABLE moves.t'));
  for (const connection of [da, db, wa, wb]) connection.destroy();
}, 600_000);
