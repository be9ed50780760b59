/** `otter validate`, and the loading of a topology that every other command begins with. */
import { hasErrors } from '../model/diagnostic.ts';
import type { Topology } from '../model/topology.ts';
import { DIAGNOSTIC_FORMATS, type DiagnosticFormat, renderDiagnostics } from '../render/diagnostics.ts';
import { inReadingOrder } from '../topology/finding.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { graded } from '../topology/severity.ts';
import { type CommonOptions, type Context, colour, EXIT, sources, topologyPath } from './context.ts';
import { Ended } from './failure.ts';
import { askDatabases } from './live.ts';
import { namesOf } from './names.ts';

export interface ValidateOptions extends CommonOptions {
  readonly format?: string;
  readonly live?: boolean;
}

export async function validate(context: Context, options: ValidateOptions): Promise<number> {
  const format = formatOf(options);
  const path = topologyPath(context, options);
  const { topology, sourceOf, ...loaded } = loadTopology(path, sources(context, options));
  const live =
    options.live === true && topology !== null
      ? await askDatabases(context, topology, sourceOf, await namesOf(context, options, topology))
      : null;
  const notBuilt = loaded.unbuilt.map((finding) => ({ ...finding, severity: 'warning' as const }));
  const order = loaded.files.map((file) => file.path);
  const findings = inReadingOrder(
    [
      ...loaded.diagnostics,
      ...notBuilt,
      ...(topology === null || live === null ? [] : graded(live.findings, topology)),
    ],
    order,
  );
  const text = renderDiagnostics(format, findings, {
    files: loaded.files,
    colour: colour(context, options),
    version: context.version,
  });
  if (text !== '') context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  const failed = hasErrors(findings);
  if (options.live === true && live === null)
    context.stderr.write('The databases were not asked: the files have to be valid first.\n');
  if (format === 'text') {
    const asked =
      live === null ? '' : `; ${live.asked === 1 ? 'its database was' : `its ${live.asked} databases were`} asked`;
    const count = findings.length === 0 ? '' : `, with ${findings.length} to look at`;
    if (!failed) context.stdout.write(`${path} is valid${count}${asked}.\n`);
  }
  return failed ? EXIT.usage : EXIT.done;
}

/** Loads for plan and apply: errors end the command, warnings are shown once. */
export function loadValid(context: Context, options: CommonOptions): LoadedTopology & { readonly topology: Topology } {
  const loaded = loadTopology(topologyPath(context, options), sources(context, options));
  const shown =
    loaded.diagnostics.length > 0 ? loaded.diagnostics : loaded.unbuilt.filter(({ severity }) => severity !== 'error');
  if (shown.length > 0) {
    const text = renderDiagnostics('text', shown, {
      files: loaded.files,
      colour: options.color !== false && context.stderr.isTTY === true,
      version: context.version,
    });
    context.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  }
  if (loaded.topology === null || hasErrors(loaded.diagnostics)) throw new Ended(EXIT.usage);
  return { ...loaded, topology: loaded.topology };
}

function formatOf(options: ValidateOptions): DiagnosticFormat {
  if (options.json === true) return 'json';
  return DIAGNOSTIC_FORMATS.find((format) => format === options.format) ?? 'text';
}
