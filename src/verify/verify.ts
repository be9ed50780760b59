/**
 * The databases of a topology compared, table by table.
 *
 * Nothing is locked and nothing is written. What is held in memory is a page of rows of each side, and at most `CANDIDATES_MAX`
 * keys of rows that seem to differ, which are looked at again before one goes on: so wherever it is cut, all that came before is
 * settled, and the next run goes on there.
 */
import type { ComparedDatabase, Difference, TableResult } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Image, TableShape } from '../model/row.ts';
import { type ComparedTable, comparedTable } from '../replication/compared.ts';
import { type Flow, type Group, groupsOf } from '../replication/compared-groups.ts';
import { extract, type Finds, loadTable } from '../replication/load-table.ts';
import { type PassingOptions, passed } from './passing.ts';
import { type Candidate, type ComparedGroup, type ComparedSource, leadsBack } from './rows.ts';
import { type Settled, settle } from './settle.ts';
import { type Cursor, START, walk } from './walk.ts';

export interface VerifyOptions extends PassingOptions {
  /** Of all channels that are applied. */
  readonly pipelines: readonly PipelineSpec[];
  /** Why a database cannot be compared; null: it can. */
  readonly refused: (database: string) => string | null;
  readonly wanted: (group: Group) => boolean;
  readonly finds: (pipeline: PipelineSpec) => Finds;
  /** Whether rows that only a target has are looked for. */
  readonly extras: boolean;
  /** How many differences of a table are kept by their keys. */
  readonly limit: number;
  readonly pace: (rows: number, bytes: number) => Promise<void>;
  readonly sized: boolean;
  /** Where an earlier run was; null: it begins. */
  readonly from: Progress | null;
  /** Told of all that is settled. */
  readonly reached: (progress: Progress) => void;
  /** Has rows that differ sent again; why they are not, or null: it was done, and has passed. Null: nobody wants that. */
  readonly repair: ((found: Found) => Promise<string | null>) | null;
}

/** What is settled so far. */
export interface Progress {
  readonly done: readonly TableResult[];
  /** Of the table that is under way. */
  readonly current: { readonly result: TableResult; readonly cursor: Cursor } | null;
}

/** A table, and some of what differs in it. */
export interface Found {
  readonly group: Group;
  readonly compared: ComparedGroup;
  readonly differences: Settled['differences'];
}

const CANDIDATES_MAX = 2_000;
/** On a table that is written there always are some: after so long they are settled, since only what is settled outlives a kill. */
const SETTLE_EVERY_MS = 60_000;
/** A table with more is better copied anew. */
const DIFFERENCES_MAX = 100_000;

/** Results in the order of channels and tables; what cannot be compared says why. */
export async function verify(options: VerifyOptions): Promise<readonly TableResult[]> {
  const groups = await wantedGroups(options);
  const done: TableResult[] = [...(options.from?.done ?? [])];
  const isDone = new Set(done.map(nameOf));
  for (const group of groups) {
    const { current } = options.from ?? { current: null };
    const begun = emptyResult(group);
    if (isDone.has(nameOf(begun))) continue;
    const resumed = current !== null && nameOf(current.result) === nameOf(begun) ? current : null;
    const result = await oneTable(group, resumed ?? { result: begun, cursor: START }, options, done);
    done.push(result);
    options.reached({ done, current: null });
  }
  return done;
}

async function wantedGroups({ pipelines, database, refused, wanted }: VerifyOptions): Promise<readonly Group[]> {
  const names = [...new Set(pipelines.flatMap(({ source }) => [source]))].filter((name) => refused(name) === null);
  const tables = new Map<string, Awaited<ReturnType<ComparedDatabase['tables']>>>();
  for (const name of names) tables.set(name, await (await database(name)).tables());
  return groupsOf(pipelines, (name) => tables.get(name) ?? []).filter(wanted);
}

/** @throws OtterError of a database that does not answer, OT7020 */
async function oneTable(
  group: Group,
  { result: before, cursor }: NonNullable<Progress['current']>,
  options: VerifyOptions,
  done: readonly TableResult[],
): Promise<TableResult> {
  let result = before;
  let compared: ComparedGroup;
  try {
    const why = await obstacle(group, options);
    if (why !== null) return { ...result, skipped: why };
    const matched = await match(group, options);
    if (typeof matched === 'string') return { ...result, skipped: matched };
    compared = matched;
  } catch (error) {
    // One that does not fit: the rest is compared all the same.
    if (!(error instanceof OtterError) || !UNFIT.test(error.code)) throw error;
    return { ...result, skipped: `${error.code}: ${error.message}` };
  }
  const unlooked = group.unlooked ?? (leadsBack(compared) ? null : 'their keys do not lead back to rows of a source');
  result = { ...result, unlooked: options.extras ? unlooked : 'that was not asked for' };
  const waits = pipelinesOf(group, options.pipelines);
  let open: Candidate[] = [];
  const looks = { passed: () => passed(waits, options), signal: options.signal };
  const settleOpen = async (): Promise<void> => {
    if (open.length === 0) return;
    const settled = await settle(compared, open, looks);
    open = [];
    result = withFound(result, compared, settled, options.limit);
    const { differences } = settled;
    if (options.repair === null || differences.length === 0) return;
    const unrepaired = await options.repair({ group, compared, differences });
    const left = await settle(compared, differences, looks);
    const repaired = result.repaired + differences.length - left.differences.length - left.busy;
    result = { ...result, repaired, unrepaired: unrepaired ?? result.unrepaired };
  };
  let settledMs = options.now();
  const steps = walk(compared, cursor, { ...options, extras: options.extras && unlooked === null });
  for await (const { candidates, rows, next } of steps) {
    result = { ...result, rows: result.rows + rows };
    open.push(...candidates);
    const late = open.length > 0 && options.now() - settledMs >= SETTLE_EVERY_MS;
    if (open.length >= CANDIDATES_MAX || next === null || late) await settleOpen();
    if (open.length === 0) settledMs = options.now();
    if (open.length === 0 && next !== null) options.reached({ done, current: { result, cursor: next } });
    if (countOf(result) >= DIFFERENCES_MAX && next !== null) {
      result = { ...result, skipped: `more than ${DIFFERENCES_MAX} rows differ: the rest was not compared` };
      break;
    }
  }
  await settleOpen();
  return result;
}

