/** The Oracle target: on PostgreSQL in an Oracle's place, and on a real one where `OTTER_TEST_ORACLE` names it. */
import { describe } from 'vitest';
import { OracleTarget } from '../../src/oracle/target.ts';
import { type OracleLab, openRealOracle, openStandInLab, realOracle } from '../oracle/lab.ts';
import { type ContractLab, targetContract } from './contract.ts';

async function contractLab(open: () => Promise<OracleLab>): Promise<ContractLab> {
  const lab = await open();
  const { schema, own, user } = lab;
  const table = (name: string): string => `"${schema}"."${name}"`;
  return {
    schema,
    made: (name) => name.toLowerCase(),
    lanes: false,
    ahead: false,
    target: (lineage) => {
      const server = lab.server();
      return new OracleTarget({ connect: () => server.connect(), name: 'dw', user, schema: own, lineage });
    },
    createOrders: () =>
      lab.sql(
        `CREATE TABLE ${table('ORDERS')} ("ID" NUMBER(10) NOT NULL, "NAME" VARCHAR2(20 CHAR), "AMOUNT" NUMBER(20,4), "DOC" CLOB, PRIMARY KEY ("ID"), UNIQUE ("NAME"))`,
      ),
    createKeyless: () => lab.sql(`CREATE TABLE ${table('EVENTS')} ("A" NUMBER(10), "B" VARCHAR2(20 CHAR))`),
    drop: async (name) => {
      const found = await lab.rows(`SELECT 1 FROM all_tables WHERE owner='${schema}' AND table_name='${name}'`);
      if (found.length > 0) await lab.sql(`DROP TABLE ${table(name)}`);
    },
    rows: async (name, columns) => {
      const found = await lab.rows(`SELECT ${columns.map((one) => `"${one}"`).join(',')} FROM ${table(name)}`);
      const plain = (value: string | null): string =>
        (value ?? '').replace(/^(-?\d+)\.?(\d*?)0*$/, (_, a, b) => (b === '' ? a : `${a}.${b}`));
      return found
        .map((row) => row.map((value, i) => (columns[i] === 'AMOUNT' ? plain(value) : (value ?? ''))).join('|'))
        .sort();
    },
    ownTables: async () => {
      const names = "('CHECKPOINT','COPY','STRUCTURE')";
      const found = await lab.rows(`SELECT table_name FROM all_tables WHERE owner='${own}' AND table_name IN ${names}`);
      return found.map(([name]) => name!).sort();
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

describe('Oracle, for which PostgreSQL stands in', () => {
  targetContract(() => contractLab(openStandInLab));
});

describe.skipIf(realOracle() === null)(
  'Oracle itself (not run without OTTER_TEST_ORACLE=user/password@host/service)',
  () => {
    targetContract(() => contractLab(openRealOracle));
  },
);
