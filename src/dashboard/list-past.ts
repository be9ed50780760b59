/** Runs (plans that were carried out, or are being) and events (the audit, and what changed while the dashboard was open) as lists; one run alone. */
import type { AuditRecord } from '../model/records.ts';
import { bar } from './charts.ts';
import type { Past, RunSeen } from './desk.ts';
import { fact } from './facts.ts';
import { clock, duration } from './figures.ts';
import type { Happening } from './happenings.ts';
import type { ListOf } from './list.ts';
import type { Paint } from './paint.ts';
import { BLANK, type Line, line, printable, type Span, span, type Tone, wrap } from './text.ts';

export function runList(past: Past, { glyphs, nowMs }: Paint): ListOf<RunSeen> {
  return {
    rows: past.runs,
    name: ({ id }) => id,
    texts: (run) => [run.id, run.operation, run.by, run.state, ...(run.changes ?? []).map(({ address }) => address)],
    columns: [
      { title: 'SERIAL', align: 'right', drop: 0, cell: (run) => [span(String(run.serial))], by: (run) => run.serial },
      { title: 'RUN', drop: 0, cell: (run) => [span(printable(run.operation))], by: (run) => run.operation },
      { title: 'STATE', drop: 0, width: 10, cell: (run) => [stateOf(run, glyphs)], by: (run) => run.state },
      {
        title: 'STEPS',
        drop: 4,
        width: 16,
        cell: (run) => steps(run, 10, glyphs),
        by: ({ batches }) => batches.total,
      },
      {
        title: 'CHANGES',
        drop: 1,
        width: 10,
        cell: (run) => summary(run),
        by: ({ summary: of }) => of.add + of.change + of.destroy,
      },
      { title: 'BY', drop: 2, cell: (run) => [span(printable(run.by))], by: (run) => run.by },
      {
        title: 'WHEN',
        drop: 3,
        cell: (run) => [run.at === null ? span(glyphs.none, 'dim') : span(when(run.at, nowMs), 'dim')],
        by: ({ at }) => at,
      },
      {
        title: 'COMMIT',
        drop: 5,
        cell: (run) => [run.commit === null ? span(glyphs.none, 'dim') : span(run.commit.slice(0, 7))],
      },
    ],
    none: 'Nothing has been applied yet.',
    open: ({ id }) => ({ kind: 'run', name: id }),
  };
}

export function runLines(past: Past, id: string, { glyphs, columns, nowMs }: Paint): Line[] {
  const run = past.runs.find((one) => one.id === id);
  if (run === undefined) return [line(`  Run ${id} is gone.`)];
  const { changes } = run;
  return [
    line(span(`   serial ${run.serial}`, 'accent'), `   ${run.operation}   `, stateOf(run, glyphs)),
    BLANK,
    fact(
      'By',
      printable(run.by),
      span(run.at === null ? '' : `   ${when(run.at, nowMs)}, ${run.at.slice(0, 19).replace('T', ' ')} UTC`, 'dim'),
    ),
    fact('Commit', run.commit === null ? glyphs.none : run.commit),
    fact('Steps', ...steps(run, 24, glyphs)),
    fact('Changes', ...summary(run)),
    ...(run.state === 'cut' ? [fact('', span(`${glyphs.hint} otter apply --resume goes on with it`, 'warn'))] : []),
    BLANK,
    ...(changes === null
      ? [line(span('   Its plan was not kept.', 'dim'))]
      : changes.flatMap((change) => [
          line(
            span(`   ${change.written ? glyphs.alive : glyphs.phases.pending} `, change.written ? 'good' : 'dim'),
            span(`${change.symbol.padEnd(3)} `, symbolTone(change.symbol)),
            span(change.address, 'strong'),
            span(`   ${printable(change.reason)}`, 'dim'),
          ),
          ...change.effects.flatMap((effect) =>
            wrap(effect, Math.max(20, columns - 12)).map((text) => line(span(`          ${text}`, 'dim'))),
          ),
        ])),
  ];
}

