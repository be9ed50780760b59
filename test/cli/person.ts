/** A person at a terminal, in this process: real parts behind the commands, streams in place of the terminal. */
import { PassThrough } from 'node:stream';
import type { Context } from '../../src/cli/context.ts';
import { run } from '../../src/cli/program.ts';
import { compose } from '../../src/compose.ts';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Habits {
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed as soon as `sees` stands on the screen. */
  readonly types?: { readonly sees: string; readonly text: string };
  /** Is called as soon as `sees` stands on the screen. */
  readonly does?: { readonly sees: string; readonly act: (leave: AbortController) => void };
  /** Without: no terminal. */
  readonly terminal?: boolean;
}

export async function person(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  const { env = {}, types, does, terminal = true } = habits;
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const leave = new AbortController();
  let [out, err, acted] = ['', '', false];
  const look = (): void => {
    const wanted = types ?? does;
    if (acted || wanted === undefined || !(out + err).includes(wanted.sees)) return;
    acted = true;
    if (types !== undefined) stdin.write(types.text);
    does?.act(leave);
  };
  stdout.on('data', (data) => {
    out += String(data);
    look();
  });
  stderr.on('data', (data) => {
    err += String(data);
    look();
  });
  for (const stream of [stdin, stdout, stderr]) Object.assign(stream, { isTTY: terminal, setRawMode: () => stream });
  const context = compose({
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr,
    stdin: stdin as unknown as NodeJS.ReadStream,
    env: { NO_COLOR: '1', ...env },
    signal: leave.signal,
    pid: process.pid,
    self: [],
    root: new URL('../../', import.meta.url),
  });
  const code = await run(args, context);
  return { code, out, err };
}

/** What a command gets, without a command; and what was said on stderr. */
export function contextOf(env: Readonly<Record<string, string>> = {}): {
  readonly context: Context;
  readonly said: () => string;
} {
  let text = '';
  const context = compose({
    stdout: process.stdout,
    stderr: { write: (more: string) => (text += more) },
    stdin: process.stdin,
    env,
    signal: new AbortController().signal,
    pid: process.pid,
    self: [],
    root: new URL('../../', import.meta.url),
  });
  return { context, said: () => text };
}
