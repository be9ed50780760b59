/**
 * Every value arrives as it left: the literal from the log is the literal from a SELECT, and written into another table it
 * makes the same bytes in the log again and the same checksum.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../../src/model/row.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { type Context, type Family, open, readToEnd, rowItems } from '../mysql/context.ts';
import { has, TYPE_CASES } from './cases.ts';

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;
  /** As otter writes: strict, UTC. */
  let writer: Session;

  beforeAll(async () => {
    context = await open(family);
    writer = await context.server.connect();
    await writeAll();
  }, 60_000);

  afterAll(async () => {
    await writer?.[Symbol.asyncDispose]();
    await context?.[Symbol.asyncDispose]();
  });

  test('a SET of 64 members is a key that is read in order', async () => {
    const { root, source } = context;
    const members = Array.from({ length: 64 }, (_, i) => `'s${i}'`).join(',');
    await root.run('DROP TABLE IF EXISTS d.s');
    await root.run(`CREATE TABLE d.s (v SET(${members}), n INT, PRIMARY KEY (v, n))`);
    await root.run('INSERT INTO d.s VALUES (0,1),(1,1),(9223372036854775807,1),(9223372036854775808,1),(-1,1),(-1,2)');
    const shape = (await source.shape('d', 's'))!;
    const whole = await source.readChunk(shape, null, 10, Infinity);
    expect(whole.map(([v]) => v)).toEqual(['0', '1', `${2n ** 63n - 1n}`, `${-(2n ** 63n)}`, '-1', '-1']);
    for (const [i, row] of whole.entries())
      expect(await source.readChunk(shape, row, 10, Infinity)).toEqual(whole.slice(i + 1));
    for (const [v, n] of whole) {
      const [found] = await writer.rows<{ c: number }>(`SELECT COUNT(*) AS c FROM d.s WHERE v=${v} AND n<=>${n}`);
      expect(Number(found!.c)).toBe(1);
    }
  });

  const cases = TYPE_CASES.filter((one) => has(family, one)).map((one, index) => ({ ...one, index }));
  /** Rows of every case as the log has them, and as it has them once more where they were written again. */
  const [logged, again]: [Image[][], Image[][]] = [[], []];

  async function writeAll(): Promise<void> {
    const { root, source } = context;
    const tables = cases.map(
      ({ type, index }) =>
        `CREATE TABLE d.src${index} (id INT PRIMARY KEY, v ${type}, z INT NOT NULL DEFAULT 7) DEFAULT CHARSET=utf8mb4; CREATE TABLE d.dst${index} LIKE d.src${index}`,
    );
    await root.query(tables.join('; '));
    const from = (await source.logEnd()).position;
    for (const { values, index } of cases) {
      const rows = ['NULL', ...values].map((value, i) => `(${i}, ${value})`);
      await root.run(`INSERT INTO d.src${index} (id, v) VALUES ${rows.join(', ')}`);
    }
    logged.push(...inserted(await readToEnd(source, { from, wants: (schema) => schema === 'd' }), 'src', cases.length));
    const between = (await source.logEnd()).position;
    for (const [index, images] of logged.entries()) {
      const rows = images.map((image) => `(${image.map((v) => v ?? 'NULL').join(', ')})`);
      await writer.run(`INSERT INTO d.dst${index} VALUES ${rows.join(', ')}`);
    }
    const second = await readToEnd(source, { from: between, wants: (schema) => schema === 'd' });
    again.push(...inserted(second, 'dst', cases.length));
  }

  test.each(cases)('$type', async ({ type, values, index }) => {
    const { root, source } = context;
    const rows = logged[index]!;
    expect(rows).toHaveLength(values.length + 1);
    const shape = await source.shape('d', `src${index}`);
    expect(await source.readChunk(shape!, null, 1000, Infinity)).toEqual(rows);
    expect(again[index]).toEqual(rows);
    const checksums = await root.rows<{ Checksum: string }>(`CHECKSUM TABLE d.src${index}, d.dst${index}`);
    expect(checksums[1]!.Checksum).toBe(checksums[0]!.Checksum);

    // Found again by its own literal, as tables without a primary key need.
    const [id, value] = rows.at(-1)!;
    const found = await writer.rows<{ id: number }>(
      `SELECT id FROM d.dst${index} WHERE ${sameAs(family, type, value!)} AND id = ${id}`,
    );
    expect(found).toHaveLength(1);
  });
});

/** By the number in the name of their table. */
function inserted(items: Parameters<typeof rowItems>[0], prefix: string, count: number): Image[][] {
  const found = Array.from({ length: count }, (): Image[] => []);
  for (const { table, ...change } of rowItems(items).flatMap(({ changes }) => changes))
    if (change.kind === 'insert' && table.name.startsWith(prefix))
      found[Number(table.name.slice(prefix.length))]!.push(change.after);
  return found;
}

function sameAs(family: Family, type: string, literal: string): string {
  if (type === 'json' && family === 'mysql') return `v = CAST(${literal} AS JSON)`;
  return type.startsWith('vector') ? `HEX(v) = HEX(${literal})` : `v = ${literal}`;
}
