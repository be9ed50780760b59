/** Two servers, and channels between them of which rows are refused. */
import type { Connection } from 'mysql2/promise';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, dump, pair, rootOf, type Sites, streaming, until } from './harness.ts';

export const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

export interface Letter {
  readonly id: number;
  readonly table_name: string;
  readonly kind: string;
  readonly row_key: string;
  readonly error: string | null;
  readonly behind: string;
}

export interface RefusalRig extends AsyncDisposable {
  readonly a: DatabaseServer;
  readonly b: DatabaseServer;
  readonly ra: Connection;
  readonly rb: Connection;
  /** A channel of one schema that sets aside, running. */
  begun(sites: Sites, name: string, tables: string, more?: Parameters<typeof channel>[2]): Promise<void>;
  letters(name: string): Promise<Letter[]>;
  /** Waits until all of it has come; there is a table `t` with a number for its key. */
  carried(name: string): Promise<void>;
}

export async function refusalRig(): Promise<RefusalRig> {
  const [a, b] = await pair();
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  let mark = 900;
  return {
    ...{ a, b, ra, rb },
    begun: async (sites, name, tables, more = {}) => {
      await Promise.all([ra, rb].map((root) => root.query(`CREATE DATABASE ${name}; USE ${name}; ${tables}`)));
      sites.set({ [name]: channel(oneWay, [`${name}.*`], { onError: 'park', initial: 'none', ...more }) });
      sites.start('a');
      sites.start('b');
      await streaming(sites, `${name}/a>b`);
    },
    letters: async (name) => {
      const [rows] = await rb.query(`SELECT * FROM otter.dead_letter WHERE channel = '${name}' ORDER BY id`);
      return (rows as Letter[]).map((row) => ({ ...row, id: Number(row.id) }));
    },
    carried: async (name) => {
      mark += 1;
      const marked = async (): Promise<boolean> =>
        (await dump(rb, `${name}.t`)).some((row) => row.startsWith(`[${mark}`));
      await ra.query(`INSERT INTO ${name}.t (id) VALUES (${mark})`);
      await until('the mark has come', marked);
      await ra.query(`DELETE FROM ${name}.t WHERE id = ${mark}`);
      await until('it has gone', async () => !(await marked()));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([ra.end(), rb.end()]);
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
    },
  };
}
