/**
 * Every type at its extremes from both families into the tables that otter makes for them at an Oracle, by copy, insert and
 * update, compared by what both servers print. On PostgreSQL in the Oracle's place; what has no place in an Oracle is listed.
 */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { madeType, parseSourceType } from '../../src/model/oracle-types.ts';
import type { Image, TableShape } from '../../src/model/row.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { passenger, Unplaced } from '../../src/oracle/values.ts';
import { access } from '../mysql/context.ts';
import { LONG } from '../project/long.ts';
import { channel, rootOf, Sites, streaming, until } from '../site/harness.ts';
import { has, type Kind, TYPE_CASES, type TypeCase } from '../values/cases.ts';
import { type OracleLab, openStandInLab } from './lab.ts';

/** The short run carries every sixth type of them, the long one all. */
const STEP = LONG ? 1 : 6;

let lab: OracleLab;

beforeAll(async () => {
  lab = await openStandInLab();
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
});

/** Members whose names need care where they are read from the type. */
const CASES: readonly TypeCase[] = [
  {
    type: `enum('back\\\\slash','line\nend\ttab','quote"','a(b),c','''')`,
    values: ['1', '2', '3', '4', '5'],
  },
  { type: `set('back\\\\slash','''','x y','ü')`, values: ['15', '1', '6'] },
  ...TYPE_CASES,
];

interface Case {
  readonly table: string;
  readonly shape: TableShape;
  readonly made: string;
  /** Of the values that have a place; the first is NULL. */
  readonly ids: readonly number[];
}

test.each([
  ['mariadb', startMariaDb],
  ['mysql', startMySql],
] as const)(
  '%s',
  async (family, start) => {
    await using server = await start();
    const root = await rootOf(server);
    try {
      const { cases, refused } = await prepare(root, server, family);
      // Each has its reason; nothing else may be refused, and nothing of these carried.
      expect(refused).toEqual(REFUSED.filter((line) => family === 'mysql' || !line.includes('-0e0')));
      await carry(
        root,
        server,
        cases.filter((_, i) => i < 2 || i % STEP === 0),
        family,
      );
    } finally {
      root.destroy();
    }
  },
  120_000,
);

async function prepare(
  root: Connection,
  server: LabServer,
  family: Kind,
): Promise<{ cases: readonly Case[]; refused: readonly string[] }> {
  await using source = mysqlSource({ server: access(server, server.otter), ownSchema: 'otter' });
  await root.query(
    "SET SESSION time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES'; DROP DATABASE IF EXISTS v; CREATE DATABASE v CHARACTER SET utf8mb4",
  );
  const cases: Case[] = [];
  const refused: string[] = [];
  for (const [at, one] of CASES.entries()) {
    const { type, values } = one;
    if (!has(family, one)) continue;
    const table = `t${at}`;
    const rows = ['NULL', ...values].map((value, id) => `(${id}, ${value})`);
    await root.query(`CREATE TABLE v.${table} (id INT PRIMARY KEY, v ${type})`);
    await root.query(`INSERT INTO v.${table} VALUES ${rows.join(',')}`);
    const shape = (await source.shape('v', table))!;
    const [, from] = shape.columns;
    const made = madeType(parseSourceType(from!.type, from!.charset), false);
    if (made === null) {
      refused.push(`${type}: no type`);
      continue;
    }
    const { bind } = passenger(from!, { ...from!, name: 'V', type: made, charset: null, nullable: true });
    const ids: number[] = [];
    for (const [id, value] of (await source.readChunk(shape, null, 100, Infinity)) as Image[]) {
      try {
        bind(value!);
        ids.push(Number(id));
      } catch (error) {
        if (!(error instanceof Unplaced)) throw error;
        refused.push(`${type}: ${values[Number(id) - 1]} ${error.message}`);
      }
    }
    await root.query(`DELETE FROM v.${table} WHERE id NOT IN (${ids.join(',')})`);
    cases.push({ table, shape, made, ids });
  }
  return { cases, refused };
}

