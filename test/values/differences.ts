/** What happens to the values that are on the list of differences, on the servers that it names. */
import { expect } from 'vitest';
import { DIFFERENCES } from '../../src/replication/differences.ts';
import { channel, rootOf, Sites, STARTS, until } from '../site/harness.ts';
import type { Kind } from './cases.ts';
import { NAMES } from './matrix.ts';

/** A type that the pattern of a difference means. */
const TYPES = ['varchar(9) character set ascii', 'double', 'timestamp(6) null', 'time(6)', 'json'];

/** Every difference between two servers, each in a channel of its own. Returns how many there are. */
export async function runDifferences(from: Kind, to: Kind): Promise<number> {
  const differences = DIFFERENCES.filter((one) => one.from.includes(NAMES[from]) && one.to.includes(NAMES[to]));
  if (differences.length === 0) return 0;
  await using stack = new AsyncDisposableStack();
  const [a, b] = [stack.use(await STARTS[from]({})), stack.use(await STARTS[to]({}))];
  const [source, target] = await Promise.all([rootOf(a), rootOf(b)]);
  stack.defer(() => {
    source.destroy();
    target.destroy();
  });
  for (const root of [source, target]) await root.query("SET sql_mode='', time_zone='+00:00'; CREATE DATABASE d");
  for (const [i, { types }] of differences.entries()) {
    const table = `CREATE TABLE d.t${i} (id INT PRIMARY KEY, v ${TYPES.find((type) => types.test(type))!})`;
    for (const root of [source, target]) await root.query(table);
  }
  const sites = stack.use(new Sites({ a, b }));
  const direction = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
  sites.set(Object.fromEntries(differences.map((_, i) => [`c${i}`, channel(direction, [`d.t${i}`])])));
  for (const name of ['a', 'b']) sites.start(name);
  await until('all stream', () => differences.every((_, i) => sites.figures()[`c${i}/a>b`]?.phase === 'streaming'));
  for (const [i, { value }] of differences.entries()) await source.query(`INSERT INTO d.t${i} VALUES (1, ${value})`);
  for (const [i, { value, happens, what }] of differences.entries()) {
    const found = async (root: typeof source): Promise<unknown> =>
      ((await root.query(`SELECT v <=> ${value} AS equal, CAST(v AS CHAR) AS text FROM d.t${i}`))[0] as unknown[])[0];
    const code = { equal: null, respelled: null, stops: 'OT5016', refused: 'OT4040' }[happens];
    const there = async (): Promise<boolean> =>
      code === null ? (await found(target)) !== undefined : sites.figures()[`c${i}/a>b`]?.error?.code === code;
    await until(what, there).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(sites.figures()[`c${i}/a>b`])}`);
    });
    if (code !== null) {
      expect(await found(target), what).toBeUndefined();
      continue;
    }
    expect(sites.figures()[`c${i}/a>b`]!.error, what).toBeNull();
    const [here, other] = [await found(source), await found(target)] as { equal: number; text: string }[];
    expect(other!.text, what).not.toBe(here!.text);
    if (happens === 'equal') expect([here!.equal, other!.equal].map(Number), what).toEqual([1, 1]);
    else expect(JSON.parse(other!.text), what).toEqual(JSON.parse(here!.text));
  }
  return differences.length;
}
