/** `otter explain CODE`: what a code means and what to do. */
import { CODES, explain as explainCode } from '../model/codes.ts';
import { OtterError } from '../model/error.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';

export function explain(context: Context, options: CommonOptions, code: string | undefined): number {
  if (code === undefined) {
    if (options.json === true) {
      const all = Object.entries(CODES).sort(([a], [b]) => (a < b ? -1 : 1));
      context.stdout.write(
        `${JSON.stringify(
          all.map(([name, said]) => ({ code: name, ...said })),
          null,
          2,
        )}\n`,
      );
      return EXIT.done;
    }
    for (const [name, { title }] of Object.entries(CODES).sort(([a], [b]) => (a < b ? -1 : 1)))
      context.stdout.write(`${name}  ${title}\n`);
    return EXIT.done;
  }
  const wanted = code.toUpperCase();
  const found = explainCode(wanted);
  if (found === undefined)
    throw new OtterError('OT7003', `${code} is not a code of otter`, {
      hint: '`otter explain` without a code lists them all.',
    });
  if (options.json === true) context.stdout.write(`${JSON.stringify({ code: wanted, ...found }, null, 2)}\n`);
  else context.stdout.write(`${wanted}: ${found.title}\n\n${found.meaning}\n\nWhat to do: ${found.action}\n`);
  return EXIT.done;
}
