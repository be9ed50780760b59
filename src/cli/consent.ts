/** Asking a person whether something is to be done. Whatever is not a typed yes is a no. */
import { createInterface } from 'node:readline/promises';
import { OtterError } from '../model/error.ts';
import { nameOf } from '../planner/change.ts';
import { printable } from '../render/width.ts';
import type { Context } from './context.ts';

/** What a yes alone does not cover: a name is typed for it. */
export interface Irrevocable {
  readonly address: string;
  readonly why: string;
}

/**
 * A yes; or where something cannot be undone, the names of it, which is more than a yes. Of a topology that is destroyed the topology's name says it all.
 * @throws OtterError OT7007 without a terminal, OT7006 without a yes
 */
export async function consent(
  context: Context,
  plan: { readonly topology: string; readonly destroy: boolean },
  irrevocable: readonly Irrevocable[],
): Promise<void> {
  const alone = {
    alone: 'nobody has agreed to this plan',
    hint: 'Review it with `otter plan --out FILE` and then `otter apply FILE`, or add --auto-approve.',
  };
  if (irrevocable.length === 0)
    return agree(context, plan.destroy ? 'Really destroy all of this?' : 'Carry this out?', alone);
  // One line for all of them, since what is typed ahead of a question is lost.
  const names = plan.destroy ? plan.topology : irrevocable.map(({ address }) => nameOf(address)).join(' ');
  const what = plan.destroy ? 'To destroy all of it' : 'To carry it out';
  const lost = irrevocable.map(({ address, why }) => `  ${printable(`${address}: ${why}`)}\n`).join('');
  context.stdout.write(`\nThis cannot be undone:\n${lost}`);
  await typed(context, `${what} type the name of what is lost, and nothing else (${names}): `, names, alone);
}

/** The same for another question. */
export async function agree(
  context: Context,
  question: string,
  { alone, hint }: { readonly alone: string; readonly hint: string },
): Promise<void> {
  await typed(context, `${question} Only "yes" is taken: `, 'yes', { alone, hint });
}

/** What a yes alone does not cover: a word is typed for it. */
export async function agreeByWord(
  context: Context,
  question: string,
  word: string,
  { alone, hint }: { readonly alone: string; readonly hint: string },
): Promise<void> {
  await typed(context, `${question} type ${word}, and nothing else: `, word, { alone, hint });
}

async function typed(
  context: Context,
  question: string,
  wanted: string,
  { alone, hint }: { readonly alone: string; readonly hint: string },
): Promise<void> {
  if (context.stdin.isTTY !== true || context.stdout.isTTY !== true)
    throw new OtterError('OT7007', `there is no terminal to ask on, and ${alone}`, { hint });
  if ((await answerTo(`\n${printable(question)}`, context)) === wanted) return;
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
