/** `otter validate`, and the loading of a topology that every other command begins with. */
import { hasErrors } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import type { Topology } from '../model/topology.ts';
import { DIAGNOSTIC_FORMATS, type DiagnosticFormat, renderDiagnostics } from '../render/diagnostics.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, colour, EXIT, sources, topologyPath } from './context.ts';
import { Ended } from './failure.ts';

export interface ValidateOptions extends CommonOptions {
  readonly format?: string;
  readonly live?: boolean;
}

export function validate(context: Context, options: ValidateOptions): number {
  if (options.live === true) {
    throw new OtterError('OT7004', 'otter validate --live is not built yet', {
      hint: 'Without --live it checks the files. A node checks its databases before it starts, and says what does not fit.',
    });
  }
  const format = formatOf(options);
  const path = topologyPath(context, options);
  const loaded = loadTopology(path, sources(context, options));
  const notBuilt = loaded.unbuilt.map((finding) => ({ ...finding, severity: 'warning' as const }));
  const findings = [...loaded.diagnostics, ...notBuilt];
  const text = renderDiagnostics(format, findings, {
    files: loaded.files,
    colour: colour(context, options),
    version: context.version,
  });
  if (text !== '') context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  const failed = hasErrors(loaded.diagnostics);
  if (format === 'text' && !failed)
    context.stdout.write(`${path} is valid${findings.length === 0 ? '' : `, with ${findings.length} to look at`}.\n`);
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
