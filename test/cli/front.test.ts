/** Fixing, formatting, environments and watching, as a person types them. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { fixFiles } from '../../src/cli/fix.ts';
import { run } from '../../src/cli/program.ts';
import { compose } from '../../src/compose.ts';
import type { OtterError } from '../../src/model/error.ts';
import { type Ended, type Habits, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes: # two
  west-1: { region: west, listen: "127.0.0.1:7411" }
  east-1: { region: east, listen: "127.0.0.1:7412" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: A } }
  b: { region: east, engine: mysql, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: B } }
channels:
  shop: { between: [a, b], tables: [shop.orders] }
`;
const WRONG = TOPOLOGY.replace('engine: mysql', 'engine: mysqll').replace('tables:', 'tabels:');

let folder = '';
const file = (name = 'main.yaml'): string => join(folder, name);
const state = (): string => `file:${file('state.db')}`;
const text = async (name?: string): Promise<string> => readFile(file(name), 'utf8');
const otter = async (args: readonly string[], habits?: Habits): Promise<Ended> =>
  person([...args, '-t', file(), '--state', state()], habits);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-front-'));
  await writeFile(file(), TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('what has one answer is said, written, and then validated', async () => {
  await writeFile(file(), `\ufeff${WRONG.replaceAll('\n', '\r\n')}`);
  const { code, out } = await otter(['validate', '--fix']);
  expect(code).toBe(0);
  expect(await text()).toBe(`\ufeff${TOPOLOGY.replaceAll('\n', '\r\n')}`);
  const said = out.split('\n');
  expect(said[0]).toBe(
    `${file()}:9:30: \`mysqll\` is not allowed for \`databases.b.engine\` (OT1013). Write \`mysql\`.`,
  );
  expect(said.indexOf(`Wrote ${file()}.`)).toBe(2);
  expect(out).toContain(`${file()} is valid.\n`);
  const again = await otter(['validate', '--fix']);
  expect(again).toMatchObject({ code: 0, out: `Nothing that can be mended without you.\n${file()} is valid.\n` });
});

test('what is left is an error still; machines read findings alone', async () => {
  await writeFile(file(), WRONG.replace('[a, b]', '[a, x]'));
  const { code, out, err } = await otter(['validate', '--fix', '--json']);
  expect(code).toBe(3);
  expect(err).toContain('Wrote ');
  expect((JSON.parse(out) as { findings: { code: string }[] }).findings.map((one) => one.code)).toEqual(['OT1031']);
  expect(await text()).toBe(TOPOLOGY.replace('[a, b]', '[a, x]'));
});

test.each([
  ['may not be written', { writable: () => false }],
  ['was changed meanwhile', {}],
])('a file that %s is left alone, after it was said what would be written', async (words, other) => {
  await writeFile(file(), WRONG);
  let reads = 0;
  const said: string[] = [];
  const parts = {
    readFile: () => (words.includes('changed') && reads++ > 0 ? `${WRONG}# more\n` : WRONG),
    writable: () => true,
    writeFile: () => {
      throw new Error('nothing is written');
    },
    ...other,
  };
  const context = { parts, stdout: { write: (line: string) => said.push(line) } } as unknown as Context;
  const failed = ((): OtterError | null => {
    try {
      fixFiles(context, file(), {}, true);
      return null;
    } catch (error) {
      return error as OtterError;
    }
  })();
  expect(failed).toMatchObject({ code: 'OT7003', message: expect.stringContaining(words) });
  expect(said).toHaveLength(2);
});

test('files are laid out in one way, and a check only says which are not', async () => {
  const untidy = TOPOLOGY.replace('# two', '   # two').replace('  west-1: {', '  west-1:   {');
  await mkdir(file('env'));
  await writeFile(file(), untidy);
  await writeFile(file('env/prod.yaml'), 'name:   prod\n');
  await writeFile(file('broken.yaml'), 'a: [\n');
  const check = await person(['fmt', '--check', file(), file('env')]);
  expect(check).toMatchObject({ code: 2, out: `${file()}\n${file('env/prod.yaml')}\n` });
  expect(await text()).toBe(untidy);
  const all = await person(['fmt', folder]);
  expect(all.code).toBe(3);
  expect(all.out).toBe(`${file('env/prod.yaml')}\n${file()}\n`);
  expect(all.err).toContain('error[OT1001]');
  expect(await text()).toBe(untidy.replace('west-1:   {', 'west-1: {'));
  expect(await text('env/prod.yaml')).toBe('name: prod\n');
  expect((await person(['fmt', '--check', file()])).code).toBe(0);
  expect((await person(['fmt', file('none.yaml')])).code).toBe(3);
});

test('stdin is laid out to stdout', async () => {
  const from = async (written: string, ...flags: string[]): Promise<Ended> => {
    let [out, err] = ['', ''];
    const context = compose({
      stdout: { write: (some: string) => (out += some) } as unknown as NodeJS.WriteStream,
      stderr: { write: (some: string) => (err += some) },
      stdin: (async function* () {
        yield Buffer.from(written.slice(0, 3));
        yield Buffer.from(written.slice(3));
      })() as unknown as NodeJS.ReadStream,
      env: { NO_COLOR: '1' },
      signal: new AbortController().signal,
      pid: 1,
      self: [],
      root: new URL('../../', import.meta.url),
    });
    return { code: await run(['fmt', '-', ...flags], context), out, err };
  };
  expect(await from('a:   1\nb: {c: 数}')).toEqual({ code: 0, out: 'a: 1\nb: { c: 数 }\n', err: '' });
  expect((await from('a:   1\n', '--check')).code).toBe(2);
  expect((await from('a: 1\n', '--check')).code).toBe(0);
  expect(await from('a: [\n')).toMatchObject({ code: 3, out: '', err: expect.stringContaining('<stdin>:2:1') });
});

test('an environment counts for every command that reads the files, and printed commands name it', async () => {
  await mkdir(file('env'));
  await writeFile(file('env/prod.yaml'), 'name: main-prod\nchannels: { shop: { ddl: replicate } }\n');
  const planned = await otter(['plan', '--env', 'prod']);
  expect(planned.out).toMatch(/ddl += "replicate"/);
  expect(planned.out).toContain(`otter node -t ${file()} --env prod --state ${state()} east-1`);
  expect((await otter(['apply', '--env', 'prod', '--auto-approve', '--no-wait'])).code).toBe(0);
  expect((await otter(['history', '--env', 'prod'])).code).toBe(0);
  expect((await otter(['history'])).err).toContain('topology main was never applied');
  expect(await otter(['validate', '--env', 'prd'])).toMatchObject({ code: 3, out: expect.stringContaining('`prod`') });
  // Files that are wrong must not lead to another topology's name.
  await writeFile(file('env/prod.yaml'), 'name: main-prod\nchannels: [\n');
  expect((await otter(['history', '--env', 'prod'])).code).toBe(0);
  expect((await otter(['history', '--env', 'prd'])).err).toContain('OT7002');
  const named = await person(['status', '-t', 'main', '--env', 'prod', '--state', state()]);
  expect(named).toMatchObject({ code: 3, err: expect.stringContaining('OT7001') });
});

test('who watches sees the plan again when files or state change, and what is wrong with them', async () => {
  let phase = 0;
  const steps: (() => Promise<unknown>)[] = [
    async () => writeFile(file(), TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]')),
    async () => writeFile(file(), WRONG),
    async () => writeFile(file(), TOPOLOGY),
    async () => otter(['apply', '--auto-approve', '--no-wait']),
  ];
  const seen = ['7 to add', 'shop.stock', 'mysqll', '7 to add', 'No changes'];
  let text = '';
  const leave = new AbortController();
  const write = (some: string): boolean => {
    text += some;
    if (!text.includes(seen[phase]!)) return true;
    text = '';
    const next = steps[phase++];
    if (next === undefined) leave.abort();
    else void next();
    return true;
  };
  const context = compose({
    stdout: { write } as unknown as NodeJS.WriteStream,
    stderr: { write },
    stdin: process.stdin,
    env: { NO_COLOR: '1' },
    signal: leave.signal,
    pid: 1,
    self: [],
    root: new URL('../../', import.meta.url),
  });
  expect(await run(['plan', '--watch', '-t', file(), '--state', state()], context)).toBe(0);
  expect(phase).toBe(5);
  expect((await otter(['plan', '--watch', '--out', file('p')])).code).toBe(3);
});

test('init leaves what is there, and says what to add', async () => {
  await mkdir(file('.vscode'));
  await writeFile(file('.vscode/settings.json'), '{}\n');
  await writeFile(file('.gitignore'), 'node_modules\n.otter/\n');
  const { code, out } = await person(['init', folder]);
  expect(code).toBe(0);
  expect(out).toContain(`left ${file('.vscode/settings.json')} as it is; add to it: "yaml.schemas"`);
  expect(out).toContain(`left ${file('.gitignore')} as it is\n`);
  expect(await text('.vscode/settings.json')).toBe('{}\n');
  const topology = file('topologies/example');
  expect((await person(['fmt', '--check', topology])).code).toBe(0);
  expect((await person(['validate', '-t', topology])).out).toBe(`${topology} is valid.\n`);
  expect((await person(['init', folder])).code).toBe(3);
});
