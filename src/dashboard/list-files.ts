/** Flows of file sets as a list: what is to come, how fast it comes, and beneath the chosen one what is wrong with it. */
import type { FileFlowStatus, StatusReport } from '../model/status.ts';
import { count, megabytes } from './figures.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { errorLines } from './panels.ts';
import type { Column } from './table.ts';
import { type Line, line, printable, type Span, span, wrap } from './text.ts';
import { type Glyphs, phaseTone } from './theme.ts';

export function filesList({ files }: StatusReport, { glyphs }: Paint): ListOf<FileFlowStatus> {
  return {
    rows: files.flatMap(({ flows }) => flows),
    name: ({ name }) => name,
    texts: ({ name, phase, node, error }) => [name, phase, node ?? '', error?.code ?? ''],
    columns: columnsOf(glyphs),
    none: 'No file set is declared.',
    about: ({ name }) => name.slice(0, name.indexOf('/')),
    more: wordsOf,
  };
}

function columnsOf(glyphs: Glyphs): readonly Column<FileFlowStatus>[] {
  const number = (value: number, tone: Span['tone'] = 'plain'): Line => [span(count(value), value > 0 ? tone : 'dim')];
  const bytes = (value: number): Line => [span(megabytes(value), value > 0 ? 'plain' : 'dim')];
  return [
    { title: 'FLOW', drop: 0, width: 16, cell: ({ name }) => [span(printable(name))], by: ({ name }) => name },
    {
      title: 'PHASE',
      drop: 0,
      width: 11,
      cell: ({ phase }) => [span(`${glyphs.phases[phase]} ${phase}`, phaseTone(phase))],
      by: ({ phase }) => phase,
    },
    ...numbers(number, bytes),
    {
      title: 'NODE',
      drop: 6,
      cell: ({ node }) => [node === null ? span(glyphs.none, 'dim') : span(node)],
      by: ({ node }) => node,
    },
  ];
}

function numbers(
  number: (value: number, tone?: Span['tone']) => Line,
  bytes: (value: number) => Line,
): readonly Column<FileFlowStatus>[] {
  const column = (
    title: string,
    drop: number,
    of: (flow: FileFlowStatus) => number,
    cell: (value: number) => Line = number,
  ): Column<FileFlowStatus> => ({ title, align: 'right', drop, width: 7, cell: (flow) => cell(of(flow)), by: of });
  const warns = (value: number): Line => number(value, 'warn');
  return [
    column('TO COME', 0, ({ backlog_files }) => backlog_files),
    column('SIZE', 3, ({ backlog_bytes }) => backlog_bytes, bytes),
    column('A SECOND', 1, ({ bytes_per_second }) => bytes_per_second, bytes),
    column('DONE', 5, ({ files_done }) => files_done),
    column('MISSING', 4, ({ missing }) => missing, warns),
    column('FAILING', 2, ({ failures }) => failures, warns),
    column('BESIDE', 7, ({ conflicts }) => conflicts, warns),
  ];
}

function wordsOf({ name, error, waiting }: FileFlowStatus, { columns, glyphs }: Paint): Line[] {
  if (error !== null) return errorLines(name, error, columns - 4, 4, glyphs);
  if (waiting === null) return [];
  return wrap(`waits for ${printable(waiting)}`, Math.max(20, columns - 4)).map((text) =>
    line(span(`  ${text}`, 'dim')),
  );
}
