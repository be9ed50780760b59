/**
 * `otter validate --fix`: what has one mechanical answer is written into the files, and nothing else in them is touched.
 *
 * Rule kept here: nothing is written before it was said, and nothing at all when one of the files cannot be written or
 * was changed meanwhile.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import { printable } from '../render/width.ts';
import { allFindings } from '../topology/all-findings.ts';
import { mend } from '../topology/fixing.ts';
import { type LoadOptions, loadTopology } from '../topology/load.ts';
import type { Context } from './context.ts';

const BOM = '\ufeff';

/** `onStdout`: where it is said what is written; else on stderr. @throws OtterError OT7003 when a file cannot be written */
export function fixFiles(context: Context, path: string, options: LoadOptions, onStdout: boolean): void {
  const { readFile, writeFile, writable } = context.parts;
  const say = (line: string): void => void (onStdout ? context.stdout : context.stderr).write(`${line}\n`);
  const originals = new Map<string, string>();
  const read = (file: string): string => {
    const text = originals.get(file) ?? readFile(file);
    originals.set(file, text);
    return text.startsWith(BOM) ? text.slice(1) : text;
  };
  const { texts, mended } = mend(
    (instead) => allFindings(loadTopology(path, { ...options, texts: instead }), null),
    read,
  );
  if (mended.length === 0) {
    say('Nothing that can be mended without you.');
    return;
  }
  for (const finding of mended) say(told(finding));
  for (const file of texts.keys()) {
    if (!writable(file)) throw new OtterError('OT7003', `${file} may not be written; nothing was changed`);
    if (readFile(file) !== originals.get(file))
      throw new OtterError('OT7003', `${file} was changed meanwhile by somebody else; nothing was changed`);
  }
  for (const [file, text] of texts) {
    writeFile(file, originals.get(file)!.startsWith(BOM) ? BOM + text : text, {});
    say(`Wrote ${printable(file)}.`);
  }
}

function told({ range, summary, fix, code }: Diagnostic): string {
  const where = range === null ? '' : `${range.file}:${range.line}:${range.column}: `;
  return printable(`${where}${summary} (${code}). ${fix!.title}`);
}
