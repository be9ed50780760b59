/** The conflict log as a list, and one conflict with what arrived, what is here and what was before, side by side. */
import type { ConflictJson, ConflictsJson } from '../model/conflict-json.ts';
import { fact, labelled } from './facts.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { BLANK, cut, fitted, type Line, line, printable, type Span, span, textWidth, wrap } from './text.ts';

export function conflictList({ conflicts, unread }: ConflictsJson, { glyphs }: Paint): ListOf<ConflictJson> {
  return {
    // What waits for a person first, and within both the newest.
    rows: [...conflicts].sort((a, b) => Number(b.state === 'open') - Number(a.state === 'open')),
    name: ({ id }) => id,
    texts: (one) => [one.id, one.table, one.pipeline, one.kind, one.state, one.winner, one.rule],
    columns: [
      { title: 'ID', drop: 0, width: 8, cell: ({ id }) => [span(id)], by: ({ decided }) => decided },
      { title: 'STATE', drop: 0, cell: (one) => [stateOf(one, glyphs)], by: ({ state }) => state },
      {
        title: 'DECIDED (UTC)',
        drop: 4,
        cell: ({ decided }) => [span(decided.slice(0, 19).replace('T', ' '), 'dim')],
        by: ({ decided }) => decided,
      },
      { title: 'TABLE', drop: 0, cell: ({ table }) => [span(printable(table))], by: ({ table }) => table },
      { title: 'KEY', drop: 1, cell: ({ key }) => [span(cut(keyText(key), 28, glyphs.more))] },
      { title: 'KIND', drop: 2, cell: ({ kind }) => [span(kind)], by: ({ kind }) => kind },
      {
        title: 'WINNER',
        drop: 3,
        cell: ({ winner, state }) => [state === 'open' ? span(glyphs.none, 'dim') : span(winner)],
        by: ({ winner }) => winner,
      },
      { title: 'BY', drop: 5, cell: ({ rule }) => [span(printable(rule), 'dim')], by: ({ rule }) => rule },
      { title: 'PIPELINE', drop: 6, cell: ({ pipeline }) => [span(pipeline, 'dim')], by: ({ pipeline }) => pipeline },
    ],
    none:
      unread.length === 0
        ? 'No conflict is in the logs of the databases.'
        : `The logs were not read: ${unread.map(({ database, code, message }) => `${database}: ${code}: ${message}`).join('; ')}`,
    open: ({ id }) => ({ kind: 'conflict', name: id }),
  };
}

/** @param write whether keys that decide are told of. */
export function conflictLines(one: ConflictJson, write: boolean, { glyphs, columns }: Paint): Line[] {
  const width = Math.max(20, columns - 20);
  const moment = (iso: string | null): string =>
    iso === null ? glyphs.none : `${iso.slice(0, 19).replace('T', ' ')} UTC`;
  return [
    line(span(`   ${one.id}`, 'accent'), `   ${one.kind}   `, stateOf(one, glyphs)),
    BLANK,
    fact('Table', span(printable(one.table), 'strong'), `   ${printable(keyText(one.key))}`),
    fact(
      one.state === 'decided' ? 'Decided' : 'Parked',
      `${moment(one.decided)} at ${one.database}, by ${printable(one.rule)}`,
    ),
    ...(one.state === 'decided' ? [fact('Winner', span(one.winner, 'strong'))] : []),
    ...(one.resolved === undefined
      ? []
      : [fact('Resolved', `${moment(one.resolved)} by ${printable(one.resolved_by ?? '')}`)]),
    fact('Incoming', `by ${one.pipeline}, committed ${moment(one.incoming_committed)}`),
    ...labelled('', wrap(`transaction ${one.incoming_transaction ?? glyphs.none}`, width), 'dim'),
    BLANK,
    ...(one.images === 'none'
      ? [line(span('   The rows were not kept: `conflict.log` of the table says so.', 'dim'))]
      : sides(one, columns, glyphs)),
    ...(one.images === 'cut' ? [BLANK, line(span('   Long values were cut when they were recorded.', 'dim'))] : []),
    ...(one.state === 'open' ? [BLANK, ...decide(one, write, glyphs)] : []),
  ];
}

function decide({ id }: ConflictJson, write: boolean, glyphs: Paint['glyphs']): Line[] {
  if (!write) return [line(span(`   ${glyphs.hint} otter conflicts resolve ${id} --take incoming|local|base`, 'warn'))];
  const key = (name: string, does: string): Span[] => [span(` ${name} `, 'strong'), span(`${does}  `, 'dim')];
  return [
    line(
      span('   It waits for a decision. To stand: ', 'warn'),
      ...key('i', 'the incoming row'),
      ...key('l', 'the row here'),
      ...key('b', 'the base'),
    ),
  ];
}

/** What is not as it was before is marked, by a star as well as by its tone. */
function sides({ incoming, local, base }: ConflictJson, columns: number, glyphs: Paint['glyphs']): Line[] {
  const images = [incoming ?? null, local ?? null, base ?? null];
  const names = [...new Set(images.flatMap((image) => Object.keys(image ?? {})))];
  const nameWidth = Math.min(24, Math.max(6, ...names.map((name) => textWidth(printable(name)))));
  const width = Math.max(8, Math.min(48, Math.floor((columns - nameWidth - 14) / 3)));
  const row = (name: Span, cells: readonly Span[]): Line => [
    span('   '),
    ...fitted([name], nameWidth, glyphs.more),
    ...cells.flatMap((cell) => [span('  '), ...fitted([cell], width, glyphs.more)]),
  ];
  const titles = ['INCOMING', 'HERE', 'BASE'].map((title, i) =>
    span(images[i] === null ? `${title} (no row)` : title, 'dim'),
  );
  const against = base ?? null;
  return [
    row(span('COLUMN', 'dim'), titles),
    ...names.flatMap((name) => {
      const values = images.map((image) =>
        image !== null && Object.hasOwn(image, name) ? (image[name] ?? 'NULL') : null,
      );
      const before = against === null ? [values[1], values[0]] : [values[2], values[2]];
      const cells = values.map((value, i) => {
        const marked = i < 2 && value !== null && before[i] !== null && value !== before[i];
        return { rows: value === null ? [] : wrap(value === '' ? "''" : value, width - 2).slice(0, 8), marked };
      });
      const height = Math.max(1, ...cells.map((cell) => cell.rows.length));
      return Array.from({ length: height }, (_, n) =>
        row(
          span(n === 0 ? printable(name) : ''),
          cells.map(({ rows, marked }) => {
            const text = rows[n];
            return text === undefined ? span('') : span(`${marked ? '*' : ' '} ${text}`, marked ? 'warn' : 'plain');
          }),
        ),
      );
    }),
  ];
}

function stateOf({ state }: ConflictJson, glyphs: Paint['glyphs']): Span {
  if (state === 'open') return span(`${glyphs.phases.pending} open`, 'warn');
  return state === 'decided' ? span(`${glyphs.alive} decided`, 'good') : span(`${glyphs.alive} resolved`, 'good');
}

function keyText(key: ConflictJson['key']): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${value ?? 'NULL'}`)
    .join(', ');
}
