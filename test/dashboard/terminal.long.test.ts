/** However the dashboard ends, the person's terminal is as it was. */

import { describe, expect, it, vi } from 'vitest';
import { run } from '../../src/lab/command.ts';
import { LONG } from '../project/long.ts';
import { Pane, type PaneOptions } from './pane.ts';

const WAIT = { timeout: 30_000, interval: 50 };

async function dashboard(args: readonly string[] = [], options: PaneOptions = {}): Promise<Pane> {
  const pane = await Pane.open(args, options);
  await pane.shows('shop/ca>hz');
  const state = await pane.state();
  // Otherwise "restored" would mean nothing.
  expect(state).toMatchObject({ alternateScreen: true, cursor: false });
  expect(state.settings).toContain('-icanon');
  return pane;
}

async function expectRestored(pane: Pane, ended: RegExp): Promise<void> {
  await pane.shows(ended);
  await vi.waitFor(async () => expect(await pane.state()).toEqual(await pane.original()), WAIT);
  const screen = await pane.screen();
  expect(screen).toContain('the screen as it was');
  expect(screen).not.toContain('shop/ca>hz');
}

describe('the terminal is restored', () => {
  it('after q', async () => {
    await using pane = await dashboard();
    await pane.type('q');
    await expectRestored(pane, /the dashboard has ended\n+ended with 0/);
  });

  it('after Ctrl-C', async () => {
    await using pane = await dashboard();
    await pane.type('C-c');
    await expectRestored(pane, /the dashboard has ended\n+ended with 0/);
  });

  it('after SIGKILL', async () => {
    await using pane = await dashboard();
    await pane.kill('SIGKILL');
    // What the shell says may come before its screen is back: nobody is left who could hold it.
    await expectRestored(pane, /the screen as it was/);
  });

  it('after an error that nobody caught, which is shown', async () => {
    await using pane = await dashboard(['--ending', 'crash']);
    await pane.kill('SIGUSR2');
    await expectRestored(pane, /Error: planted crash[\s\S]*ended with 1/);
  });

  /** Ended by whom, with which signal, and what is seen then. */
  const ENDINGS = [
    ['SIGTERM that the command line handles', ['--signals'], 'SIGTERM', /the dashboard has ended\n+ended with 0/],
    ['SIGTERM that nobody else handles', [], 'SIGTERM', /ended with 143/],
    ['SIGHUP', [], 'SIGHUP', /ended with 129/],
    [
      'a failure of the source, which is shown',
      ['--ending', 'throw'],
      'SIGUSR2',
      /planted failure of the source[\s\S]*ended with 1/,
    ],
    ['the source has ended', ['--ending', 'end'], 'SIGUSR2', /the dashboard has ended\n+ended with 0/],
  ] as const;

  it.each(LONG ? ENDINGS : ENDINGS.slice(0, 2))('after %s', async (_, args, signal, ended) => {
    await using pane = await dashboard(args);
    await pane.kill(signal);
    await expectRestored(pane, ended);
  });
});

describe('Ctrl-Z', () => {
  /** A shell with jobs; what runs in it is `fixture.ts`, as elsewhere. */
  const command = (text: string): readonly string[] => ['bash', '--norc', '-ic', text];
  const fixture = `'${process.execPath}' --import ./test/dashboard/tsx.mjs test/dashboard/fixture.ts`;

  it.each(['the key', 'the signal'])('gives the terminal to the shell until `fg`: %s', async (how) => {
    const script = `${fixture}; echo suspended; read -r word; fg; echo "back with $?"`;
    await using pane = await Pane.open([], { command: command(script) });
    await pane.shows('shop/ca>hz');
    if (how === 'the key') await pane.type('C-z');
    else process.kill(Number((await run('pgrep', ['-P', String(await pane.pid())])).output.trim()), 'SIGTSTP');
    await pane.shows(/the screen as it was[\s\S]*suspended/);
    const shell = await pane.state();
    expect([shell.alternateScreen, shell.cursor]).toEqual([false, true]);
    expect(shell.settings).toContain(' icanon');
    await pane.type('Enter');
    await vi.waitFor(async () => expect((await pane.state()).alternateScreen).toBe(true), WAIT);
    await pane.shows(/^ otter .*\n.*overview/);
    await pane.type('3');
    await pane.shows('MEMORY');
    await pane.type('q');
    await pane.shows(/back with 0/);
    const after = await pane.state();
    expect([after.alternateScreen, after.cursor]).toEqual([false, true]);
  });

  it('is nothing where no shell could take the terminal', async () => {
    await using pane = await dashboard();
    await pane.type('C-z');
    await pane.type('3');
    await pane.shows('MEMORY');
    await pane.type('q');
    await expectRestored(pane, /ended with 0/);
  });
});

describe('on a real terminal', () => {
  it('keys work, and the screen follows the window', async () => {
    await using pane = await dashboard();
    await pane.type('G', 'Enter');
    await pane.shows(/› shop\/ca>hz[\s\S]*Position/);
    await pane.type('Escape');
    await pane.shows(/CONFLICTS/);
    await pane.type(':', 'channels', 'Enter');
    await pane.shows(/CHANNEL +STATE/);
    await pane.type('BTab');
    await pane.shows('STORY');
    await pane.type('1');
    await pane.resize(130, 40);
    await vi.waitFor(async () => {
      const rows = (await pane.screen()).split('\n');
      expect(rows[0]).toMatch(/^ otter .{114}\d\d:\d\d:\d\d$/);
      expect(rows[38]).toContain('q quit');
    }, WAIT);
    await pane.resize(60, 16);
    await vi.waitFor(async () => {
      const rows = (await pane.screen()).split('\n');
      expect(rows[0]).toMatch(/^ otter .{44}\d\d:\d\d:\d\d$/);
      expect(rows[14]).toContain('q quit');
    }, WAIT);
    await pane.type('q');
    await expectRestored(pane, /ended with 0/);
  });

  it('colours mean something, and are left out when not wanted', async () => {
    const coloured = /\x1b\[[\d;]*3[0-7]m/;
    await using plain = await dashboard([], { env: { NO_COLOR: '1' } });
    expect(await plain.coloured()).not.toMatch(/\x1b\[[\d;]*m/);
    await using colours = await dashboard();
    expect(await colours.coloured()).toMatch(coloured);
  });

  it('a terminal that does not speak UTF-8 gets ASCII', async () => {
    await using pane = await dashboard([], { env: { LC_ALL: 'C' } });
    expect(await pane.screen()).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('a terminal that can do nothing gets lines', async () => {
    await using pane = await Pane.open([], { env: { TERM: 'dumb' } });
    await pane.shows(/shop\/ca>hz +streaming/);
    await pane.kill('SIGUSR2');
    await pane.shows(/ended with 0/);
    expect(await pane.state()).toEqual(await pane.original());
  });
});
