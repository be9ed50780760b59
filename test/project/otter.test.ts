/** `bin/otter`: whatever Node the machine has, the new one runs, as the very process that was started. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));

// What otter would be: says who it is, and ends as it is told.
const MAIN = `
process.on('SIGTERM', () => { process.stdout.write('drained\\n', () => process.exit(7)); });
process.stdout.write(JSON.stringify({ pid: process.pid, node: process.version, args: process.argv.slice(2) }) + '\\n');
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]));
setInterval(() => {}, 1000);
`;

let folder = '';
let checkout = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-bin-'));
  checkout = join(folder, 'a checkout');
  await mkdir(join(checkout, 'dist'), { recursive: true });
  await mkdir(join(checkout, 'node_modules/node/bin'), { recursive: true });
  await mkdir(join(folder, 'old'));
  await cp(BIN, join(checkout, 'bin'), { recursive: true });
  await writeFile(join(checkout, 'dist/main.js'), MAIN);
  await writeFile(join(checkout, 'dist/package.json'), '{ "type": "module" }');
  await symlink(process.execPath, join(checkout, 'node_modules/node/bin/node'));
  await symlink(join(checkout, 'bin/otter'), join(folder, 'linked'));
  // A machine's own Node, too old.
  await writeFile(join(folder, 'old/node'), '#!/bin/sh\necho v20.20.2\n');
  await chmod(join(folder, 'old/node'), 0o755);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const OLD = () => ({ PATH: `${join(folder, 'old')}:/usr/bin:/bin` });

describe.each([
  ['itself', () => [join(checkout, 'bin/otter')]],
  ['a link to it', () => [join(folder, 'linked')]],
  ['by a new Node', () => [process.execPath, join(checkout, 'bin/otter')]],
])('bin/otter, run as %s', (_how, command) => {
  it('passes arguments and exit codes', async () => {
    const [program = '', ...before] = command();
    const { code, stdout, stderr } = await run(program, [...before, 'exit', '4', 'two words', "it's"], OLD());
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ node: process.version, args: ['exit', '4', 'two words', "it's"] });
    expect(code).toBe(4);
  });

  it('is otter itself: signals reach it, and its process id is the one that was started', async () => {
    const [program = '', ...before] = command();
    const child = spawn(program, before, { stdio: ['ignore', 'pipe', 'inherit'], env: OLD() });
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    expect((JSON.parse(line) as { readonly pid: number }).pid).toBe(child.pid);
    const said = once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await said).toEqual(['drained\n']);
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});

describe('bin/otter says what to type', () => {
  it('when it is not built', async () => {
    await rm(join(checkout, 'dist/main.js'));
    const { code, stderr } = await run(join(checkout, 'bin/otter'), []);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not built.*type: cd .*a checkout' && npm ci/) as string,
    });
    await writeFile(join(checkout, 'dist/main.js'), MAIN);
  });

  it('when there is no Node that is new enough', async () => {
    await rm(join(checkout, 'node_modules/node/bin/node'));
    const { code, stderr } = await run(join(checkout, 'bin/otter'), [], OLD());
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/needs Node 24.*npm ci/) as string,
    });
    await symlink(process.execPath, join(checkout, 'node_modules/node/bin/node'));
  });
});
