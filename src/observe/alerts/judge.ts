/**
 * Whether the condition of an alert holds, and for what.
 *
 * What is not known makes a test neither true nor false, and that neither begins an incident nor ends one.
 */
import type { Condition, Test } from '../../model/alerts/condition.ts';
import { factsIn } from '../../model/alerts/condition.ts';
import type { About } from '../../model/alerts/records.ts';
import type { Comparison } from '../../model/alerts/tests.ts';
import { saidDuration } from '../../model/alerts/times.ts';
import { explain } from '../../model/codes.ts';

/** Null: not known. Durations are milliseconds, sizes bytes; a text or word that is not there is empty. */
export type FactValue = number | string | boolean | null;

/** One thing that can be asked about: a pipeline, a database, a node. */
export interface Subject {
  readonly name: string;
  readonly facts: Readonly<Record<string, FactValue>>;
  /** How often something happened, counted from when the looking began; null: not known at the moment. */
  readonly counts: Readonly<Record<string, number | null>>;
}

export type Holds = 'yes' | 'no' | 'unknown';

export interface Verdict {
  readonly holds: Holds;
  /** What it holds for. */
  readonly about: readonly About[];
}

/** @param within how much of a count came within the last `perMs`; null: not known */
export function judge(condition: Condition, subjects: readonly Subject[], within: Within): Verdict {
  const each = subjects.map((subject) => ({ subject, holds: holdsFor(condition, subject, within) }));
  const about = each.flatMap(({ subject, holds }) =>
    holds === 'yes' ? [{ name: subject.name, says: saysOf(condition, subject, within) }] : [],
  );
  return { holds: subjects.length === 0 ? 'unknown' : some(each.map(({ holds }) => holds)), about };
}

export interface Counted {
  readonly count: number;
  /** Whether the looking has lasted that long; until then it may have been more. */
  readonly whole: boolean;
}

export type Within = (subject: Subject, fact: string, perMs: number) => Counted | null;

function holdsFor({ any }: Condition, subject: Subject, within: Within): Holds {
  return some(any.map((all) => every(all.map((test) => holdsOne(test, subject, within)))));
}

function holdsOne(test: Test, subject: Subject, within: Within): Holds {
  if (test.kind === 'rate') {
    const counted = within(subject, test.fact, test.perMs);
    if (counted === null) return 'unknown';
    const holds = compare(counted.count, test.sign, test.than);
    // What is only known in part may have been more, never less.
    const lasts = test.sign.startsWith('>') ? holds : test.sign.startsWith('<') && !holds;
    return counted.whole || lasts ? truth(holds) : 'unknown';
  }
  const value = subject.facts[test.fact] ?? null;
  if (value === null) return 'unknown';
  switch (test.kind) {
    case 'is':
      return truth(value !== false && value !== '');
    case 'number':
      return truth(compare(Number(value), test.sign, test.than));
    case 'word':
      return truth((value === test.word) === (test.sign === '='));
    case 'text':
      return truth(test.pattern.found(String(value)) === (test.sign === '~'));
    default:
      return test satisfies never;
  }
}

function compare(value: number, sign: Comparison, than: number): boolean {
  switch (sign) {
    case '>':
      return value > than;
    case '>=':
      return value >= than;
    case '<':
      return value < than;
    case '<=':
      return value <= than;
    case '=':
      return value === than;
    case '!=':
      return value !== than;
    default:
      return sign satisfies never;
  }
}

function truth(value: boolean): Holds {
  return value ? 'yes' : 'no';
}

function some(all: readonly Holds[]): Holds {
  if (all.includes('yes')) return 'yes';
  return all.includes('unknown') ? 'unknown' : 'no';
}

function every(all: readonly Holds[]): Holds {
  if (all.includes('no')) return 'no';
  return all.includes('unknown') ? 'unknown' : 'yes';
}

/** What was asked, as it is. Messages of errors stay out: they may name a key. */
function saysOf(condition: Condition, subject: Subject, within: Within): string {
  const rates = new Map(
    condition.any.flat().flatMap((test) => (test.kind === 'rate' ? [[test.fact, test.perMs]] : [])),
  );
  const numbers = new Set(['memory', 'open_conflicts', 'dead_letters', 'databases', 'backlog', 'missing', 'differing']);
  return factsIn(condition)
    .flatMap((fact) => {
      const perMs = rates.get(fact);
      const value = perMs === undefined ? (subject.facts[fact] ?? null) : (within(subject, fact, perMs)?.count ?? null);
      if (value === null || value === false || value === '') return [];
      if (value === true) return [fact];
      if (perMs !== undefined) return [`${fact} ${value} in ${saidDuration(perMs)}`];
      if (fact === 'memory') return [`memory ${Math.round(Number(value) / 1e6)} MB`];
      if (typeof value === 'number') return [`${fact} ${numbers.has(fact) ? value : saidDuration(value)}`];
      return [fact === 'error' ? `error ${titled(value)}` : `${fact} ${value}`];
    })
    .join(', ');
}

/** `OT4001 (Database unreachable)` for each error of a text. */
function titled(errors: string): string {
  const codes = [...new Set(errors.match(/^OT\d{4}/gm) ?? [])];
  return codes.map((code) => `${code} (${explain(code)?.title ?? 'unknown'})`).join(', ');
}
