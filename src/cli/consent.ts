/** Asking a person whether something is to be done. Whatever is not a typed yes is a no. */
import { createInterface } from 'node:readline/promises';
import { OtterError } from '../model/error.ts';
import type { Context } from './context.ts';

/** @throws OtterError OT7007 without a terminal, OT7006 without a yes */
export async function consent(context: Context, destroying: boolean): Promise<void> {
  await agree(context, destroying ? 'Really destroy all of this?' : 'Carry this out?', {
    alone: 'nobody has agreed to this plan',
    hint: 'Review it with `otter plan --out FILE` and then `otter apply FILE`, or add --auto-approve.',
  });
}

/** The same for another question. */
export async function agree(
  context: Context,
  question: string,
  { alone, hint }: { readonly alone: string; readonly hint: string },
): Promise<void> {
  if (context.stdin.isTTY !== true || context.stdout.isTTY !== true)
    throw new OtterError('OT7007', `there is no terminal to ask on, and ${alone}`, { hint });
  if ((await answerTo(`\n${question} Only "yes" is taken: `, context)) === 'yes') return;
  throw new OtterError('OT7006', 'cancelled; nothing was changed');
}

/** Null when the person went away: Ctrl-C, Ctrl-D, a signal. */
async function answerTo(question: string, { stdin, terminal, signal }: Context): Promise<string | null> {
  const lines = createInterface({ input: stdin, output: terminal });
  try {
    return (await lines.question(question, { signal })).trim();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    terminal.write('\n');
    return null;
  } finally {
    lines.close();
  }
}