/** What a table is refused for, and not a database. */
const UNFIT = /^OT(40[34]\d|5\d{3}|3020)$/;

export function countOf({ missing, extra, different }: TableResult): number {
  return missing + extra + different;
}

async function obstacle({ target, flows }: Group, options: VerifyOptions): Promise<string | null> {
  for (const name of [target, ...flows.map(({ pipeline }) => pipeline.source)]) {
    const why = options.refused(name);
    if (why !== null) return why;
  }
  for (const { pipeline, table } of flows) {
    if (pipeline.dryRun === true) return `${pipeline.name} has \`dry_run: true\` and writes nothing`;
    const db = await options.database(target);
    const copying = await db.copying(options.lineage, options.kept(pipeline.name));
    if (copying.has(`${table.schema}.${table.name}`)) return `${pipeline.name} is still copying it`;
  }
  return null;
}

/** The tables as they are now; or why they cannot be compared. */
async function match(group: Group, options: VerifyOptions): Promise<ComparedGroup | string> {
  const target = await options.database(group.target);
  const shape = await target.shape(group.table.schema, group.table.name);
  if (shape === null) return `${group.target} has no such table`;
  if (shape.primaryKey.length === 0) return 'it has no primary key by which rows could be found';
  const sources: ComparedSource[] = [];
  for (const flow of group.flows) {
    const database = await options.database(flow.pipeline.source);
    const full = await database.shape(flow.table.schema, flow.table.name);
    if (full === null) return `${flow.pipeline.source} has no table ${flow.table.schema}.${flow.table.name} any more`;
    if (full.primaryKey.length === 0)
      return `${flow.table.schema}.${flow.table.name} of ${flow.pipeline.source} has no primary key`;
    sources.push({ ...tableOf(flow, full, shape, options), database });
  }
  return { target, shape, sources };
}

function tableOf(
  { pipeline, rule }: Flow,
  full: TableShape,
  target: TableShape,
  { finds }: VerifyOptions,
): ComparedTable {
  const route = extract(rule, full, finds(pipeline));
  return comparedTable(full, route, loadTable(route.shape, target, rule.rename, true), rule);
}

/** All that may bring rows of the table to one of its two sides. */
function pipelinesOf({ target, flows }: Group, all: readonly PipelineSpec[]): readonly PipelineSpec[] {
  const mine = new Set<PipelineSpec>();
  for (const { pipeline } of flows) {
    if (pipeline.role === 'one-way') mine.add(pipeline);
    else
      for (const other of all)
        if (other.channel === pipeline.channel && [target, pipeline.source].includes(other.target)) mine.add(other);
  }
  return [...mine];
}

function withFound(result: TableResult, { shape }: ComparedGroup, settled: Settled, limit: number): TableResult {
  const count = (kind: Difference['kind']): number => settled.differences.filter((one) => one.kind === kind).length;
  const room = Math.max(0, limit - result.differences.length);
  const shown = settled.differences.slice(0, room).map(({ kind, key }) => ({ kind, key: namedKey(shape, key) }));
  return {
    ...result,
    missing: result.missing + count('missing'),
    extra: result.extra + count('extra'),
    different: result.different + count('different'),
    busy: result.busy + settled.busy,
    differences: [...result.differences, ...shown],
  };
}

function namedKey({ columns, primaryKey }: TableShape, key: Image): Difference['key'] {
  return Object.fromEntries(primaryKey.map((index, at) => [columns[index]!.name, key[at]!]));
}

function emptyResult({ target, table, flows }: Group): TableResult {
  return {
    channel: flows[0]!.pipeline.channel,
    target,
    table: `${table.schema}.${table.name}`,
    sources: flows.map((flow) => ({ pipeline: flow.pipeline.name, table: `${flow.table.schema}.${flow.table.name}` })),
    rows: 0,
    missing: 0,
    extra: 0,
    different: 0,
    busy: 0,
    repaired: 0,
    unrepaired: null,
    differences: [],
    skipped: null,
    unlooked: null,
  };
}

function nameOf({ target, table }: TableResult): string {
  return JSON.stringify([target, table]);
}
