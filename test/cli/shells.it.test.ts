/** The completion scripts in the shells that they are for: what is put in at the cursor. Shells are installed like servers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/lab/command.ts';
import { providePackages } from '../../src/lab/install.ts';
import { person } from './person.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-shells-'));
  await writeFile(join(folder, 'main.yaml'), '');
  // What otter would say; `completion.test.ts` has what it does say.
  await writeFile(
    join(folder, 'otter'),
    `#!/bin/sh
case "$*" in
  *nothing*) exit 3 ;;
  *--out*) echo :files ;;
  *--target=*) printf -- '--target=shop/a:b\\n--target=shop/a:c\\n' ;;
  *' --d'*) printf -- '--detailed-exitcode\\tends with 2: there are changes\\n' ;;
  *) printf 'shop/a:b\\tpipeline\\nshop/a:c\\tpipeline\\n' ;;
esac
`,
    { mode: 0o755 },
  );
  for (const shell of ['zsh', 'fish'])
    await writeFile(join(folder, `otter.${shell}`), (await person(['completion', shell])).out);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function provided(shell: string): Promise<void> {
  await providePackages(shell, [shell], async () => ((await run(shell, ['--version'])).code === 0 ? shell : null), {});
}

async function typed(shell: string, args: readonly string[]): Promise<string> {
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
  const { code, output } = await run(shell, args, { cwd: folder, env, signal: AbortSignal.timeout(30_000) });
  expect(code, output).toBe(0);
  return output;
}

/** Of the shell that a person sits at: a key that completes, and tells what then stands there. */
const ZSH_THERE = `autoload -Uz compinit
compinit -u -D
source ./otter.zsh
told() { zle complete-word; print -r -- "GOT<$BUFFER>"; BUFFER=; }
zle -N told
bindkey '^T' told
print ready
`;
/** One line after the other is typed there. */
const ZSH = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'source ./there.zsh'
zpty -r z out '*ready*'
for line in "$@"; do
  zpty -w -n z "$line"$'\\C-t'
  zpty -r z out '*GOT<*>*'
  print -r -- "\${\${out##*GOT<}%%>*}"
done
zpty -d z
`;

test('zsh', async () => {
  await provided('zsh');
  await writeFile(join(folder, 'there.zsh'), ZSH_THERE);
  const lines: readonly (readonly [typed: string, stands: string])[] = [
    ['otter plan --d', 'otter plan --detailed-exitcode '],
    ['otter plan --target shop/', 'otter plan --target shop/a:'],
    ['otter plan --target=sh', 'otter plan --target=shop/a:'],
    ['otter plan --out ma', 'otter plan --out main.yaml '],
    ['otter plan --out=ma', 'otter plan --out=main.yaml '],
    ['otter nothing ', 'otter nothing '],
  ];
  const out = await typed('zsh', ['-f', '-c', ZSH, 'zsh', ...lines.map(([line]) => line)]);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd()),
  ).toEqual(lines.map(([, line]) => line.trimEnd()));
});

test('fish', async () => {
  await provided('fish');
  const complete = async (line: string): Promise<string> =>
    (await typed('fish', ['--no-config', '-c', 'source ./otter.fish; complete -C $argv[1]', line])).trimEnd();
  expect(await complete('otter plan --d')).toBe('--detailed-exitcode\tends with 2: there are changes');
  expect(await complete('otter plan --target shop/')).toBe('shop/a:b\tpipeline\nshop/a:c\tpipeline');
  expect(await complete('otter plan --target=sh')).toBe('--target=shop/a:b\n--target=shop/a:c');
  expect((await complete('otter plan --out ma')).split('\t')[0]).toBe('main.yaml');
  expect((await complete('otter plan --out=ma')).split('\t')[0]).toBe('--out=main.yaml');
  expect(await complete('otter nothing ')).toBe('');
});
