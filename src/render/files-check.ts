/** What `otter verify files.X` found, as text and as JSON. */
import { type FileComparison, type FilesCheckedRecord, type FlowComparison, leftOf } from '../model/files-check.ts';
import type { FilesVerifyJson } from '../model/verify-json.ts';
import { printable } from './width.ts';

export type RegionResult = FilesCheckedRecord & { readonly region: string };

export function renderFilesCheck(
  set: string,
  results: readonly RegionResult[],
  { hash, repair }: FileComparison,
): string {
  const flows = results.flatMap(({ flows: each }) => Object.entries(each));
  const lines = flows.map(([name, counts]) => `  ${name}: ${inWords(counts)}`);
  const errors = results.flatMap(({ region, error }) =>
    error === null ? [] : [`  ${region}: not compared to its end: ${error.code} ${printable(error.message)}`],
  );
  const left = flows.reduce((sum, [, counts]) => sum + leftOf(counts), 0);
  const named = flows.some(
    ([, { missing, different, damaged_at_source }]) => missing + different + damaged_at_source > 0,
  );
  const nodes = [...new Set(results.map(({ node }) => node))];
  const notes = [
    ...(named ? [`Names are in the log: ${nodes.map((node) => `otter logs ${node}`).join(', ')}`] : []),
    ...(left > 0 && !repair ? [`To have them brought again: otter verify files.${set} --repair`] : []),
    ...(hash
      ? []
      : [
          'Compared by size, time, permissions and the hash that was taken when a file was last written; --hash reads all of it.',
        ]),
  ];
  const end =
    errors.length > 0
      ? []
      : [
          left === 0
            ? `files.${set}: nothing differs.`
            : `files.${set}: ${many(left)} ${left === 1 ? 'differs' : 'differ'}.`,
        ];
  return [...lines, ...errors, ...end, ...notes, ''].join('\n');
}

export function filesVerifyJson(topology: string, set: string, results: readonly RegionResult[]): FilesVerifyJson {
  const flows = results.flatMap(({ node, flows: each }) =>
    Object.entries(each).map(([name, counts]) => ({ name, node, ...counts })),
  );
  return {
    format_version: '1.0',
    topology,
    set,
    equal: flows.every((flow) => leftOf(flow) === 0),
    complete: results.every(({ error }) => error === null) && flows.every(({ busy }) => busy === 0),
    flows,
    errors: results.flatMap(({ region, error }) =>
      error === null ? [] : [{ region, code: error.code, message: error.message }],
    ),
  };
}

function inWords(counts: FlowComparison): string {
  const { files, missing, different, extra, damaged, damaged_at_source, busy, repaired } = counts;
  const facts: readonly (readonly [number, string])[] = [
    [missing, 'missing'],
    [different, 'different'],
    [damaged, 'of them damaged on disk'],
    [damaged_at_source, 'damaged on disk at the source'],
    [repaired, 'repaired'],
    [busy, 'written too often to tell'],
    [extra, 'only at the target, left alone'],
  ];
  const told = facts.flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]));
  return `${many(files)}, ${told.length === 0 ? 'nothing differs' : told.join(', ')}`;
}

function many(files: number): string {
  return `${files.toLocaleString('en-US')} ${files === 1 ? 'file' : 'files'}`;
}