function symbolTone(symbol: string): Tone {
  return symbol === '+' ? 'good' : symbol === '~' ? 'warn' : 'bad';
}

function stateOf({ state }: RunSeen, glyphs: Paint['glyphs']): Span {
  switch (state) {
    case 'running':
      return span(`${glyphs.phases.copying} running`, 'busy');
    case 'cut':
      return span(`${glyphs.away} cut`, 'bad');
    case 'done':
      return span(`${glyphs.alive} done`, 'good');
  }
}

function steps({ batches, state }: RunSeen, width: number, glyphs: Paint['glyphs']): Line {
  const share = batches.total === 0 ? 0 : batches.done / batches.total;
  const tone = state === 'done' ? 'good' : state === 'running' ? 'busy' : 'bad';
  return [span(bar(share, width, glyphs), tone), span(` ${batches.done}/${batches.total}`)];
}

function summary({ summary: { add, change, destroy } }: RunSeen): Line {
  const part = (sign: string, value: number, tone: Tone): Span => span(`${sign}${value} `, value > 0 ? tone : 'dim');
  return [part('+', add, 'good'), part('~', change, 'warn'), part('-', destroy, 'bad')];
}

/** `12 s ago`, and what is older than a day by its date. */
function when(iso: string, nowMs: number): string {
  const ago = nowMs - Date.parse(iso);
  return ago < 86_400_000 ? `${duration(Math.max(0, ago))} ago` : iso.slice(0, 16).replace('T', ' ');
}

// ---------------------------------------------------------------- events

/** One line of the list. */
interface Event {
  readonly id: string;
  readonly atMs: number;
  readonly kind: string;
  readonly about: string;
  readonly text: string;
  readonly tone: Tone;
}

export function eventList(audit: readonly AuditRecord[], happened: readonly Happening[]): ListOf<Event> {
  const events: Event[] = [
    ...audit.map((record, index) => ({ ...audited(record), id: `audit ${audit.length - index}` })),
    ...happened.map((one, index) => ({ ...one, id: `state ${one.atMs} ${index}`, kind: 'state' })).reverse(),
  ].sort((a, b) => b.atMs - a.atMs);
  return {
    rows: events,
    name: ({ id }) => id,
    texts: ({ kind, about, text }) => [kind, about, text],
    columns: [
      { title: 'TIME', drop: 0, cell: ({ atMs }) => [span(moment(atMs), 'dim')], by: ({ atMs }) => atMs },
      {
        title: 'KIND',
        drop: 2,
        cell: ({ kind }) => [span(kind, kind === 'audit' ? 'accent' : 'dim')],
        by: ({ kind }) => kind,
      },
      { title: 'ABOUT', drop: 0, width: 12, cell: ({ about }) => [span(printable(about))], by: ({ about }) => about },
      { title: 'WHAT', drop: 1, width: 20, growTo: 200, cell: ({ text, tone }) => [span(printable(text), tone)] },
    ],
    none: 'Nothing yet. What people change stands here from the audit, and what changes state from when this dashboard was opened.',
  };
}

function audited({ at, by, host, command, what, result, code }: AuditRecord): Omit<Event, 'id'> {
  const end = result === 'begun' ? 'begun, and not ended' : code === null ? result : `${result} (${code})`;
  return {
    atMs: Date.parse(at),
    kind: 'audit',
    about: `${by}@${host}`,
    text: `${command}: ${what}: ${end}`,
    tone: result === 'done' ? 'plain' : result === 'begun' ? 'warn' : 'bad',
  };
}

/** The day, where it is not this one, is told by the date in local time. */
function moment(ms: number): string {
  const date = new Date(ms);
  const day = [date.getMonth() + 1, date.getDate()].map((value) => String(value).padStart(2, '0')).join('-');
  return `${day} ${clock(ms)}`;
}
