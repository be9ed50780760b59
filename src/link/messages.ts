/**
 * The handshake: headers, the request, the opening, and errors as they travel.
 *
 * Rule: an error of the other side arrives with its own code, hint and retry, as if it had happened here; whatever is not an
 * OtterError there is one here, without stack and without values.
 */
import { CODES, type Code } from '../model/codes.ts';
import { type ErrorFacts, messageOf, OtterError } from '../model/error.ts';
import type { PipelineOpening, PipelineRequest } from '../model/ports.ts';
import type { Image, KnownTable } from '../model/row.ts';
import { definitionOf, keptDefinition, list, number, parseJson, record, string, unreadable } from './decode.ts';

export const PATH = '/otter/pipeline';
export const HEADER = {
  protocol: 'x-otter-protocol',
  lineage: 'x-otter-lineage',
  database: 'x-otter-database',
  /** Of the token, where nodes share one: of the client `NONCE PROOF`, of the server `PROOF`. */
  proof: 'x-otter-proof',
} as const;

export function encodeRequest(request: PipelineRequest): string {
  return JSON.stringify(request);
}

/** @throws OtterError OT6007 */
export function decodeRequest(payload: string): PipelineRequest {
  const { pipeline, generation, from, copied, known, making } = record(parseJson(payload));
  return {
    pipeline: string(pipeline),
    generation: number(generation),
    from: from === null ? null : place(record(from)),
    copied: Object.fromEntries(
      Object.entries(record(copied)).map(([table, entry]) => [table, copyCursor(record(entry))]),
    ),
    known: Object.fromEntries(
      Object.entries(record(known)).map(([table, entry]) => [table, knownTable(record(entry))]),
    ),
    making: Object.fromEntries(Object.entries(record(making)).map(([table, entry]) => [table, definitionOf(entry)])),
  };
}

function place(from: Record<string, unknown>): NonNullable<PipelineRequest['from']> {
  return { position: string(from['position']), clock: number(from['clock']), seen: texts(from['seen']) };
}

export function encodeOpening({ position, clock, seen, logsCascades }: PipelineOpening): string {
  return JSON.stringify({ position, clock, seen, logsCascades });
}

/** @throws OtterError OT6007 */
export function decodeOpening(payload: string): PipelineOpening {
  const opening = record(parseJson(payload));
  return { ...place(opening), logsCascades: opening['logsCascades'] === true };
}

export function encodeError(error: OtterError): string {
  const { code, message, hint, where, retry } = error;
  return JSON.stringify({ code, message, hint: hint ?? null, where, retry });
}

/** An error that the other side reported; one with a code of a later version keeps its words. @throws OtterError OT6007 */
export function decodeError(payload: string): OtterError {
  const { code, message, hint, where, retry } = record(parseJson(payload));
  const facts: ErrorFacts = {
    hint: hint === null ? undefined : string(hint),
    where: Object.fromEntries(Object.entries(record(where)).filter(isFact)),
    retry: retry === 'never' ? 'never' : 'backoff',
  };
  const known = Object.hasOwn(CODES, string(code));
  return known
    ? new OtterError(code as Code, string(message), facts)
    : new OtterError('OT6009', `${string(code)}: ${string(message)}`, facts);
}

/** What leaves a link, near or far: an OtterError, or one made of a fault that should not have been. */
export function linkError(error: unknown): OtterError {
  if (error instanceof OtterError) return error;
  return new OtterError('OT6009', `the source failed: ${messageOf(error)}`, { retry: 'backoff', cause: error });
}

/** `node`: null for this one. */
export function notOwned(node: string | null, database: string): OtterError {
  return new OtterError(
    'OT6003',
    `${node === null ? 'this node' : `node ${node}`} does not own database ${database} now`,
    {
      retry: 'backoff',
      where: { database, ...(node === null ? {} : { node }) },
    },
  );
}

function isFact(entry: [string, unknown]): entry is [string, string | number] {
  return typeof entry[1] === 'string' || typeof entry[1] === 'number';
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const found = record(value);
  for (const text of Object.values(found)) string(text);
  return found as Readonly<Record<string, string>>;
}

function knownTable({ structure, since, definition }: Readonly<Record<string, unknown>>): KnownTable {
  return {
    structure: string(structure),
    since: since === null ? null : string(since),
    ...keptDefinition(definition),
  };
}

function copyCursor({ cursor, done, rows }: Readonly<Record<string, unknown>>): PipelineRequest['copied'][string] {
  if (typeof done !== 'boolean') throw unreadable('a copy cursor without its facts');
  if (cursor !== null) for (const value of list(cursor)) if (value !== null) string(value);
  return { cursor: cursor as Image | null, done, rows: number(rows) };
}
