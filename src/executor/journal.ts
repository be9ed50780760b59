/**
 * The journal of applies: the plan that a run carries out, and what of it is written.
 *
 * Rules: a batch's record is in the transaction of its changes, so what the journal says is written is written, and what
 * it does not say is not, or was under way when its process ended: such a write compares a lock that is gone as soon as
 * somebody else holds it. The plan is there before or with the first change.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { OtterError } from '../model/error.ts';
import type { Entry, Put, StateStore } from '../model/ports.ts';
import type { BatchRecord, PlanPartRecord } from '../model/records.ts';
import type { Plan } from '../planner/plan.ts';
import { parseKey, runKey, runsPrefix } from '../state/keys.ts';

/** Beyond this the text is packed, and written in pieces of this. Fits into one transaction beside a batch, also in wide characters. */
const PART_CHARACTERS_MAX = 100_000;
/** Pieces of one transaction: below 1.4 MB. */
export const PARTS_PER_COMMIT = 10;

/** A batch that is written. */
export interface WrittenBatch {
  readonly record: BatchRecord;
  /** Of the store; what was imported comes before. */
  readonly order: number;
  readonly revision: number;
}

export interface Run {
  readonly id: string;
  /** Null where an earlier version kept none, or not all of it was written. */
  readonly plan: Plan | null;
  /** In the order in which they were written. */
  readonly batches: readonly WrittenBatch[];
}

/** The name of a run: the same plan, begun again, is the same run. */
export function runOf({ serial, plan_digest }: Pick<Plan, 'serial' | 'plan_digest'>): string {
  const letters = [...plan_digest].filter((c) => /[0-9A-Za-z]/.test(c)).join('');
  return `${serial}-${letters.slice(-12)}`;
}

/** The plan as it is kept, in one piece or many. */
export function planParts(topology: string, plan: Plan): Put[] {
  const text = JSON.stringify(plan);
  const packed = text.length > PART_CHARACTERS_MAX;
  const body = packed ? gzipSync(text).toString('base64') : text;
  const parts = Math.max(1, Math.ceil(body.length / PART_CHARACTERS_MAX));
  return Array.from({ length: parts }, (_, part) => ({
    key: runKey(topology, runOf(plan), 'plan', String(part)),
    value: JSON.stringify({
      encoding: packed ? 'gzip' : 'text',
      part,
      parts,
      text: body.slice(part * PART_CHARACTERS_MAX, (part + 1) * PART_CHARACTERS_MAX),
    } satisfies PlanPartRecord),
  }));
}

/** All runs, the one that wrote last at the end; those that wrote nothing first. @throws OtterError OT3007 */
export async function readRuns(store: StateStore, topology: string, signal?: AbortSignal): Promise<Run[]> {
  const { entries } = await store.list(runsPrefix(topology), { signal });
  const parts = new Map<string, PlanPartRecord[]>();
  const batches = new Map<string, WrittenBatch[]>();
  for (const entry of entries) {
    const key = parseKey(entry.key);
    if (key?.at !== 'run') continue;
    const [first, second] = key.path;
    if (first === 'plan') add(parts, key.id, parse<PlanPartRecord>(entry));
    else if (second === undefined) {
      const record = parse<BatchRecord>(entry);
      add(batches, key.id, { record, order: record.order ?? entry.revision, revision: entry.revision });
    }
  }
  const runs = [...new Set([...parts.keys(), ...batches.keys()])].map((id) => ({
    id,
    plan: planOf(id, parts.get(id) ?? []),
    batches: (batches.get(id) ?? []).sort((a, b) => a.order - b.order),
  }));
  const last = ({ batches: written }: Run): number => written.at(-1)?.order ?? Number.NEGATIVE_INFINITY;
  return runs.sort((a, b) => (last(a) === last(b) ? (a.id < b.id ? -1 : 1) : last(a) - last(b)));
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function planOf(run: string, parts: PlanPartRecord[]): Plan | null {
  const [first] = parts;
  if (first === undefined || parts.length !== first.parts) return null;
  const body = [...parts]
    .sort((a, b) => a.part - b.part)
    .map(({ text }) => text)
    .join('');
  try {
    const text = first.encoding === 'gzip' ? gunzipSync(Buffer.from(body, 'base64')).toString() : body;
    return JSON.parse(text) as Plan;
  } catch (error) {
    throw new OtterError('OT3007', 'the plan in a journal is not understood', { where: { run }, cause: error });
  }
}

function parse<T>({ key, value }: Entry): T {
  try {
    return JSON.parse(value) as T;
  } catch (error) {
    throw new OtterError('OT3007', 'a record in the state store is not understood', { where: { key }, cause: error });
  }
}
