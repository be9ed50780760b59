/**
 * Where findings stand as those who review a change know it: by paths from the folder in which otter runs, which in CI is the
 * checkout. GitLab shows nothing of an absolute path, and GitHub refuses a SARIF log with a finding that stands nowhere.
 */
import { isAbsolute, relative } from 'node:path';
import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';

/** Paths below the folder are written from there; what has no place stands at the start of `topology`. */
export function forReview(diagnostics: readonly Diagnostic[], topology: string, folder = ''): Diagnostic[] {
  const moved = (range: SourceRange): SourceRange => ({ ...range, file: below(range.file, folder) });
  return diagnostics.map((one) => ({
    ...one,
    range: moved(one.range ?? { file: topology, line: 1, column: 1, endLine: 1, endColumn: 1 }),
    related: one.related.map((place) => ({ ...place, range: moved(place.range) })),
    ...(one.fix === undefined
      ? {}
      : { fix: { ...one.fix, edits: one.fix.edits.map((edit) => ({ ...edit, range: moved(edit.range) })) } }),
    ...(one.ignored === undefined ? {} : { ignored: { ...one.ignored, range: moved(one.ignored.range) } }),
  }));
}

function below(file: string, folder: string): string {
  if (!isAbsolute(file)) return file;
  const path = relative(folder, file);
  return path === '' || path.split('/')[0] === '..' ? file : path;
}
