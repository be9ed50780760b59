/**
 * What a pipeline does at a statement that changes the structure of tables.
 *
 * Rules kept: a table that is made under a name which a pattern has joins by itself; any other change of a table that the
 * pipeline has is carried (`ddl: replicate`, see `carrying.ts`), or passed over (`ignore`), or stops it there.
 */
import { OtterError } from '../model/error.ts';
import { comesByLog, type PipelineSpec } from '../model/pipeline.ts';
import type { SourcePort, Statement, TableStatement } from '../model/ports.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { mergesTables } from '../model/table-mapping.ts';
import { tableStatement, takesRows } from '../replication/table-statement.ts';
import type { Announcements, KnownAt } from './announcements.ts';
import type { Carrying, Place } from './carrying.ts';

export interface DefinitionsOptions {
  readonly source: Pick<SourcePort, 'shape'>;
  /** Whether a table that this transaction made was the pipeline's from its beginning. */
  readonly bornHere: (schema: string, name: string, gtid: string) => boolean;
  readonly announcements: Announcements;
  /** Whether every table that was there was told before this transaction. */
  readonly looked: (gtid: string) => boolean;
  /** Whether the pipeline has a table of this name. */
  readonly has: (schema: string, name: string) => boolean;
  /** Tells the target; `gtid` of the transaction that has just made the table, or ''. True: existing rows are to be copied. */
  readonly announce: (table: TableShape, gtid: string, known: KnownAt | null) => Promise<boolean>;
  readonly carrying: Carrying;
  /** Existing rows of the table are to be copied. */
  readonly joined: (table: TableShape) => void;
  /** Two-way: whether the target has made a table of this name here, or has one that was made for it, and it counts. */
  readonly joinedBy: (table: { readonly schema: string; readonly name: string }) => Promise<boolean>;
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

export class Definitions {
  readonly #options: DefinitionsOptions;

  constructor(options: DefinitionsOptions) {
    this.#options = options;
  }

