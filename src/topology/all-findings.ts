/** What `otter validate` shows: the findings of all steps, with what the comments ignore and which of those are not needed. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { hasErrors } from '../model/diagnostic.ts';
import { inReadingOrder } from './finding.ts';
import { ignoring, unusedIgnores } from './ignores.ts';
import type { LoadedTopology } from './load.ts';

/** Everything there is to say of the files, in reading order. `live`: what the databases say; null when they were not asked. */
export function allFindings(loaded: LoadedTopology, live: readonly Diagnostic[] | null): readonly Diagnostic[] {
  const { ignores, diagnostics, unbuilt, files } = loaded;
  const heeded = ignoring(live ?? [], ignores);
  const notBuilt = unbuilt.map((finding) => ({ ...finding, severity: 'warning' as const }));
  const found = [...diagnostics, ...notBuilt, ...heeded.findings, ...heeded.misused];
  // Where something is wrong not everything was looked at.
  const unused = hasErrors(diagnostics)
    ? []
    : unusedIgnores(found, ignores, (code) => code.startsWith('OT1') || (live !== null && !code.startsWith('OT2')));
  const order = files.map((file) => file.path);
  return inReadingOrder([...found, ...unused], order);
}
