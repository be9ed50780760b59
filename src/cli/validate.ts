/** `otter validate`, and the loading of a topology that every other command begins with. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { hasErrors } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';
import { DIAGNOSTIC_FORMATS, type DiagnosticFormat, renderDiagnostics } from '../render/diagnostics.ts';
import { forReview } from '../render/review-places.ts';
import { printable } from '../render/width.ts';
import { allFindings } from '../topology/all-findings.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, colour, EXIT, sources, topologyPath } from './context.ts';
import { Ended } from './failure.ts';
import { fixFiles } from './fix.ts';
import { askDatabases } from './live.ts';
import { namesOf } from './names.ts';

export interface ValidateOptions extends CommonOptions {
  readonly format?: string;
  readonly live?: boolean;
  readonly fix?: boolean;
}

export async function validate(context: Context, options: ValidateOptions): Promise<number> {
  const format = formatOf(options);
  const path = topologyPath(context, options);
  if (options.fix === true) fixFiles(context, path, sources(context, options), format === 'text');
  const loaded = loadTopology(path, sources(context, options));
  const { topology } = loaded;
  const live =
    options.live === true && topology !== null
      ? await askDatabases(context, topology, loaded.sourceOf, await namesOf(context, options, topology))
      : null;
  const findings = allFindings(loaded, live === null ? null : loaded.graded(live.findings));
  const reviewed = format === 'text' || format === 'json' ? findings : forReview(findings, path);
  const text = renderDiagnostics(format, reviewed, {
    files: loaded.files,
    colour: colour(context, options),
    version: context.version,
  });
  if (text !== '') context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  if (options.live === true && live === null)
    context.stderr.write('The databases were not asked: the files have to be valid first.\n');
  if (format === 'text') context.stdout.write(summary(printable(path), findings, live?.asked ?? null));
  return hasErrors(findings) ? EXIT.usage : EXIT.done;
}

/** Loads for plan and apply: errors end the command, warnings are shown once. */
export function loadValid(context: Context, options: CommonOptions): LoadedTopology & { readonly topology: Topology } {
  const loaded = loadTopology(topologyPath(context, options), sources(context, options));
  const shown =
    loaded.diagnostics.length > 0 ? loaded.diagnostics : loaded.unbuilt.filter(({ severity }) => severity !== 'error');
  const text = renderDiagnostics('text', shown, {
    files: loaded.files,
    colour: options.color !== false && context.stderr.isTTY === true,
    version: context.version,
  });
  if (text !== '') context.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  if (loaded.topology === null || hasErrors(loaded.diagnostics)) throw new Ended(EXIT.usage);
  return { ...loaded, topology: loaded.topology };
}

/** The last lines of the text. */
function summary(path: string, findings: readonly Diagnostic[], asked: number | null): string {
  const counting = findings.filter(({ ignored }) => ignored === undefined);
  const errors = counting.filter(({ severity }) => severity === 'error').length;
  const fixes = counting.filter(({ fix }) => fix !== undefined).length;
  const waived = findings.filter(({ ignored }) => ignored?.until !== undefined).length;
  const ignored = findings.length - counting.length - waived;
  const also = [
    ...(ignored === 0 ? [] : [`${ignored} ignored`]),
    ...(waived === 0 ? [] : [`${waived} waived`]),
    ...(asked === null ? [] : [asked === 1 ? 'its database was asked' : `its ${asked} databases were asked`]),
  ].map((one) => `; ${one}`);
  const told =
    errors > 0
      ? `\n${path} is not valid: ${count(errors, 'error')}${counting.length > errors ? ` and ${count(counting.length - errors, 'warning')}` : ''}${also.join('')}.`
      : `${path} is valid${counting.length === 0 ? '' : `, with ${counting.length} to look at`}${also.join('')}.`;
  const mendable =
    fixes === 0
      ? ''
      : ` \`otter validate --fix\` mends ${fixes === counting.length ? (fixes === 1 ? 'it' : 'them') : fixes}.`;
  return `${told}${mendable}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function formatOf(options: ValidateOptions): DiagnosticFormat {
  if (options.json === true) return 'json';
  return DIAGNOSTIC_FORMATS.find((format) => format === options.format) ?? 'text';
}