  /**
   * @param carried the change came from the target and was made here for it
   * @throws OtterError OT5015 when the pipeline must not pass it
   */
  async take(statement: Statement, spec: PipelineSpec, place: Place, carried: boolean): Promise<void> {
    const effect = tableStatement(statement);
    if (effect === null) return;
    const follows = spec.ddl === 'replicate';
    if (carried && effect.kind === 'alters') {
      if (follows) return this.#options.carrying.returned(statement, effect, spec, place);
      return this.#change(statement, effect, { ...spec, ddl: 'ignore' });
    }
    const { announcements } = this.#options;
    if (effect.kind === 'creates') {
      const tables = this.#mine(effect.tables);
      const born = tables.filter(({ schema, name }) => this.#options.bornHere(schema, name, statement.gtid));
      announcements.made(born);
      if (spec.ddl === 'ignore') return;
      if (follows) return this.#made(statement, tables, born, spec);
      // The transaction's id tells the target that the table has just been made.
      await this.#join(born, statement.gtid, spec);
      await this.#join(
        tables.filter((table) => !born.includes(table)),
        '',
        spec,
      );
      return;
    }
    // Its rows are in no log that anybody would read.
    for (const table of effect.kind === 'drops-schema' || spec.ddl === 'ignore' ? [] : this.#mine(effect.made))
      if (!this.#told(table) && (await this.#options.joinedBy(table)))
        throw changed(spec, [tableName(table)], statement);
    // Carried it is from the site that decides only; of another it would have to be told which came first.
    if (follows && spec.role !== 'to-serialiser') return this.#options.carrying.deliver(statement, effect, spec, place);
    await this.#change(statement, effect, spec);
  }

  async #change(
    statement: Statement,
    effect: Exclude<TableStatement, { kind: 'creates' }>,
    spec: PipelineSpec,
  ): Promise<void> {
    const { announcements } = this.#options;
    const drops = effect.kind === 'drops-schema';
    const touched = drops ? announcements.ofSchema(effect.schema) : this.#mine(effect.tables);
    const made = drops ? [] : this.#mine(effect.made);
    const replaced = made.filter((table) => this.#told(table));
    // Of a table that is not there nothing changes.
    const looked = this.#options.looked(statement.gtid);
    const altered = [...touched, ...replaced].filter((table) => !announcements.absent(table, looked));
    announcements.changed(altered);
    // What is done to a table before it counts here (emptied, to be copied into) is nobody else's matter.
    const counting = altered.filter((table) => announcements.countsFor(table, statement.gtid));
    if (counting.length > 0 && spec.ddl !== 'ignore') throw changed(spec, counting.map(tableName), statement);
    // Passed over: it is said what rows are like from here on.
    const known = spec.ddl === 'replicate' ? statement : null;
    for (const table of altered) if (this.#told(table)) await this.#tell(table, '', known);
    // A table that was there before under another name: what it holds is to be copied, whatever `ddl` says.
    await this.#join(
      made.filter((table) => !replaced.includes(table)),
      '',
      spec,
      known,
    );
  }

  /** Tables as the statement made them, whatever has become of them since. */
  async #made(
    statement: Statement,
    tables: readonly Named[],
    born: readonly Named[],
    spec: PipelineSpec,
  ): Promise<void> {
    const { announce, joined, announcements } = this.#options;
    for (const table of tables) {
      const gtid = born.includes(table) ? statement.gtid : '';
      const found = statement.history?.tables.find(
        ({ schema, name }) => schema === table.schema && name === table.name,
      );
      if (found === undefined) await this.#join([table], gtid, spec);
      else if (found.doubt !== null) {
        // Otherwise it joins behind the statement that changes it again.
        if (!announcements.strange(table) || spec.initial !== 'copy') throw found.doubt;
      }
      // It was there already (IF NOT EXISTS).
      else if (found.after !== null && found.before?.create !== found.after.create) {
        const known = { past: found.after, position: statement.position };
        if ((await announce(found.after.shape, gtid, known)) && !this.#comesByLog(table, gtid, spec))
          joined(found.after.shape);
      }
    }
  }

  async #join(
    tables: readonly Named[],
    gtid: string,
    spec: PipelineSpec,
    known: Statement | null = null,
  ): Promise<void> {
    for (const table of tables) {
      const copied = await this.#tell(table, gtid, known);
      if (copied !== null && !this.#comesByLog(table, gtid, spec)) this.#options.joined(copied);
    }
  }

  /** One that is told when its copy begins is copied, whoever has made it. */
  #comesByLog(table: Named, gtid: string, spec: PipelineSpec): boolean {
    return gtid !== '' && comesByLog(spec) && !this.#options.announcements.holds(tableName(table));
  }

  /** The table as it is now, or as the statement made it, when its existing rows are to be copied. */
  async #tell({ schema, name }: Named, gtid: string, known: Statement | null = null): Promise<TableShape | null> {
    const past = known?.history?.tables.find((one) => one.schema === schema && one.name === name)?.after ?? null;
    if (known !== null && past !== null)
      return (await this.#options.announce(past.shape, gtid, { past, position: known.position })) ? past.shape : null;
    const shape = await this.#options.source.shape(schema, name);
    return shape !== null && (await this.#options.announce(shape, gtid, null)) ? shape : null;
  }

  #told(table: Named): boolean {
    return this.#options.announcements.get(tableName(table)) !== undefined;
  }

  /** Tables of the pipeline. Some servers take a name for the same whatever its letters' case. */
  #mine(tables: readonly Named[]): Named[] {
    return tables.flatMap(({ schema, name }) =>
      this.#options.has(schema, name) ? [{ schema, name }] : this.#options.announcements.named({ schema, name }),
    );
  }
}

function changed(spec: PipelineSpec, tables: readonly string[], statement: Statement): OtterError {
  const { sql, position } = statement;
  const line = sql.replace(/\s+/g, ' ').trim();
  const head = line.length > 160 ? `${line.slice(0, 157)}...` : line;
  return new OtterError(
    'OT5015',
    `a statement that changes the structure of ${tables.join(', ')} is next in the log of ${spec.source}: ${head}`,
    {
      where: { pipeline: spec.name, position, tables: tables.join(', ') },
      hint: `${sameThere(spec, statement)} ${onlyFrom(spec)}Set \`ddl: ignore\` on channel ${spec.channel} and apply; the pipeline then goes on after it.${backTo(spec)}`,
    },
  );
}

function backTo({ ddl }: PipelineSpec): string {
  return ddl === 'replicate' ? ' Set it back when all pipelines of the channel have gone on.' : '';
}

/** Why it is not carried all the same. */
function onlyFrom({ ddl, role, target }: PipelineSpec): string {
  return ddl === 'replicate' && role === 'to-serialiser' ? `(Changes are carried from ${target} only.) ` : '';
}

function sameThere({ role, source, target, tables }: PipelineSpec, statement: Statement): string {
  // Other tables may have rows in the same one there: emptying it would take theirs too.
  if (tables.some(mergesTables))
    return `Make the same change at ${target}, where several tables share one: delete only the rows that came from here.`;
  // The opposite pipeline goes on meanwhile: rows that it has brought since would be taken at one site only.
  if (role !== 'one-way' && takesRows(statement))
    return (
      `What was written at ${target} since then is at ${source} already, so take rows away at ${target} by DELETE only, which is carried back; ` +
      'then make what is left of the change there (nothing, for TRUNCATE).'
    );
  return `Make the same change at ${target}.`;
}
