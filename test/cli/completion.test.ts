/** What a shell is told may stand at the cursor: where it may, and only what the command then takes. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes: # two
  west-1: { region: west, listen: "127.0.0.1:7411" }
  east-1: { region: east, listen: "127.0.0.1:7412" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A } }
  b: { region: east, engine: mysql, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B } }
channels:
  shop: { between: [a, b], tables: [shop.orders] }
`;
const WRONG = TOPOLOGY.replace('engine: mysql', 'engine: mysqll').replace('tables:', 'tabels:');

let folder = '';
const file = (name = 'main.yaml'): string => join(folder, name);
const state = (): string => `file:${file('state.db')}`;
const here = (): string[] => ['-t', file(), '--state', state()];
const applied = async (): Promise<void> => {
  expect((await person(['apply', '--auto-approve', '--no-wait', ...here()])).code).toBe(0);
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-completion-'));
  await writeFile(file(), TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const words = async (...typed: string[]): Promise<string[]> => {
  const { code, out, err } = await person(['__complete', ...typed]);
  expect([code, err]).toEqual([0, '']);
  return out.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]!]));
};

test('commands, flags and values are offered where they may stand', async () => {
  const at = ['-t', file(), '--state', state()];
  expect(await words('hist')).toEqual(['history']);
  expect((await words('')).length).toBeGreaterThan(20);
  expect(await words(...at, 'plan', '--det')).toEqual(['--detailed-exitcode']);
  expect(await words('validate', '--format', '')).toContain('gitlab');
  expect(await words('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(await words('plan', ...at, '--target', '')).toEqual([
    'channel.shop',
    'database.a',
    'database.b',
    'node.east-1',
    'node.west-1',
    'region.east',
    'region.west',
    'shop/a:b',
    'shop/b:a',
  ]);
  expect(await words('plan', ...at, '--target', 'shop/a:')).toEqual(['shop/a:b']);
  expect(await words('plan', ...at, '--target=shop/a:')).toEqual(['--target=shop/a:b']);
  expect(await words('plan', ...at, '--target=dat')).toEqual(['--target=database.a', '--target=database.b']);
  expect(await words('plan', ...at, '--format', '')).toEqual(['text', 'json', 'markdown']);
  expect(await words('graph', ...at, '--format=')).toEqual(['--format=mermaid', '--format=dot']);
  expect(await words('plan', ...at, '--json=', '')).toEqual([]);
  expect(await words('conflicts', ...at, 'chan')).toEqual(['channel.shop']);
  expect(await words(`--topology=${file()}`, 'node', '')).toEqual(['east-1', 'west-1']);
  expect(await words('explain', 'OT100')).toContain('OT1001');
  for (const files of [
    ['plan', '-t', ''],
    ['plan', '--out', ''],
    ['apply', ''],
    ['plan', '--out=x'],
    ['fmt', 'a', ''],
  ])
    expect(await words(...files)).toEqual([':files']);
  for (const none of [
    ['node', 'a', ''],
    ['import', '--name', ''],
    ['history', ''],
    ['plan', '--state', ''],
    ['no-such', '--', 'x'],
  ])
    expect(await words(...none)).toEqual([]);
});

test('what is applied is offered too, and errors are silent', async () => {
  await applied();
  const at = ['-t', file(), '--state', state()];
  await writeFile(file(), TOPOLOGY.replace('shop: {', 'store: {'));
  expect(await words('plan', ...at, '--target', 'channel.')).toEqual(['channel.shop', 'channel.store']);
  expect(await words('show', ...at, '')).toEqual(['1']);
  await writeFile(file(), WRONG);
  expect(await words('plan', ...at, '--target', 'channel.')).toEqual(['channel.shop']);
  await writeFile(file(), '][');
  expect(await words('plan', ...at, '--target', '')).toEqual([]);
  expect(await words('plan', '-t', 'main', '--state', state(), '--target', 'node.')).toEqual([
    'node.east-1',
    'node.west-1',
  ]);
  expect(await words('plan', '-t', 'main', '--state', 'etcd://127.0.0.1:1', '--target', '')).toEqual([]);
  expect(await words('plan', '-t', 'main', '--state', 'nonsense://', '--env', 'x', '--target', '')).toEqual([]);
  await mkdir(file('env'));
  await writeFile(file('env/prod.yaml'), '');
  expect(await words('plan', '-t', file(), '--env', '')).toEqual(['prod']);
});

test('bash asks for what stands at the cursor, also behind a colon', async () => {
  const script = (await person(['completion', 'bash'])).out;
  await writeFile(file('otter.bash'), script);
  await writeFile(
    file('otter'),
    `#!/bin/sh\nprintf '%s\\n' "$*" >> ${file('asked')}\ncase "$*" in *nothing*) exit 3 ;; *--out*) echo :files ;; *--target=*) printf -- '--target=shop/a:b\\n--target=shop/a:c\\n' ;; *) printf 'shop/a:b\\tpipeline\\nshop/a:c\\tpipeline\\n' ;; esac\n`,
    { mode: 0o755 },
  );
  const complete = async (line: string): Promise<string> => {
    const code = `source ${file('otter.bash')}; COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _otter; echo "\${COMPREPLY[*]}"`;
    return (
      await promisify(execFile)('bash', ['-c', code], { env: { PATH: `${folder}:/usr/bin:/bin` } })
    ).stdout.trim();
  };
  expect(await complete('otter plan -t x --target shop/')).toBe('shop/a:b shop/a:c');
  expect(await complete('otter plan -t x --target shop/a:')).toBe('b c');
  expect(await complete('otter plan -t x --target=shop/')).toBe('shop/a:b shop/a:c');
  expect(await complete('otter plan -t x --target=shop/a:')).toBe('b c');
  expect(await complete('otter plan --out ')).toBe('');
  expect(await complete('otter nothing ')).toBe('');
  expect((await readFile(file('asked'), 'utf8')).split('\n')[0]).toBe('__complete plan -t x --target shop/');
  expect((await person(['completion', 'tcsh'])).code).toBe(3);
});

/** What goes with a value, so that the command looks at it and goes no further: a plan that is not the expected one ends with 5. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  apply: ['--expect', 'none'],
  destroy: ['--expect', 'none'],
  up: ['--expect', 'none'],
  rollback: ['--expect', 'none'],
  pause: ['--no-wait'],
  resume: ['--no-wait'],
  restart: ['--timeout', '1ms'],
  move: ['--anywhere'],
};
/** Arguments that a command wants beside the value of a flag, or behind its first word. */
const ALSO: Readonly<Record<string, () => readonly string[]>> = {
  'rollback --target': () => ['1'],
  'rollback --exclude': () => ['1'],
  'rollback --allow-destroy': () => ['1'],
  'state --allow-destroy': () => ['import', file('export.json')],
  'state import': () => [file('export.json')],
  'deadletter show': () => ['a:1'],
  'deadletter retry': () => ['a:1'],
  'deadletter drop': () => ['a:1'],
  'position set': () => ['shop/a:b', '--to', '0-1-1'],
  'alerts test': () => ['no-receiver'],
  'alerts silence': () => ['channel.shop', '--for', '1h', '--why', 'x'],
  'alerts unsilence': () => ['channel.shop'],
  'resync shop': () => ['shop.orders'],
};
/** Of many that come from one list, as the command itself has it, the first. */
const MANY = new Set(['conflicts --kind', 'conflicts --winner', 'explain']);

