/**
 * Which endpoint of a database is used: decided here, from what each of them said.
 *
 * Rules kept. Whoever is in use stays in use as long as it answers and takes writes, whatever the others say: nothing goes
 * back by itself. Another takes over only when it takes writes, applies nothing of another server any more, and has everything
 * that was read of the log. Where nobody knows yet what was read, and several take writes, the one that has everything of the
 * others is the one; if there is none, two servers have gone ways of their own and a person must say which counts.
 */
import { messageOf, OtterError } from '../model/error.ts';
import { parsePosition } from '../model/position.ts';
import { type Executed, hasAllOf, isRelated, missing } from './executed.ts';

/** What was found out about an endpoint. */
export type Sighting =
  | {
      readonly kind: 'answers';
      readonly readOnly: boolean;
      readonly replicates: boolean | 'unseen';
      readonly has: Executed;
    }
  /** Not there: a connection was refused, broke, or was not made in time. */
  | { readonly kind: 'gone'; readonly error: OtterError }
  /** There, and does not let us in. */
  | { readonly kind: 'refuses'; readonly error: OtterError };

export interface Choice {
  /** Index of the endpoint to use; null: none. */
  readonly index: number | null;
  /** Why none is, or null. */
  readonly error: OtterError | null;
}

export interface Question {
  /** The database, for messages. */
  readonly name: string;
  readonly endpoints: readonly string[];
  /** Of each endpoint, in their order. */
  readonly sightings: readonly Sighting[];
  /** Index of the endpoint in use; null: none has been used yet. */
  readonly used: number | null;
  /** Up to where the log of the one in use has been read, by each who reads it. */
  readonly read: readonly string[];
  /** What the one in use had when it was last seen; null: not known. */
  readonly had: Executed | null;
}

export function choose(question: Question): Choice {
  const { sightings, used } = question;
  if (used !== null && isAtWork(sightings[used])) return { index: used, error: null };
  const fit = sightings.flatMap((_, index) => (obstacle(question, index) === null ? [index] : []));
  if (fit.length > 0) return among(question, fit);
  if (used !== null) return { index: null, error: nobody(question) };
  // Whoever comes first may be a replica of a server that is not ours to write; and of one that is not fit it is said best by itself.
  const first = sightings.findIndex((sighting) => sighting.kind !== 'gone');
  if (first < 0 || first > 0) return { index: null, error: nobody(question) };
  return { index: first, error: null };
}

function isAtWork(sighting: Sighting | undefined): boolean {
  return sighting?.kind === 'refuses' || (sighting?.kind === 'answers' && !sighting.readOnly);
}

/** Why this endpoint cannot take over, in words that follow its name; null: it can. */
function obstacle({ name, sightings, read, had }: Question, index: number): string | null {
  const sighting = sightings[index]!;
  if (sighting.kind !== 'answers') return withoutName(sighting.error, name);
  if (sighting.readOnly) return 'it is read-only';
  if (sighting.replicates === true) return 'it still replicates from another server';
  if (sighting.replicates === 'unseen')
    return 'the account may not see whether it replicates from another server (`GRANT REPLICATION CLIENT ON *.*`)';
  if (had !== null && !isRelated(sighting.has, had))
    return 'it has nothing of the log of the one in use: it is no replica';
  const lacks = read.map((position) => missing(sighting.has, parsePosition(position))).find((each) => each !== null);
  return lacks === undefined ? null : `it lacks transactions that were read already (${lacks})`;
}

function among({ name, endpoints, sightings }: Question, fit: readonly number[]): Choice {
  const has = (index: number): Executed => (sightings[index] as Extract<Sighting, { kind: 'answers' }>).has;
  const index = fit.find((one) => fit.every((other) => hasAllOf(has(one), has(other))));
  if (index === undefined) {
    const said = fit.map((each) => endpoints[each]).join(' and ');
    return {
      index: null,
      error: new OtterError(
        'OT4081',
        `${name}: ${said} all take writes, and each has transactions that another lacks`,
        {
          where: { database: name },
          hint: 'Find out which is the primary, run `SET GLOBAL read_only = ON` on the others, and look at what they have more.',
        },
      ),
    };
  }
  // One that is preferred and does not let us in may be the primary.
  const before = sightings.slice(0, index).find((sighting) => sighting.kind === 'refuses');
  return before?.kind === 'refuses' ? { index: null, error: before.error } : { index, error: null };
}

/** What is wrong with the one in use, if there is one, and why none of the others is used. */
function nobody(question: Question): OtterError {
  const { name, endpoints, sightings, used } = question;
  const others = sightings.flatMap((sighting, index) => (index === used ? [] : [{ sighting, index }]));
  const said = others.map(({ index }) => `${endpoints[index]}: ${obstacle(question, index)}`).join('; ');
  if (used === null) {
    const error = others.flatMap(({ sighting }) => (sighting.kind === 'answers' ? [] : [sighting.error])).at(-1);
    return new OtterError(error?.code ?? 'OT4007', `${name}: no endpoint can be used: ${said}`, {
      where: { database: name, ...error?.where },
      retry: error?.retry ?? 'backoff',
      cause: error?.cause,
    });
  }
  const own = sightings[used]!;
  const where = { database: name, endpoint: endpoints[used]! };
  const why = own.kind === 'answers' ? `${endpoints[used]} is read-only` : withoutName(own.error, name);
  if (others.some(({ index }) => onlyLacks(question, index)))
    return new OtterError('OT4080', `${name}: ${why}; no other endpoint has everything that was read: ${said}`, {
      where,
      hint: 'bring the former primary back, or put the transactions into the new one (`otter explain OT4080` says how); otter then goes on by itself',
    });
  const code = own.kind === 'answers' ? 'OT4007' : own.error.code;
  return new OtterError(code, `${name}: ${why}; no other endpoint takes over: ${said}`, { where, retry: 'backoff' });
}

/** Errors of a database begin with its name. */
function withoutName(error: OtterError, name: string): string {
  const said = messageOf(error);
  return said.startsWith(`${name}: `) ? said.slice(name.length + 2) : said;
}

/** Nothing but its history keeps it from taking over. */
function onlyLacks({ sightings, ...question }: Question, index: number): boolean {
  const sighting = sightings[index]!;
  if (sighting.kind !== 'answers') return false;
  return (
    obstacle({ ...question, sightings }, index) !== null &&
    obstacle({ ...question, sightings, read: [] }, index) === null
  );
}
