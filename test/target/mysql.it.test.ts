/** The targets of both families under the contract of all. */
import { describe } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { MysqlTarget } from '../../src/mysql/target.ts';
import { access } from '../mysql/context.ts';
import { type ContractLab, targetContract } from './contract.ts';

async function contractLab(start: () => Promise<LabServer>, takesLines = false): Promise<ContractLab> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await start());
  const root = stack.use(await access(server, server.root).connect({ multipleStatements: true }));
  await root.run('CREATE DATABASE IF NOT EXISTS dw CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
  const owned = stack.move();
  return {
    schema: 'dw',
    made: (name) => name,
    lanes: true,
    ahead: true,
    target: (lineage) => {
      const own = access(server, server.otter);
      const source = mysqlSource({ server: own, ownSchema: 'otter' });
      const connect = () => own.connect({ multipleStatements: true });
      const target = new MysqlTarget({ connect, schema: 'otter', lineage, source, now: Date.now });
      const dispose = target[Symbol.asyncDispose].bind(target);
      target[Symbol.asyncDispose] = async () => {
        await dispose();
        await source[Symbol.asyncDispose]();
      };
      return target;
    },
    createOrders: async () => {
      await root.run(
        'CREATE TABLE dw.ORDERS (ID INT NOT NULL, NAME VARCHAR(20), AMOUNT DECIMAL(20,4), DOC TEXT, PRIMARY KEY (ID), UNIQUE KEY name (NAME)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
      );
    },
    createKeyless: async () => {
      await root.run('CREATE TABLE dw.EVENTS (A INT, B VARCHAR(20)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin');
    },
    ...(takesLines
      ? {
          takeLines: async (takes: boolean): Promise<void> => {
            await root.run(`SET GLOBAL local_infile=${takes ? 1 : 0}`);
          },
        }
      : {}),
    drop: async (name) => {
      await root.run(`DROP TABLE IF EXISTS dw.${name}`);
    },
    rows: async (name, columns) => {
      const found = await root.rows<Record<string, string | number | null>>(
        `SELECT ${columns.join(',')} FROM dw.${name}`,
      );
      const plain = (value: string): string => value.replace(/\.0+$/, '').replace(/(\.\d*?)0+$/, '$1');
      const text = (column: string, value: string | number | null | undefined): string =>
        column === 'AMOUNT' ? plain(String(value)) : String(value ?? '');
      return found.map((row) => columns.map((column) => text(column, row[column])).join('|')).sort();
    },
    ownTables: async () => {
      const found = await root.rows<{ name: string }>(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA='otter' ORDER BY 1",
      );
      return found.map(({ name }) => name);
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

describe.each([
  ['MariaDB', startMariaDb, true],
  // Where it is not said, MySQL takes no lines, and rows are inserted.
  ['MySQL', startMySql, false],
  ['MySQL with local_infile', () => startMySql({ args: ['--local-infile=1'] }), true],
] as const)('%s', (_, start, takesLines) => {
  targetContract(() => contractLab(start, takesLines));
});
