/** `otter fmt`: topology files in one layout, or with `--check` which of them are not. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import { renderDiagnostics } from '../render/diagnostics.ts';
import { printable } from '../render/width.ts';
import { formatText } from '../topology/format.ts';
import { type CommonOptions, type Context, EXIT, topologyPath } from './context.ts';

export interface FmtOptions extends CommonOptions {
  readonly check?: boolean;
}

const BOM = '\ufeff';
const STDIN = '-';

/** `paths`: files, folders with all that is in them, or `-`; without any the topology. */
export async function fmt(context: Context, options: FmtOptions, paths: readonly string[]): Promise<number> {
  if (paths.includes(STDIN)) {
    if (paths.length > 1) throw new OtterError('OT7001', '`-` is formatted alone, not beside files');
    return formatStdin(context, options);
  }
  const files = [...new Set((paths.length > 0 ? paths : [topologyPath(context, options)]).flatMap(filesAt(context)))];
  const changed: string[] = [];
  const refused: Diagnostic[] = [];
  const texts: { readonly path: string; readonly text: string }[] = [];
  for (const path of files) {
    const original = context.parts.readFile(path);
    const text = original.startsWith(BOM) ? original.slice(1) : original;
    const formatted = formatText(path, text);
    if (formatted.text === null) {
      refused.push(...formatted.diagnostics);
      texts.push({ path, text });
    } else if (formatted.text !== original) {
      changed.push(path);
      if (options.check !== true) write(context, path, formatted.text);
    }
  }
  if (options.json === true)
    context.stdout.write(`${JSON.stringify({ files: files.length, changed, refused: refused.length }, null, 2)}\n`);
  else for (const path of changed) context.stdout.write(`${printable(path)}\n`);
  tell(context, options, refused, texts);
  if (refused.length > 0) return EXIT.usage;
  return options.check === true && changed.length > 0 ? EXIT.differences : EXIT.done;
}

async function formatStdin(context: Context, options: FmtOptions): Promise<number> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  const text = Buffer.concat(chunks).toString('utf8');
  const formatted = formatText('<stdin>', text);
  if (formatted.text === null) {
    tell(context, options, formatted.diagnostics, [{ path: '<stdin>', text }]);
    return EXIT.usage;
  }
  if (options.check === true) return formatted.text === text ? EXIT.done : EXIT.differences;
  context.stdout.write(formatted.text);
  return EXIT.done;
}

function write(context: Context, path: string, text: string): void {
  if (!context.parts.writable(path)) throw new OtterError('OT7003', `${path} may not be written`);
  context.parts.writeFile(path, text, {});
}

function tell(
  context: Context,
  options: FmtOptions,
  findings: readonly Diagnostic[],
  files: readonly { readonly path: string; readonly text: string }[],
): void {
  const colour = options.color !== false && context.stderr.isTTY === true;
  context.stderr.write(renderDiagnostics('text', findings, { files, colour }));
}

/** A file itself; of a folder the YAML files in it and below it. */
function filesAt({ parts }: Context): (path: string) => string[] {
  const at = (path: string, depth: number): string[] => {
    if (!parts.exists(`${path}/.`)) return [path];
    return parts
      .listFolder(path)
      .filter((name) => !name.startsWith('.') && name !== 'node_modules')
      .sort()
      .flatMap((name) => {
        const inner = `${path.replace(/\/$/, '')}/${name}`;
        if (parts.exists(`${inner}/.`)) return depth < FOLDERS_DEEP_MAX ? at(inner, depth + 1) : [];
        return /\.ya?ml$/.test(name) ? [inner] : [];
      });
  };
  return (path) => at(path, 0);
}

/** Links may lead round in a circle. */
const FOLDERS_DEEP_MAX = 8;
