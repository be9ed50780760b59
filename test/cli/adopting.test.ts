/** What was applied to an environment, written back into its file: it differs no more, and nobody else's files are other ones. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Ended, person } from './person.ts';

const BASE = `version: 1
name: main
vars: { host: { default: "127.0.0.1:3306" } }
regions: { west: { description: home }, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["\${var.host}"], user: otter, password: { env: PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: PASSWORD } }
channels:
  shop:
    between: [a, b]
    conflict: { policy: site-priority }
    tables: [shop.orders, { from: shop.stock, columns: { omit: [note] } }]
  one: { from: a, to: b, tables: [t.a] }
`;
const PROD = `name: prod
databases:
  a: { protect: true } # of production
channels:
  one: { ddl: ignore }
  extra: { from: a, to: b, tables: [e.e] }
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-adopting-'));
  await mkdir(join(folder, 'env'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function otter(...args: string[]): Promise<Ended> {
  const flags = ['-t', join(folder, 'main.yaml'), '--env', 'prod', '--state', `file:${join(folder, 'state.db')}`];
  return person([...args, ...flags]);
}

async function written(base: string, prod: string): Promise<void> {
  await writeFile(join(folder, 'main.yaml'), base);
  await writeFile(join(folder, 'env', 'prod.yaml'), prod);
}

test('an environment says again what was applied, and the files that all share stay', async () => {
  await written(BASE, PROD);
  expect((await otter('apply', '--auto-approve', '--no-wait')).code).toBe(0);
  const base = BASE.replace('description: home', 'description: away')
    .replace('policy: site-priority', 'policy: last-write-wins')
    .replace('omit: [note]', 'omit: [note, pin]')
    .replace(
      '"127.0.0.1:3307"], user: otter, password: { env: PASSWORD }',
      '"127.0.0.1:3308"], user: otter, password: { file: /p }, tls: {}',
    )
    .replace('  one:', '  new: { from: b, to: a, tables: [n.n] }\n  one:');
  const prod = PROD.replace(/ {2}extra.*\n/, '')
    .replace('one: { ddl: ignore }', 'one: ~')
    .replace('true', 'false');
  await written(base, prod);
  const { code, err } = await otter('drift', '--adopt', '--no-databases');
  expect([code, err]).toEqual([0, `Wrote ${join(folder, 'env', 'prod.yaml')}.\n`]);
  expect((await otter('plan', '--detailed-exitcode')).code).toBe(0);
  expect(await readFile(join(folder, 'main.yaml'), 'utf8')).toBe(base);
  expect(await readFile(join(folder, 'env', 'prod.yaml'), 'utf8')).toContain(
    '  a: { protect: true } # of production\n',
  );
});

test('what a variable gives is told, and not written over', async () => {
  await written(BASE, PROD);
  expect((await otter('apply', '--auto-approve', '--no-wait')).code).toBe(0);
  await written(BASE.replace('default: "127.0.0.1:3306"', 'default: "127.0.0.1:3309"'), PROD);
  const { code, err } = await otter('drift', '--adopt', '--no-databases');
  expect([code, err]).toEqual([2, 'Left as it is: database.a endpoints: a variable gives it.\n']);
  expect(await readFile(join(folder, 'env', 'prod.yaml'), 'utf8')).toBe(PROD);
});
