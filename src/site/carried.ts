/**
 * The tables that a pipeline carries as it goes along its source's log: those of the topology, and such as have left it and of
 * which the log had something still.
 */
import { OtterError } from '../model/error.ts';
import type { Place } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { coversGtid, type Position } from '../model/position.ts';
import type { Processor } from '../model/processor.ts';
import { type Answer, type TableShape, tableName } from '../model/row.ts';
import type { ProcessorRef, SecretRef } from '../model/topology.ts';
import { pick } from '../replication/load-table.ts';
import type { Hash } from '../replication/mask.ts';
import { ruleFor } from '../replication/names.ts';
import type { OtterRow } from '../replication/origin.ts';
import { leavingRule, placeOf } from '../replication/places.ts';
import type { Bounded } from '../replication/processing.ts';
import { Announcements, type AnnouncementsOptions } from './announcements.ts';
import { Leaving } from './leaving.ts';
import { Routes } from './routes.ts';

export interface CarriedOptions extends Pick<AnnouncementsOptions, 'source' | 'known' | 'since' | 'cameBack'> {
  readonly spec: PipelineSpec;
  /** Of its channel. */
  readonly generation: number;
  /** Tables that the pipeline has no more and that its target still takes rows of. */
  readonly leaving: { readonly rules: ReadonlyMap<string, TableRule>; readonly until: Position } | null;
  /** Called with the name of a table that left. */
  readonly left: (name: string) => void;
  readonly making: RowMaking;
}

/** What a node has of that by which rows are made. */
export interface RowMaking {
  /** Hashes under the key that is found there, for masks. @throws OtterError OT3020 */
  readonly hashBy: (key: SecretRef) => Hash;
  /** @param text of the module, as the channel has it. @throws OtterError OT5053 */
  readonly processor: (ref: ProcessorRef, text: string | undefined) => Processor;
  readonly bounded: Bounded;
}

export type AnswerRow = Extract<OtterRow, { kind: 'answer' }>;

/** Where a table went that the pipeline does not have. */
const NOWHERE: Place = { target: '', stay: 0 };

export class Carried {
  readonly routes: Routes;
  readonly announcements: Announcements;
  readonly #leaving = new Leaving();
  readonly #left: (name: string) => void;
  #spec: PipelineSpec;
  #rereads: boolean;
  #generation: number;
  /** What it was up to where the log ended then; only while the reader may be before that. */
  #earlier: { readonly tables: readonly TableRule[]; readonly until: Position }[] = [];

  constructor({ spec, generation, leaving, left, making, source, known, since, cameBack }: CarriedOptions) {
    this.#spec = spec;
    this.#rereads = anyRereads(spec);
    this.#generation = generation;
    this.#left = left;
    const hash = (): Hash => {
      const { maskKey } = this.#spec;
      if (maskKey !== undefined) return making.hashBy(maskKey);
      throw new OtterError('OT5050', `${spec.name} hashes values and has no \`mask_key\``, {
        hint: 'Give its channel one.',
      });
    };
    const processor = (ref: ProcessorRef): Processor => making.processor(ref, this.#spec.processors?.[ref.digest]);
    this.routes = new Routes(spec.tables, { hash, processor, bounded: making.bounded });
    this.announcements = new Announcements({
      spec: () => this.#spec,
      generation: () => this.#generation,
      source,
      routes: this.routes,
      known,
      since,
      cameBack,
      leaves: (name) => this.#leaving.has(name),
    });
    if (leaving === null) return;
    this.#leaving.begin(leaving.rules, leaving.until);
    this.routes.update(spec.tables, this.#leaving.rules);
  }

  get spec(): PipelineSpec {
    return this.#spec;
  }

  /** Whether any table is read again. */
  get rereads(): boolean {
    return this.#rereads;
  }

  ruleOf(schema: string, table: string): TableRule | null {
    return this.routes.ruleOf(schema, table);
  }

  /** Tables joined or left, the log being at `until`. Returns whether what is before that is waited for. */
  update(spec: PipelineSpec, generation: number, until: Position): boolean {
    const before = this.#spec;
    const waits = spec.joinsLate || spec.left.some(({ since }) => since > this.#generation);
    this.#earlier.push({ tables: before.tables, until });
    const leaving = this.announcements.all.flatMap(({ schema, name }) => {
      const rule = leavingRule(spec, schema, name, placeOf(before, schema, name) ?? NOWHERE, 0);
      return rule === null ? [] : [[tableName({ schema, name }), rule] as const];
    });
    this.#leaving.begin(new Map(leaving), until);
    for (const { schema, name } of this.announcements.all)
      if (placeOf(spec, schema, name) !== null) this.#leaving.delete(tableName({ schema, name }));
    this.#spec = spec;
    this.#rereads = anyRereads(spec);
    this.#generation = generation;
    // Existing rows of what leaves are copied no further.
    for (const [name] of leaving) this.#left(name);
    this.#reroute();
    return waits;
  }

  /** Every table of this generation has been told; the log was there when it was taken up, null: nothing leaves with it. */
  tookUp(generation: number, until: Position | null): void {
    this.#leaving.taken(generation, until);
  }

  /** The newest generation of which nothing is to come any more from this transaction on. */
  settledAt(gtid: string): number {
    return this.#leaving.settledAt(gtid);
  }

  /** The log is at this transaction. */
  pass(gtid: string): void {
    if (this.#leaving.size > 0 && this.#leaving.passes(gtid)) this.#reroute();
  }

  /** Whether rows of the table are still carried though it is not in the pipeline any more. */
  leaves({ schema, name }: Pick<TableShape, 'schema' | 'name'>): boolean {
    return this.#leaving.has(tableName({ schema, name }));
  }

  /** Whether the table was in the pipeline already when this transaction made it. */
  bornHere(schema: string, name: string, gtid: string): boolean {
    this.#earlier = this.#earlier.filter(({ until }) => coversGtid(until, gtid));
    return this.#earlier.every(({ tables }) => ruleFor(tables, schema, name) !== null);
  }

  /** Tables of these answers that the target was not told of. */
  untold(rows: readonly AnswerRow[]): readonly AnswerRow[] {
    return [...new Map(rows.flatMap((row) => (this.#told(row) ? [] : [[`${row.schema}.${row.table}`, row]]))).values()];
  }

  /** As the target has their tables; one that is gone, or has left the pipeline, needs no answer. */
  answers(rows: readonly AnswerRow[]): Answer[] {
    return rows.flatMap((row): Answer[] => {
      const table = this.#told(row);
      const route = table === undefined ? null : this.routes.of(table);
      if (route === null) return [];
      const image = row.image === null ? null : pick(row.image, route.picks);
      return [{ pipeline: row.pipeline, table: route.shape, key: row.key, image }];
    });
  }

  #told({ schema, table }: AnswerRow): TableShape | undefined {
    return this.announcements.get(tableName({ schema, name: table }));
  }

  #reroute(): void {
    this.routes.update(this.#spec.tables, this.#leaving.rules);
    for (const name of this.announcements.forgetLeft()) this.#left(name);
  }
}

/** Those that left go on as they went. */
function anyRereads({ tables, left }: PipelineSpec): boolean {
  const some = (rules: readonly TableRule[]): boolean => rules.some(({ rows }) => rows?.reread === true);
  return some(tables) || left.some(({ rules }) => some(rules));
}