test('what is offered is taken: every value of every command', async () => {
  await applied();
  await writeFile(file(), TOPOLOGY.replace('orders]', 'orders, shop.stock]'));
  expect((await person(['state', 'export', file('export.json'), ...here()])).code).toBe(0);
  await mkdir(file('env'));
  await writeFile(file('env/prod.yaml'), 'name: main');
  const offered: string[] = [];
  const refused: string[] = [];
  const type = async (line: readonly string[]): Promise<void> => {
    const leaving = { sees: '', act: (leave: AbortController) => leave.abort() };
    const { code, err } = await person([...line, ...here()], { does: leaving, env: { A: 'x', B: 'x' } });
    if (code === 3 || code === 70 || /OT7001|OT2035/.test(err)) refused.push(`${line.join(' ')}: ${code} ${err}`);
  };
  for (const command of await words('')) {
    const help = (await person([command, '--help'])).out;
    const own = help.slice(0, command === 'plan' ? undefined : help.indexOf('Global Options'));
    for (const flag of ['', ...[...own.matchAll(/(--[a-z-]+) </g)].map(([, name]) => name!)]) {
      const name = flag === '' ? command : `${command} ${flag}`;
      const found = await words(...here(), command, ...(flag === '' ? [] : [flag]), '');
      if (found.length === 0 || found[0] === ':files') continue;
      offered.push(name);
      const repeated = ['--target', '--exclude', '--allow-destroy'].includes(flag);
      const tried = MANY.has(name) ? found.slice(0, 1) : found;
      for (const some of repeated ? [tried] : tried.map((one) => [one])) {
        const values = some.flatMap((word) => (flag === '' ? [word] : [flag, word]));
        const also = ALSO[name] ?? (flag === '' ? ALSO[`${command} ${some[0]!}`] : undefined);
        await type([command, ...values, ...(also?.() ?? []), ...(BESIDE[command] ?? [])]);
      }
    }
  }
  expect(refused).toEqual([]);
  expect(offered).toEqual(
    expect.arrayContaining(['plan --target', 'plan --env', 'destroy --exclude', 'pause', 'resume', 'show', 'node']),
  );
});