async function carry(root: Connection, server: LabServer, cases: readonly Case[], family: string): Promise<void> {
  await using sites = new Sites({ hz: server, dw: lab }, undefined, `values-${family}`);
  const tables = cases.map(({ table }) => ({ from: `v.${table}`, to: `DW.${family}_${table}` }));
  sites.set({ values: channel({ kind: 'one-way', from: ['hz'], to: ['dw'] }, tables) });
  sites.start('hz');
  sites.start('dw');
  await streaming(sites, 'values/hz>dw');
  for (const { table, ids } of cases) {
    // All of them once more, and then each in the place of the one before it.
    const next = ids.map((id, i) => `WHEN ${id + 1000} THEN ${ids[(i + 1) % ids.length]}`).join(' ');
    await root.query(
      `INSERT INTO v.${table} SELECT id + 1000, v FROM v.${table}; UPDATE v.${table} t, v.${table} s SET t.v = s.v WHERE s.id = CASE t.id ${next} END`,
    );
  }
  for (const { table, made, shape } of cases) {
    const name = `"DW"."${`${family}_${table}`.toUpperCase()}"`;
    let [there, here]: string[][] = [[], []];
    const equal = async (): Promise<boolean> => {
      [there, here] = [await printed(name, made), await written(root, shape, made)];
      return JSON.stringify(there) === JSON.stringify(here);
    };
    await until(`${table} is the same`, equal).catch((error: Error) => {
      expect(
        there,
        `${shape.columns[1]!.type} as ${made}: ${error.message} ${JSON.stringify(sites.figures())}`,
      ).toEqual(here);
    });
  }
  expect(sites.figures()['values/hz>dw']).toMatchObject({ error: null, drift: 0 });
}

/** As the stand-in prints them. */
async function printed(name: string, made: string): Promise<string[]> {
  const shown = /^(RAW|BLOB)/.test(made)
    ? `encode("V",'hex')`
    : /^INTERVAL/.test(made)
      ? `extract(epoch from "V")`
      : `"V"::text`;
  const rows = await lab.rows(`SELECT t."ID"::text, ${shown} FROM ${name} t ORDER BY t."ID"`);
  return rows.map(([id, value]) => `${id} ${value === null ? 'NULL' : plain(value!, made)}`);
}

/** As MySQL prints them, in the form of the other; an empty text is NULL there. */
async function written(root: Connection, shape: TableShape, made: string): Promise<string[]> {
  const { type } = shape.columns[1]!;
  const shown = /^(RAW|BLOB)/.test(made)
    ? 'LOWER(HEX(v))'
    : /^BINARY_/.test(made)
      ? 'v*1e0'
      : /^bit/.test(type)
        ? 'CAST(v AS UNSIGNED)'
        : 'CONVERT(v USING utf8mb4)';
  const [rows] = await root.query({ sql: `SELECT id, ${shown} FROM v.${shape.name} ORDER BY id`, rowsAsArray: true });
  return (rows as [number, string | number | null][]).map(([id, value]) => {
    const text = value === null || value === '' ? 'NULL' : plain(String(value), made).replaceAll('\0', '\u2400');
    return `${id} ${text}`;
  });
}

function plain(text: string, made: string): string {
  const [, sign, hours, minutes, seconds] = /^(-?)(\d+):(\d+):(.*)$/.exec(text) ?? [];
  if (/^INTERVAL/.test(made) && seconds !== undefined) {
    const [whole, fraction = '0'] = seconds.split('.');
    return plain(`${sign}${Number(hours) * 3600 + Number(minutes) * 60 + Number(whole)}.${fraction}`, made);
  }
  if (/^(NUMBER|INTERVAL)/.test(made)) {
    const digits = text.replace(/^(-?)0+(?=\d)/, '$1');
    return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
  }
  // A FLOAT is the double that it is, which neither server prints.
  if (made === 'BINARY_FLOAT') return String(Math.fround(Number(text)));
  if (made === 'BINARY_DOUBLE') return String(Number(text));
  if (made === 'DATE') return text.slice(0, 10);
  if (/^TIMESTAMP/.test(made))
    return text
      .replace(/\+00$/, '')
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '');
  return text;
}

const ZERO = 'V is a zero or partly zero date, of which Oracle has none';
const TINY = 'V is nearer to 0 than Oracle has numbers';
const FRACTIONS = ['', '(1)', '(2)', '(3)', '(4)', '(5)', '(6)'];

/** MariaDB reads -0e0 as 0. */
const REFUSED: readonly string[] = [
  'float: -0e0 V is -0, of which Oracle makes 0',
  `float: 1.4e-45 ${TINY}`,
  'double: -0e0 V is -0, of which Oracle makes 0',
  `double: 4.9e-324 ${TINY}`,
  `double: 5e-324 ${TINY}`,
  `date: '0000-00-00' ${ZERO}`,
  "date: '2021-02-31' V is a day that no month has",
  `date: '2021-00-00' ${ZERO}`,
  `date: '2021-05-00' ${ZERO}`,
  `datetime: '0000-00-00' ${ZERO}`,
  "datetime: '2021-02-31 01:02:03' V is a day that no month has",
  ...FRACTIONS.slice(1).map((fraction) => `datetime${fraction}: '0000-00-00' ${ZERO}`),
  ...FRACTIONS.map((fraction) => `timestamp${fraction} null: '0000-00-00' ${ZERO}`),
  ...['sjis', 'cp932', 'big5', 'swe7', 'ujis', 'euckr'].map((one) => `varchar(100) character set ${one}: no type`),
];
