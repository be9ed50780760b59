/** What is different between two looks at a topology, as lines for the list of events. Pure. */
import type { NodeStatus, PipelineStatus, StatusReport } from '../model/status.ts';
import { allPipelines } from './figures.ts';
import type { Tone } from './text.ts';

export interface Happening {
  readonly atMs: number;
  /** The pipeline, node, or `state store`. */
  readonly about: string;
  readonly text: string;
  readonly tone: Tone;
}

/** What one look gave. */
interface Look {
  readonly report: StatusReport | null;
  /** Why the state store does not answer. */
  readonly away: string | null;
}

/** The first look tells nothing: what it finds has not just happened. */
export function happenings(
  before: { readonly report: StatusReport | null; readonly away: { readonly reason: string } | null },
  after: Look,
  atMs: number,
): Happening[] {
  const store = ofStore(before.away !== null, after.away);
  if (before.report === null || after.report === null || before.report === after.report) return timed(store, atMs);
  const serial =
    before.report.serial === after.report.serial
      ? []
      : [{ about: after.report.topology, text: `serial ${after.report.serial} is applied`, tone: 'accent' as const }];
  return timed(
    [
      ...store,
      ...serial,
      ...changed(before.report.nodes, after.report.nodes, ofNode),
      ...changed(allPipelines(before.report), allPipelines(after.report), ofPipeline),
      ...ofAlerts(before.report.alerts, after.report.alerts),
    ],
    atMs,
  );
}

/** Nodes that are asked in the store's place tell nothing of alerts. */
function ofAlerts(was: StatusReport['alerts'], is: StatusReport['alerts']): Untimed[] {
  if (was === undefined || is === undefined) return [];
  const [before, after] = [was, is].map(({ firing }) => new Map(firing.map((one) => [one.alert, one])));
  return [
    ...is.firing
      .filter(({ alert, since }) => before!.get(alert)?.since !== since)
      .map(({ alert, about }): Untimed => {
        const what = about.map(({ name, says }) => `${name}: ${says}`).join('; ');
        return { about: `alert ${alert}`, text: `fires: ${what}`, tone: 'bad' };
      }),
    ...was.firing
      .filter(({ alert }) => !after!.has(alert))
      .map(({ alert }): Untimed => ({ about: `alert ${alert}`, text: 'is over', tone: 'good' })),
  ];
}

type Untimed = Omit<Happening, 'atMs'>;

function timed(found: readonly Untimed[], atMs: number): Happening[] {
  return found.map((one) => ({ ...one, atMs }));
}

function ofStore(was: boolean, away: string | null): Untimed[] {
  if (was === (away !== null)) return [];
  return [
    away === null
      ? { about: 'state store', text: 'answers again', tone: 'good' }
      : { about: 'state store', text: `does not answer: ${away}`, tone: 'bad' },
  ];
}

/** Those that came, went, or are told of by `tell`. */
function changed<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
  tell: (was: T, is: T) => Untimed[],
): Untimed[] {
  const known = new Map(before.map((one) => [one.name, one]));
  const there = new Set(after.map((one) => one.name));
  return [
    ...after.flatMap((is): Untimed[] => {
      const was = known.get(is.name);
      return was === undefined ? [{ about: is.name, text: 'is there now', tone: 'accent' }] : tell(was, is);
    }),
    ...before.flatMap(({ name }): Untimed[] =>
      there.has(name) ? [] : [{ about: name, text: 'is gone', tone: 'warn' }],
    ),
  ];
}

function ofNode(was: NodeStatus, is: NodeStatus): Untimed[] {
  const about = `node ${is.name}`;
  if (was.alive !== is.alive) {
    return [is.alive ? { about, text: 'is back', tone: 'good' } : { about, text: 'is away', tone: 'bad' }];
  }
  const owned = is.databases.filter((one) => !was.databases.includes(one));
  const left = was.databases.filter((one) => !is.databases.includes(one));
  return [
    ...(owned.length === 0 ? [] : [{ about, text: `owns ${owned.join(', ')} now`, tone: 'plain' as const }]),
    ...(left.length === 0 ? [] : [{ about, text: `has given up ${left.join(', ')}`, tone: 'warn' as const }]),
  ];
}

function ofPipeline(was: PipelineStatus, is: PipelineStatus): Untimed[] {
  const about = is.name;
  const { error } = is;
  if (error !== null && was.error?.code !== error.code) {
    return [{ about, text: `${is.phase}: ${error.code} ${error.message}`, tone: 'bad' }];
  }
  if (was.phase !== is.phase) {
    const tone = is.phase === 'streaming' ? 'good' : is.phase === 'failed' ? 'bad' : 'warn';
    return [{ about, text: `${was.phase}, now ${is.phase}`, tone }];
  }
  if (was.error !== null && error === null) return [{ about, text: 'goes on', tone: 'good' }];
  return [];
}
