/**
 * The terminal is given back as it was taken, whatever ends the dashboard: alternate screen off, cursor shown, raw mode off.
 *
 * Ink does this when it unmounts and on signals that nobody else handles. Two cases remain: an error or an exit that passes
 * ink by, for which a last synchronous write waits in this process; and SIGKILL, which no process sees, for which a small shell
 * waits at the other end of a pipe, and acts when the pipe closes without a word.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bracketed paste off, kitty keyboard off, alternate screen left, cursor shown, colours plain. */
export const RESTORE = '\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[0m';

const STOPPED_MS = 50;

export interface Terminal {
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
}

/** Held while the terminal is ours; `release` gives it back and may be called more than once. */
export class TerminalGuard {
  readonly #terminal: Terminal;
  readonly #keeper: ChildProcess | null;
  /** Draws no more; must come first when the process exits, or the last frame would land on the person's own screen. */
  #unmount: () => void = () => undefined;
  #held = true;

  private constructor(terminal: Terminal, keeper: ChildProcess | null) {
    this.#terminal = terminal;
    this.#keeper = keeper;
    process.on('exit', this.#release);
  }

  /** Before anything is changed at the terminal: its settings are remembered. */
  static async take(terminal: Terminal): Promise<TerminalGuard> {
    return new TerminalGuard(terminal, await startKeeper(terminal));
  }

  unmountsWith(unmount: () => void): void {
    this.#unmount = unmount;
  }

  /** Gives the terminal to the shell until somebody says `fg`. Where no shell could, nothing stops. */
  async lend(): Promise<void> {
    restore(this.#terminal);
    process.kill(process.pid, 'SIGTSTP');
    // It is stopped within this time, which goes on when it does.
    await sleep(STOPPED_MS);
  }

  release(): void {
    this.#release();
  }

  readonly #release = (): void => {
    process.off('exit', this.#release);
    if (!this.#held) return;
    this.#held = false;
    this.#unmount();
    restore(this.#terminal);
    this.#keeper?.stdin?.end('done\n');
  };
}

/** Synchronous, because nothing asynchronous happens any more when a process exits. */
function restore({ stdout, stdin }: Terminal): void {
  try {
    if (stdin.isTTY) stdin.setRawMode(false);
  } catch {
    // The terminal is gone; there is nothing to give back.
  }
  const { fd } = stdout as { readonly fd?: number };
  try {
    if (fd === undefined) stdout.write(RESTORE);
    else writeSync(fd, RESTORE);
  } catch {
    // As above.
  }
}

/**
 * In a session of its own, so that what is sent to the dashboard's group does not reach it. The settings are put back only
 * while they are still the raw ones: a shell that has taken its terminal back in the meantime is left alone.
 */
const KEEPER = `
exec 4<&1
saved=$(stty -g <&4 2>/dev/null)
printf 'ready\\n' >&3
exec 3>&-
read -r word && exit 0
printf '%b' "$1" 2>/dev/null
case "$(stty -a <&4 2>/dev/null)" in *-isig*) stty "$saved" <&4 2>/dev/null ;; esac
`;

async function startKeeper({ stdout }: Terminal): Promise<ChildProcess | null> {
  const { fd } = stdout as { readonly fd?: number };
  if (fd === undefined || process.platform === 'win32') return null;
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'otter-terminal', RESTORE.replaceAll('\x1b', '\\033')], {
    stdio: ['pipe', fd, 'ignore', 'pipe'],
    detached: true,
  });
  keeper.stdin?.on('error', () => undefined);
  const ready = keeper.stdio[3] as Readable;
  const stands = await new Promise<boolean>((resolve) => {
    ready.once('data', () => resolve(true));
    ready.once('end', () => resolve(false));
    // Without a shell there is one protection less; the others stand.
    keeper.once('error', () => resolve(false));
  });
  ready.destroy();
  keeper.unref();
  (keeper.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return stands ? keeper : null;
}
