/** The page of the commands says what `--help` says: the same commands, flags and examples. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/cli/context.ts';
import { person } from './person.ts';

const page = await readFile(new URL('../../docs/commands.md', import.meta.url), 'utf8');

async function help(...command: string[]): Promise<string> {
  return (await person([...command, '--help'])).out;
}

/** `name` with its flags, for each line of the block under `title`. */
function flagsUnder(title: string, text: string): string[] {
  const block = new RegExp(`^${title}:\\n((?:  .*\\n)+)`, 'm').exec(text)?.[1] ?? '';
  return [...block.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag!).sort();
}

function flagsOf(section: string): string[] {
  const rows = [...section.matchAll(/^\| (`-.*?) \| /gm)].map(([, cell]) => cell!);
  return rows.flatMap((cell) => [...cell.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag!)).sort();
}

function section(command: string): string {
  return (
    new RegExp(`^### \`otter ${command}(?: [^\`]*)?\`\\n([\\s\\S]*?)(?=^##|(?![\\s\\S]))`, 'm').exec(page)?.[1] ?? ''
  );
}

const commands = [...(await help()).matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map(([, name]) => name!);

test('every command is on the page', async () => {
  const all = [...commands].filter((name) => name !== 'help');
  expect(all.length).toBeGreaterThan(20);
  expect(flagsUnder('Options', await help('plan'))).toContain('--detailed-exitcode');
  for (const name of all) {
    const text = await help(name);
    expect(section(name), name).not.toBe('');
    const example = /Example:\n {2}(.*)\n/.exec(text)?.[1];
    expect(section(name), name).toContain(`\`\`\`sh\n${example!}\n\`\`\``);
    expect(flagsOf(section(name)), name).toEqual(flagsUnder('Options', text).filter((flag) => flag !== '--help'));
  }
});

test('what every command takes is on the page', async () => {
  const there = flagsUnder('Global Options', await help('plan')).filter((flag) => flag !== '--version');
  const told = flagsOf(/^## Every command takes\n([\s\S]*?)(?=^## )/m.exec(page)![1]!);
  expect(told).toEqual([...there, '--help'].sort());
});

test('every exit code is on the page', () => {
  const told = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  expect(told.sort((a, b) => a - b)).toEqual([...new Set<number>(Object.values(EXIT))].sort((a, b) => a - b));
});
