/** The built program, where no database is needed, as a person or a CI job types it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CODES } from '../../src/model/codes.ts';
import { Otter } from '../e2e/otter.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: A_PASSWORD }, protect: true }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: B_PASSWORD } }
channels:
  shop:
    between: [a, b]
    tables: [shop.orders]
`;

let otter: Otter;

beforeEach(async () => {
  otter = await Otter.in();
  await otter.write(TOPOLOGY);
});
afterEach(async () => {
  await otter[Symbol.asyncDispose]();
});

test('validate finds mistakes at file, line and column, with a code and a suggestion', async () => {
  expect(await otter.run('validate')).toMatchObject({ code: 0 });
  await otter.write(TOPOLOGY.replace('tables: [shop.orders]', 'tabels: [shop.orders]'));
  const wrong = await otter.run('validate');
  expect(wrong.code).toBe(3);
  expect(wrong.out).toContain('main.yaml:13:5');
  expect(wrong.out).toContain('tables');
  expect(wrong.out).toMatch(/OT1\d{3}/);
  expect((await otter.run('plan')).code).toBe(3);
});

test('plan, apply, and plan again says that there is nothing to do', async () => {
  const plan = await otter.run('plan', '--detailed-exitcode');
  expect(plan.code).toBe(2);
  expect(plan.out).toContain('Plan: 7 to add, 0 to change, 0 to destroy.');
  expect(await otter.run('apply', '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
  const again = await otter.run('plan', '--detailed-exitcode');
  expect(again.code).toBe(0);
  expect(again.out).toContain('No changes');
  await otter.write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.customer]'));
  const more = await otter.run('plan', '--json');
  expect(JSON.parse(more.out)).toMatchObject({
    format_version: '1.1',
    topology: 'main',
    summary: { add: 0, change: 1, destroy: 0 },
    applyable: true,
  });
});

test('nothing is applied without a terminal and without consent', async () => {
  const result = await otter.run('apply');
  expect(result.code).toBe(3);
  expect(result.err).toContain('--auto-approve');
  expect((await otter.run('plan')).out).toContain('7 to add');
});

test('a saved plan is the approval; a stale one is refused and says what moved', async () => {
  expect((await otter.run('plan', '--out', 'first.plan')).code).toBe(0);
  expect((await otter.run('apply', 'first.plan', '--no-wait')).code).toBe(0);
  const twice = await otter.run('apply', 'first.plan', '--no-wait');
  expect(twice.code).toBe(5);
  await otter.write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.customer]'));
  await otter.run('plan', '--out', 'second.plan');
  await otter.write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  expect((await otter.run('apply', '--auto-approve', '--no-wait')).code).toBe(0);
  const stale = await otter.run('apply', 'second.plan', '--no-wait');
  expect(stale.code).toBe(5);
  expect(stale.err).toContain('spec/channel/shop');
});

test('two who apply at once: one does, the other hears who does, and neither writes twice', async () => {
  const both = await Promise.all([
    otter.run('apply', '--auto-approve', '--no-wait'),
    otter.run('apply', '--auto-approve', '--no-wait'),
  ]);
  const codes = both.map(({ code }) => code).sort();
  expect(codes[0]).toBe(0);
  // The slower one was told who holds the lock, found its plan stale, or came so late that there was nothing to do.
  expect([0, 5, 6]).toContain(codes[1]);
  const history = JSON.parse((await otter.run('history', '--json')).out) as unknown[];
  expect(history).toHaveLength(1);
});

test('a protected database is not destroyed unless it is named', async () => {
  await otter.run('apply', '--auto-approve', '--no-wait');
  const refused = await otter.run('destroy', '--auto-approve', '--no-wait');
  expect(refused.code).toBe(4);
  expect(refused.err).toContain('database.a');
  expect((await otter.run('destroy', '--auto-approve', '--no-wait', '--allow-destroy', 'database.a')).code).toBe(0);
});

test('what changes rows and is not built yet is refused, not ignored', async () => {
  await otter.write(TOPOLOGY.replace('tables: [shop.orders]', 'scope: transaction\n    tables: [shop.orders]'));
  const plan = await otter.run('plan');
  expect(plan.code).toBe(4);
  expect(plan.err).toContain('scope: transaction');
  expect((await otter.run('apply', '--auto-approve', '--no-wait')).code).toBe(4);
  expect((await otter.run('validate')).code).toBe(0);
});

test('secrets are in neither plan nor state', async () => {
  const hidden = await Otter.in({ A_PASSWORD: 'hunter2-a', B_PASSWORD: 'hunter2-b' });
  await using _ = hidden;
  await hidden.write(TOPOLOGY);
  const plan = await hidden.run('plan', '--json', '--out', 'p');
  await hidden.run('apply', '--auto-approve', '--no-wait');
  const state = await readFile(join(hidden.folder, 'state.db'), 'latin1');
  for (const text of [plan.out, plan.err, await readFile(join(hidden.folder, 'p'), 'utf8'), state])
    expect(text).not.toContain('hunter2');
});

test('every code is explained, every command has help with an example, and a wrong word gets a suggestion', async () => {
  for (const code of ['OT2001', Object.keys(CODES).at(-1)!])
    expect((await otter.run('explain', code)).out).toContain('What to do');
  const { out } = await otter.run('--help');
  const commands = [...out.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name]) => name!);
  expect(commands).toEqual(
    expect.arrayContaining([
      'validate',
      'plan',
      'apply',
      'destroy',
      'node',
      'up',
      'status',
      'dashboard',
      'explain',
      'demo',
    ]),
  );
  for (const command of ['plan', 'apply', 'status'])
    expect((await otter.run(command, '--help')).out).toContain('Example:');
  const typo = await otter.run('aply');
  expect(typo.code).toBe(3);
  expect(typo.err).toContain('apply');
  expect((await otter.run('version')).out).toMatch(/^otter \d/);
});

test('bad input never gives a stack trace', async () => {
  await writeFile(join(otter.folder, 'broken.plan'), '{ "plan');
  for (const args of [
    ['apply', 'broken.plan'],
    ['apply', 'absent.plan'],
    ['status'],
    ['plan', '-t', 'nowhere'],
    ['plan', '--state', 'ftp://x'],
    ['explain', 'OT0'],
    ['show', '9'],
    ['plan', '--var', 'x'],
  ]) {
    const { code, err } = await otter.run(...args);
    expect(code, args.join(' ')).toBe(3);
    expect(err, args.join(' ')).toMatch(/OT\d{4}/);
    expect(err, args.join(' ')).not.toMatch(/\n\s+at /);
  }
});
