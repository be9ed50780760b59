/** A password for one command: from the environment, else asked for on the terminal, where it is not shown. */
import { OtterError } from '../model/error.ts';
import type { Context } from './context.ts';

const CHARS_MAX = 4096;

/** @throws OtterError OT3020 without a variable and without a terminal, OT7006 when the person went away */
export async function passwordFor(context: Context, variable: string, whose: string): Promise<string> {
  const given = context.env[variable];
  if (given !== undefined) return given;
  if (context.stdin.isTTY !== true || context.terminal.isTTY !== true) {
    throw new OtterError(
      'OT3020',
      `the environment variable ${variable} is not set, and there is no terminal to ask on`,
      {
        hint: `Set ${variable} to the password of ${whose}.`,
      },
    );
  }
  context.stderr.write(`Password of ${whose} (${variable}): `);
  const typed = await hidden(context);
  context.stderr.write('\n');
  if (typed === null) throw new OtterError('OT7006', 'cancelled; nothing was changed');
  return typed;
}

/** Null when the person went away: Ctrl-C, Ctrl-D, a signal. */
async function hidden({ stdin, signal }: Context): Promise<string | null> {
  stdin.setRawMode(true);
  stdin.resume();
  try {
    return await new Promise<string | null>((resolve) => {
      let text = '';
      const end = (answer: string | null): void => {
        stdin.off('data', take);
        signal.removeEventListener('abort', leave);
        resolve(answer);
      };
      const leave = (): void => end(null);
      const take = (data: Buffer | string): void => {
        for (const sign of String(data)) {
          const over = sign === '\r' || sign === '\n';
          if (over || sign === '\u0003' || sign === '\u0004') {
            end(over ? text : null);
            return;
          }
          if (sign === '\u007f' || sign === '\b') text = text.slice(0, -1);
          else if (text.length < CHARS_MAX) text += sign;
        }
      };
      stdin.on('data', take);
      signal.addEventListener('abort', leave, { once: true });
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
  }
}
