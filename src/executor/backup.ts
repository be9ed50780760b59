/**
 * The state of a topology as one file, and the way back into a store.
 *
 * Kept is what apply and people wrote: objects, pauses, places, history with its plans, audit. What nodes write, and leases, is of
 * the moment and not in it. No secret is in a state, so none is in its file.
 *
 * Rules of the way back: into a store that holds nothing of the topology; `meta` last, so that nodes begin nothing before all
 * of it is there; what came into being in the other store is told from what comes into being here, and generations that may
 * have been given there after the export are never given here, so that positions at the databases fit or are not used.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { Condition, Put, StateStore } from '../model/ports.ts';
import type { BatchRecord, MetaRecord } from '../model/records.ts';
import { canonicalText } from '../planner/canonical.ts';
import { parseKey, topologyPrefix } from '../state/keys.ts';
import type { Lock } from '../state/lock.ts';
import { type FormatStep, type Kept, type Migration, migrationOf } from './formats.ts';

export interface KeptEntry {
  readonly value: Kept;
  /** Revisions of the store it came from. */
  readonly created: number;
  readonly revision: number;
}

export interface StateFile {
  readonly format: 'otter-state';
  /** Of the file; that of the records is in `meta`. */
  readonly version: 1;
  readonly otter: string;
  readonly topology: string;
  readonly exported_at: string;
  readonly exported_by: string;
  /** Of the store when it was read. */
  readonly revision: number;
  /** By the path of the key below the topology. */
  readonly entries: Readonly<Record<string, KeptEntry>>;
  /** SHA-256 of everything else, keys sorted. */
  readonly digest: string;
}

const ROOMS = new Set(['meta', 'spec', 'pause', 'place', 'history', 'run', 'audit']);
/** Above every revision that the other store can have come to after the export. */
const REVISIONS_AHEAD = 1e12;
/** Above every generation that can have been given there after the export. */
const GENERATIONS_AHEAD = 10_000;
const COMMIT_KEYS_MAX = 50;
const COMMIT_BYTES_MAX = 500_000;

export interface ExportFacts {
  readonly otter: string;
  readonly exported_at: string;
  readonly exported_by: string;
  readonly digest: (text: string) => string;
}

/** @throws OtterError OT7005 when there is nothing, OT3007 */
export async function exportState(
  store: StateStore,
  topology: string,
  { digest, ...facts }: ExportFacts,
  signal?: AbortSignal,
): Promise<StateFile> {
  const { revision, records } = await readKept(store, topology, signal);
  if (!records.has('meta')) {
    throw new OtterError('OT7005', `topology ${topology} was never applied to ${store.url}`, {
      hint: 'Is it another store, or another topology? --state and -t say which.',
    });
  }
  const unsigned = {
    format: 'otter-state' as const,
    version: 1 as const,
    ...facts,
    topology,
    revision,
    entries: Object.fromEntries(records),
  };
  return { ...unsigned, digest: digest(canonicalText(unsigned)) };
}

/** All that is kept of a topology, at one revision. @throws OtterError OT3007 */
export async function readKept(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
): Promise<{ readonly revision: number; readonly records: Map<string, KeptEntry> }> {
  const prefix = topologyPrefix(topology);
  const { revision, entries } = await store.list(prefix, { signal });
  const records = new Map<string, KeptEntry>();
  for (const entry of entries) {
    const parsed = parseKey(entry.key);
    if (parsed === null || !ROOMS.has(parsed.at)) continue;
    let value: unknown;
    try {
      value = JSON.parse(entry.value);
    } catch (error) {
      throw notUnderstood(entry.key, error);
    }
    if (typeof value !== 'object' || value === null) throw notUnderstood(entry.key);
    records.set(entry.key.slice(prefix.length), {
      value: value as Kept,
      created: entry.created,
      revision: entry.revision,
    });
  }
  return { revision, records };
}

function notUnderstood(key: string, cause?: unknown): OtterError {
  return new OtterError('OT3007', 'a record in the state store is not understood', { where: { key }, cause });
}

