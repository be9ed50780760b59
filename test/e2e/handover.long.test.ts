/** A table goes to and fro between two two-way channels, as the refusal of `otter plan` says, while others are written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

/** Writes the table while `pause` allows it, and another one always. */
async function write(
  root: Connection,
  side: string,
  pause: { readonly on: boolean; still: number },
  going: () => boolean,
) {
  for (let n = 0; going(); n += 1) {
    await sleep(20);
    await root.query(`INSERT INTO s.one VALUES ('${side}-${n}', ${n})`);
    if (pause.on) {
      pause.still += 1;
      continue;
    }
    await root.query(`INSERT INTO s.t VALUES ('${side}-${n}', ${n})`);
    await root.query(`UPDATE s.t SET v = v + 1000 WHERE id IN ('a-${n - 3}', 'b-${n - 3}')`);
  }
}

test('refused in one step; in two, every row is at both sites', async () => {
  const [da, db, wa, wb] = await Promise.all([connect(a), connect(b), connect(a), connect(b)]);
  for (const root of [da, db]) {
    await root.query('CREATE DATABASE s; CREATE TABLE s.one (id VARCHAR(20) PRIMARY KEY, v INT)');
    await root.query('CREATE TABLE s.two LIKE s.one; CREATE TABLE s.t LIKE s.one');
  }
  await using otter = await Otter.in(passwordsOf([a, b]));
  const base = await sitesOf([a, b], '');
  const apply = async (one: string, two: string) => {
    const channel = (name: string, tables: string): string =>
      `  ${name}: { between: [a, b], initial: none, tables: [${tables}] }\n`;
    await otter.write(base + channel('one', one) + channel('two', two));
    return otter.run('apply', '--auto-approve', '--timeout', '60s');
  };
  for (const node of ['west-1', 'east-1']) otter.node(node);
  expect(await apply('s.one, s.t', 's.two')).toMatchObject({ code: 0 });
  await otter.until('it streams', streaming);
  const pause = { on: false, still: 0 };
  let going = true;
  const writing = Promise.all([write(wa, 'a', pause, () => going), write(wb, 'b', pause, () => going)]);
  writing.catch(() => undefined);
  try {
    const refused = await apply('s.one', 's.two, s.t');
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.err).toContain('Refused OT2006: s.t would go from channel one to channel two in one step');
    for (const [one, two] of [
      ['s.one', 's.two, s.t'],
      ['s.one, s.t', 's.two'],
      ['s.one', 's.two, s.t'],
    ] as const) {
      await sleep(500);
      pause.still = 0;
      pause.on = true;
      await expect.poll(() => pause.still, { timeout: 30_000 }).toBeGreaterThan(10);
      const out = await apply('s.one', 's.two');
      expect(out, out.out + out.err).toMatchObject({ code: 0 });
      const into = await apply(one, two);
      expect(into, into.out + into.err).toMatchObject({ code: 0 });
      pause.on = false;
    }
    await sleep(500);
  } finally {
    going = false;
  }
  await writing;
  for (const table of ['s.t', 's.one']) {
    const all = (root: Connection): Promise<string[]> => rows(root, `SELECT * FROM ${table} ORDER BY id`);
    const differing = async (): Promise<string[]> => {
      const [here, there] = (await Promise.all([all(da), all(db)])).map((each) => new Set(each));
      return [...[...here!].filter((row) => !there!.has(row)), ...[...there!].filter((row) => !here!.has(row))];
    };
    await expect.poll(differing, { timeout: 60_000 }).toEqual([]);
    expect((await all(da)).length).toBeGreaterThan(100);
  }
  for (const connection of [da, db, wa, wb]) connection.destroy();
}, 180_000);
