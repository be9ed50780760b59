/**
 * Changes of the serialiser's own tables that a spoke has not seen yet: rows of before them are still to come from there.
 *
 * Rule kept: they are noted from this site's log, in its order. Whoever holds locks on rows of a table, and has waited for the
 * reader to pass the end of the log, knows every change that was made of it, since another would wait for the locks; that
 * he looked at the table before one of them is told by their number.
 */
import type { ConflictRule, PipelineSpec } from '../model/pipeline.ts';
import type { Statement, TableStatement } from '../model/ports.ts';
import { coversGtid, type Position } from '../model/position.ts';
import { tableName } from '../model/row.ts';
import { type TwoWayStep, twoWayStep } from '../replication/both-ways.ts';
import { firstWords } from '../replication/carried-statement.ts';
import { tableStatement } from '../replication/table-statement.ts';
import { notCarried } from './carrying.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

export interface UnseenChange extends TwoWayStep {
  readonly gtid: string;
  readonly position: string;
  /** The first words of the statement, for messages. */
  readonly said: string;
}

export interface UnseenChangesOptions {
  /** How conflicts of a table are decided, by its name here. */
  readonly ruleOf: (schema: string, table: string) => ConflictRule;
}

export class UnseenChanges {
  readonly #options: UnseenChangesOptions;
  /** By `schema.table`, and by schema, in small letters. */
  readonly #counts = new Map<string, number>();
  readonly #unseen = new Map<string, UnseenChange[]>();
  #from: Position | null = null;

  constructor(options: UnseenChangesOptions) {
    this.#options = options;
  }

  /** How many statements about the table there have been, some of them counted twice. */
  count({ schema, name }: Named): number {
    return (this.#counts.get(keyOf({ schema, name })) ?? 0) + (this.#counts.get(schema.toLowerCase()) ?? 0);
  }

  /** In the order of the log. */
  of(table: Named): readonly UnseenChange[] {
    return this.#unseen.get(keyOf(table)) ?? [];
  }

  /** What columns of the table that the spoke does not have hold in rows that were there when they were made. */
  fills(table: Named): Readonly<Record<string, string>> {
    return Object.assign({}, ...this.of(table).map(({ added }) => added)) as Record<string, string>;
  }

  /** Everything behind the position is to come. */
  begin(from: Position): void {
    this.#from = from;
    this.#unseen.clear();
  }

  /** The spoke has seen this much. */
  seen(position: Position): void {
    for (const [table, changes] of this.#unseen) {
      const left = changes.filter(({ gtid }) => !coversGtid(position, gtid));
      if (left.length === 0) this.#unseen.delete(table);
      else this.#unseen.set(table, left);
    }
  }

  note(statement: Statement): void {
    const effect = tableStatement(statement);
    if (effect === null) return;
    if (effect.kind === 'drops-schema') this.#raise(effect.schema.toLowerCase());
    const tables = tablesOf(statement, effect);
    for (const table of tables) {
      this.#raise(keyOf(table));
      this.#note(statement, effect, table);
    }
  }

  #note(statement: Statement, effect: TableStatement, table: Named): void {
    const { gtid, position, plain } = statement;
    if (this.#from === null || coversGtid(this.#from, gtid) || this.of(table).some((known) => known.gtid === gtid))
      return;
    const step = twoWayStep(statement, effect, table, this.#options.ruleOf(table.schema, table.name));
    if (step === null) return;
    this.#unseen.set(keyOf(table), [...this.of(table), { ...step, gtid, position, said: firstWords(plain) }]);
  }

  #raise(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

/** Rows of before a change that is not carried have no place in the table. @throws OtterError OT5033 */
export function refuseUncarried(
  changes: Pick<UnseenChanges, 'of'>,
  table: Named,
  { ddl, name, source, target, channel }: PipelineSpec,
): void {
  if (ddl !== 'replicate') return;
  const change = changes.of(table).find(({ obstacle }) => obstacle !== null);
  if (change === undefined) return;
  const { said, position, obstacle } = change;
  const why = `${obstacle}; rows of before it are on their way from ${source}`;
  const tables = [tableName(table)];
  throw notCarried({ pipeline: name, source: target, target: source, channel, said, tables, why, position });
}

/** Those that the statement names, as its history spells them where there is one. */
function tablesOf({ history }: Statement, effect: TableStatement): readonly Named[] {
  if (effect.kind === 'drops-schema') return history?.tables ?? [];
  const named = effect.kind === 'creates' ? effect.tables : [...effect.tables, ...effect.made];
  const spelt = named.map((table) => history?.tables.find((one) => keyOf(one) === keyOf(table)) ?? table);
  return [...new Map(spelt.map(({ schema, name }) => [keyOf({ schema, name }), { schema, name }])).values()];
}

function keyOf({ schema, name }: Named): string {
  return `${schema}.${name}`.toLowerCase();
}