/** @throws OtterError OT7003 when it is no such file, or was changed */
export function readStateFile(text: string, digest: (text: string) => string): StateFile {
  const refuse = (why: string, cause?: unknown): OtterError =>
    new OtterError('OT7003', `the file is not an exported state: ${why}`, {
      hint: 'Write one with `otter state export > FILE`.',
      cause,
    });
  let value: Partial<StateFile>;
  try {
    value = JSON.parse(text) as Partial<StateFile>;
  } catch (error) {
    throw refuse('it is not JSON', error);
  }
  if (typeof value !== 'object' || value === null || value.format !== 'otter-state')
    throw refuse('it has another form');
  if (value.version !== 1) throw refuse(`it has version ${String(value.version)}, and this version of otter reads 1`);
  const { digest: told, ...rest } = value as StateFile;
  let own: string;
  try {
    own = digest(canonicalText(rest));
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  if (own !== told) throw refuse('its digest does not fit, so it was cut or changed');
  const { topology, entries } = rest;
  for (const path of Object.keys(entries)) {
    const parsed = parseKey(topologyPrefix(topology) + path);
    if (parsed === null || parsed.topology !== topology || !ROOMS.has(parsed.at))
      throw refuse(`it has the key ${path}`);
  }
  if (entries['meta'] === undefined) throw refuse('it has no meta');
  return value as StateFile;
}

/** What formats the records of a file go through on their way. */
export function migrationOfFile(file: StateFile, formats?: { steps: readonly FormatStep[]; to: number }): Migration {
  const records = new Map(Object.entries(file.entries).map(([path, { value }]) => [path, value]));
  return migrationOf(records, Number(file.entries['meta']!.value['format']), formats);
}

/** The records as they are written into the new store; the same file gives the same ones. */
export function recordsToWrite(file: StateFile, { changes, to }: Migration): Map<string, Kept> {
  const upgraded = new Map(changes.map(({ path, after }) => [path, after]));
  const upgradedAt = (path: string): Kept => upgraded.get(path) ?? file.entries[path]!.value;
  const was = upgradedAt('meta') as unknown as MetaRecord;
  const base = was.revisionBase ?? 0;
  let highest = was.generationFloor ?? 0;
  const orders = Object.entries(file.entries)
    .filter(([path]) => /^runs\/[^/]+\/\d+$/.test(path))
    .map(([path, { revision }]) => ({ path, order: (upgradedAt(path) as unknown as BatchRecord).order ?? revision }))
    .sort((a, b) => a.order - b.order);
  const orderOf = new Map(orders.map(({ path }, index) => [path, index - orders.length]));
  const records = new Map<string, Kept>();
  for (const [path, { created }] of Object.entries(file.entries)) {
    if (path === 'meta') continue;
    const value = upgradedAt(path);
    if (path.startsWith('spec/')) {
      highest = Math.max(highest, Number(value['generation']));
      records.set(path, { ...value, created: value['created'] ?? created + base });
    } else {
      const order = orderOf.get(path);
      records.set(path, order === undefined ? value : { ...value, order });
    }
  }
  const meta = {
    ...was,
    format: to,
    revisionBase: base + file.revision + REVISIONS_AHEAD,
    generationFloor: Math.max(highest, was.serial) + GENERATIONS_AHEAD,
  } satisfies MetaRecord;
  return records.set('meta', meta as unknown as Kept);
}

export interface ImportOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly records: ReadonlyMap<string, Kept>;
  readonly lock: Lock;
  /** For the audit, with the last of it. */
  readonly put: Put;
  readonly signal: AbortSignal;
}

/**
 * Writes them where nothing is, or goes on where an import of the same file was cut.
 * @throws OtterError OT3011 when something else is there
 */
export async function importState({ store, topology, records, lock, put, signal }: ImportOptions): Promise<void> {
  const prefix = topologyPrefix(topology);
  const present = new Map((await readEntries(store, prefix, signal)).map((entry) => [entry.key, entry.value]));
  const todo: Put[] = [];
  for (const [path, record] of records) {
    const [key, value] = [prefix + path, JSON.stringify(record)];
    const there = present.get(key);
    if (there !== undefined && there !== value) throw occupied(topology, path);
    if (there === undefined) todo.push({ key, value });
    present.delete(key);
  }
  const foreign = [...present.keys()].find((key) =>
    ['meta', 'spec', 'pause', 'place', 'history'].includes(parseKey(key)?.at ?? ''),
  );
  if (foreign !== undefined) throw occupied(topology, foreign.slice(prefix.length));
  for (const puts of cut(todo)) {
    signal.throwIfAborted();
    const conditions: Condition[] = [lock.condition, ...puts.map(({ key }) => ({ key, revision: null }))];
    const last = puts.at(-1) === todo.at(-1);
    const result = await store.commit({ conditions, puts: last ? [...puts, put] : puts, deletes: [] });
    if (!result.ok) throw occupied(topology, result.moved[0]!.slice(prefix.length));
  }
}

async function readEntries(store: StateStore, prefix: string, signal: AbortSignal) {
  return (await store.list(prefix, { signal })).entries;
}

function occupied(topology: string, path: string): OtterError {
  return new OtterError('OT3011', `something of ${topology} is there already: ${path}`, {
    hint: 'Import into a store that holds nothing of it; or let `otter state import` plan what to change in this one.',
  });
}

function cut(puts: readonly Put[]): Put[][] {
  const parts: Put[][] = [];
  let size = 0;
  for (const put of puts) {
    const bytes = Buffer.byteLength(put.value);
    const part = parts.at(-1);
    if (part === undefined || part.length === COMMIT_KEYS_MAX || size + bytes > COMMIT_BYTES_MAX) {
      parts.push([put]);
      size = bytes;
    } else {
      part.push(put);
      size += bytes;
    }
  }
  return parts;
}
