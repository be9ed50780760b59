/** Runs a short command to its end, its output kept within bounds; for finding and installing servers. */
import { spawn } from 'node:child_process';

export interface Outcome {
  readonly code: number | null;
  /** Standard output, then standard error; the end of it when it is long. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For standard input, which is empty otherwise. */
  readonly input?: string | undefined;
}

const OUTPUT_CHARS_MAX = 1_000_000;

/** Never throws for a command that fails or does not exist: the code tells (null: not run, or killed). */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  options.signal?.throwIfAborted();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let output = '';
    const collect = (chunk: string) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', collect);
    // A program that ends before it has read everything says so by its code.
    child.stdin?.on('error', () => undefined).end(options.input);
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
