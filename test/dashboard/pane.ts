/**
 * A real terminal, driven through tmux: a command runs in it, keys are typed, the screen is read. The terminal outlives the
 * command, so that a test can see in what state it was left.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { run } from '../../src/lab/command.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const FIXTURE = [process.execPath, '--import', './test/dashboard/tsx.mjs', 'test/dashboard/fixture.ts'];
const WAIT = { timeout: 30_000, interval: 50 };
let panes = 0;

export interface PaneOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs in it, in place of the dashboard of `fixture.ts`, before the arguments. */
  readonly command?: readonly string[];
  readonly folder?: string;
}

/** What a person sees of the terminal's state. */
export interface TerminalState {
  readonly alternateScreen: boolean;
  readonly cursor: boolean;
  /** As `stty -a` prints them, without the size. */
  readonly settings: string;
}

export class Pane implements AsyncDisposable {
  readonly #socket: string;
  readonly #folder: string;

  private constructor(socket: string, folder: string) {
    this.#socket = socket;
    this.#folder = folder;
  }

  /** Runs the dashboard of `fixture.ts`, or what is named, with these arguments. */
  static async open(args: readonly string[], options: PaneOptions = {}): Promise<Pane> {
    const { columns = 80, rows = 24, env = {}, folder: cwd = REPOSITORY, command = FIXTURE } = options;
    await provideTmux();
    const folder = await mkdtemp(join(tmpdir(), 'otter-pane-'));
    const pane = new Pane(`otter-test-${process.pid}-${panes++}`, folder);
    const program = [...command, ...args].map(quoted);
    const script = [
      `stty -a >${quoted(join(folder, 'before'))}`,
      'echo the screen as it was',
      // `exec`, so that signals go to the dashboard itself.
      `sh -c ${quoted(`echo $$ >${quoted(join(folder, 'pid'))}; exec ${program.join(' ')}`)}`,
      'echo "ended with $?"',
      'exec cat',
    ].join('\n');
    const settings = Object.entries({ LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...env }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const size = ['-x', String(columns), '-y', String(rows)];
    const session = [
      'new-session',
      '-d',
      ...size,
      '-c',
      cwd,
      'env',
      // What the test runner was started with must not decide about colours; CI=true takes them away too.
      ...['NO_COLOR', 'FORCE_COLOR', 'CI'].flatMap((name) => ['-u', name]),
      ...settings,
      'sh',
      '-c',
      script,
    ].map((word) => (word.endsWith(';') ? `${word.slice(0, -1)}\\;` : word));
    await pane.#tmux('-f', '/dev/null', '-u', ...session);
    return pane;
  }

  async screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  async coloured(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  async shows(text: string | RegExp): Promise<void> {
    await vi.waitFor(async () => expect(await this.screen()).toMatch(text), WAIT);
  }

  async type(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    process.kill(await this.pid(), signal);
  }

  /** Of what runs in it. */
  async pid(): Promise<number> {
    return Number(await readFile(join(this.#folder, 'pid'), 'utf8'));
  }

  async state(): Promise<TerminalState> {
    const facts = await this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag} #{pane_tty}');
    const [alternate, cursor, tty] = facts.trim().split(' ');
    const { output } = await run('stty', ['-a', process.platform === 'darwin' ? '-f' : '-F', tty!]);
    return { alternateScreen: alternate === '1', cursor: cursor === '1', settings: withoutSize(output) };
  }

  /** As the terminal was before the command ran. */
  async original(): Promise<TerminalState> {
    return {
      alternateScreen: false,
      cursor: true,
      settings: withoutSize(await readFile(join(this.#folder, 'before'), 'utf8')),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { code, output } = await run('tmux', ['-L', this.#socket, ...args], { env: { TMUX: '' } });
    if (code !== 0) throw new Error(`tmux ${args[0] ?? ''} ended with ${String(code)}: ${output}`);
    return output;
  }
}

function withoutSize(settings: string): string {
  return settings.replace(/\b(rows|columns) \d+; ?/g, '').trim();
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Found, or installed where that is possible; never skipped. */
async function provideTmux(): Promise<void> {
  const there = async (): Promise<boolean> => (await run('tmux', ['-V'])).code === 0;
  if (await there()) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    await run('apt-get', ['install', '-y', '--no-remove', '--no-install-recommends', 'tmux'], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (await there()) return;
  }
  throw new Error('the tests of a real terminal need tmux: sudo apt-get install tmux, or brew install tmux');
}
