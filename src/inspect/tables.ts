/**
 * Pairs of tables: what a node would refuse, by the very functions that a node asks, and what it takes but a person
 * should know.
 */
import { isAmong } from '../model/column-names.ts';
import { OtterError } from '../model/error.ts';
import type { LiveTable } from '../model/inspection.ts';
import type { LoadTable } from '../model/load.ts';
import { madeName } from '../model/oracle-names.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { nearest } from '../model/suggest.ts';
import { singleName, tablePattern } from '../model/table-pattern.ts';
import { cascadeObstacle, filteredParent } from '../replication/cascades.ts';
import { conflictObstacle } from '../replication/conflict-fit.ts';
import { keyObstacle, mayMerge } from '../replication/key-fit.ts';
import { folded, foldedTwoWay } from '../replication/letters.ts';
import { extract, loadTable, rereadObstacle } from '../replication/load-table.ts';
import { blurredTexts, makingObstacle, noEmptyTexts, oracleObstacle } from '../replication/oracle-fit.ts';
import { doubtfulSways, swayObstacle } from '../replication/sways.ts';
import { engineObstacle } from '../replication/transactional.ts';
import { TwinTables } from '../replication/twin-tables.ts';
import { twoWayObstacle } from '../replication/two-way.ts';
import { entryFindings } from './entries.ts';
import { type LiveFinding, ofTable, sentence } from './finding.ts';
import { type Answered, type Live, pipelinesOf } from './live.ts';
import { mergedFindings } from './merged.ts';
import { type Pair, pairsOf } from './pairs.ts';
import { sees } from './sight.ts';

export function tableFindings(live: Live): LiveFinding[] {
  return [
    ...entryFindings(live),
    ...pipelinesOf(live.topology).flatMap((pipeline) => {
      const source = live.databases.get(pipeline.source);
      if (source === undefined) return [];
      const target = live.databases.get(pipeline.target) ?? null;
      const twins = new TwinTables();
      return [
        ...pairsOf(pipeline, source.report, live.topology).flatMap((pair) =>
          new PairInspection(pipeline, pair, source, target, twins).findings(),
        ),
        ...mergedFindings(pipeline, source, live.topology),
      ];
    }),
  ];
}

/** A pair of one pipeline; a database that did not answer leaves what hangs on it unsaid. */
class PairInspection {
  readonly #pipeline: PipelineSpec;
  readonly #pair: Pair;
  readonly #source: Answered;
  readonly #target: Answered | null;
  readonly #twins: TwinTables;
  readonly #found: LiveFinding[] = [];

  /** @param twins of the pairs of the pipeline */
  constructor(pipeline: PipelineSpec, pair: Pair, source: Answered, target: Answered | null, twins: TwinTables) {
    this.#pipeline = pipeline;
    this.#pair = pair;
    this.#source = source;
    this.#target = target;
    this.#twins = twins;
  }

  findings(): readonly LiveFinding[] {
    const source = this.#source.tables.get(tableName(this.#pair.source));
    if (source === undefined) return [];
    this.#names(source.shape);
    const shape = this.#attempt(() => extract(this.#pair.rule, source.shape).shape);
    if (source.inexact !== null) this.#refuse(source.inexact);
    else if (shape !== null) this.#ofSource(source, shape);
    return this.#found;
  }

  /** Of an entry that means this table alone, and as it is written: for the first site. */
  #names({ columns, schema, name }: TableShape): void {
    const { from, omit, only, rename } = this.#pair.rule;
    if (!this.#pipeline.forward || singleName(tablePattern(from)) === null) return;
    const there = columns.map((column) => column.name);
    for (const [key, named] of Object.entries({ omit, only: only ?? [], rename: Object.keys(rename) })) {
      const missing = named.filter((one) => !isAmong(there, one));
      if (missing.length === 0) continue;
      const near = nearest(missing[0]!, there);
      this.#warn(
        'OT4062',
        `${tableName({ schema, name })} has no column ${missing.join(', ')}, which \`columns.${key}\` names`,
        near === null ? 'Correct the name, or take it out.' : `Did you mean \`${near}\`?`,
      );
    }
  }

  #ofSource(source: LiveTable, shape: TableShape): void {
    const { role, initial } = this.#pipeline;
    const name = tableName(source.shape);
    if (role === 'one-way' && source.shape.primaryKey.length === 0) {
      if (initial === 'copy') {
        this.#refuse(
          new OtterError('OT5022', `${name} has no primary key, so its rows cannot be copied in chunks`, {
            hint: 'Add a primary key, or set `initial: none`.',
          }),
        );
      } else {
        this.#warn(
          'OT4057',
          `${name} has no primary key, so rows are found by all their columns`,
          'Slow at the target, and equal rows cannot be told apart: give it a primary key.',
        );
      }
    }
    if (this.#target === null) return;
    if (role !== 'one-way' && this.#target.report.facts.folds === true)
      this.#obstacle(() => foldedTwoWay(this.#pair.target, this.#pipeline.target));
    const { schema, name: there } = this.#pair.target;
    const target = this.#target.tables.get(tableName(this.#pair.target));
    const names = { source: name, named: tableName(this.#pair.target), there: this.#there(target) };
    this.#obstacle(() => this.#twins.add(names));
    if (target === undefined) {
      if (sees(this.#target, schema, there)) this.#missing(source, shape);
    } else if (target.inexact !== null) this.#refuse(target.inexact);
    else this.#ofTarget(shape, target);
  }

  /** The name that the table has at the target, or would be made with. */
  #there(target: LiveTable | undefined): string {
    if (target !== undefined) return tableName(target.shape);
    const { schema, name } = this.#pair.target;
    if (this.#isOracle) return tableName({ schema: madeName(schema), name: madeName(name) });
    return tableName(this.#target?.report.facts.folds === true ? folded({ schema, name }) : { schema, name });
  }

  #missing(source: LiveTable, shape: TableShape): void {
    const { role, target } = this.#pipeline;
    const name = tableName(this.#pair.target);
    if (role === 'to-serialiser' || this.#begun()) {
      const hint = this.#begun()
        ? 'It was copied and is gone. Put it back with its rows, or have it copied again: `otter explain OT5021` says how.'
        : `Otter makes no tables at the preferred site of a two-way channel. Create it, or drop it at ${this.#pipeline.source}.`;
      this.#refuse(new OtterError('OT5021', `${name} is missing at ${target}`, { hint }));
    } else if (this.#isOracle) {
      this.#obstacle(() => makingObstacle(shape, this.#pair.target, this.#pair.rule.rename));
    } else {
      this.#obstacle(() => swayObstacle(shape, null));
      this.#sways(shape, shape);
      this.#checks(source);
      if (role === 'one-way') return;
      // As a node looks before it makes the table.
      this.#obstacle(() => twoWayObstacle(loadTable(shape, shape, {}), { ...this.#facts(), unguardedTriggers: [] }));
    }
  }

  #ofTarget(shape: TableShape, target: LiveTable): void {
    const { role, tables, initial, existing } = this.#pipeline;
    const { unguardedTriggers } = target;
    const begun = this.#begun();
    this.#checks(target);
    this.#obstacle(() => engineObstacle(target.shape, this.#pipeline.target) ?? swayObstacle(shape, target.shape));
    this.#sways(shape, target.shape);
    const match = (running: boolean): LoadTable => loadTable(shape, target.shape, this.#pair.rule.rename, running);
    // What is not copied goes on until a row comes that does not fit.
    const matched = this.#attempt(() => match(begun || initial === 'none'));
    if (matched !== null) {
      if (!begun && initial === 'none') this.#expect(() => match(false));
      this.#nulls(matched);
      this.#collations(matched);
      if (role === 'one-way' && mayMerge(matched)) {
        this.#warn(
          'OT5012',
          `the primary key of ${tableName(target.shape)} may take two rows of ${tableName(shape)} for one: it compares texts in another way`,
          `The pipeline stops at such rows. Give the key of ${tableName(target.shape)} the collations that ${tableName(shape)} has, or \`_bin\`.`,
        );
      }
      if (role !== 'one-way') {
        this.#obstacle(() => twoWayObstacle(matched, { ...this.#facts(), unguardedTriggers }));
        if (role === 'to-serialiser') this.#obstacle(() => conflictObstacle(matched, this.#pair.rule.conflict));
      } else {
        this.#obstacle(() => oracleObstacle(matched));
        this.#emptyTexts(matched);
        this.#obstacle(() => keyObstacle(matched, initial === 'copy'));
        this.#obstacle(() => filteredParent(matched, tables));
        this.#obstacle(() => rereadObstacle(matched, this.#pair.rule));
        if (!this.#facts().logsCascades) this.#obstacle(() => cascadeObstacle(matched, tables));
      }
    }
    const name = tableName(target.shape);
    if (role === 'one-way' && unguardedTriggers.length > 0) {
      this.#warn(
        'OT4058',
        `trigger ${unguardedTriggers.join(', ')} of ${name} at ${this.#pipeline.target} runs for replicated rows too`,
        this.#isOracle
          ? "What it writes happens twice where the source has the same trigger. Give it `WHEN (SYS_CONTEXT('USERENV', 'CLIENT_IDENTIFIER') IS NULL)`, or disable it."
          : 'What it writes happens twice where the source has the same trigger. Let its body begin with `IF @otter_apply IS NULL THEN`, or drop it.',
      );
    }
    if (initial === 'copy' && existing === 'refuse' && !begun && target.hasRows === true) {
      const hint =
        role === 'one-way'
          ? 'Empty it, or set `existing: replace` to delete its rows first, `existing: merge` where several sources share it, or `initial: none` if both sides are equal.'
          : 'Put its rows aside, into a table that no channel has (`CREATE TABLE ... AS SELECT`), and delete them here; when it is copied, insert here those again that are missing. Or set `initial: none` if both sides are equal.';
      const why = 'has rows already, and the channel says `existing: refuse`';
      this.#refuse(new OtterError('OT5013', `${name} at ${this.#pipeline.target} ${why}`, { hint }));
    }
  }

  #nulls({ source, columns, target }: LoadTable): void {
    const strict = columns.filter(({ nullable }, index) => !nullable && source.columns[index]!.nullable);
    if (strict.length === 0) return;
    this.#warn(
      'OT5028',
      `${tableName(target)} does not take every value of ${tableName(source)}: NULL into ${strict.map(({ name }) => name).join(', ')}`,
      `The pipeline stops at a row that has it. Let the columns of ${tableName(target)} take NULL, or those of the source not.`,
    );
  }

  #checks({ shape, swayingChecks = [] }: LiveTable): void {
    for (const { name, settings } of swayingChecks) {
      this.#warn(
        'OT4061',
        `check ${name} of ${tableName(shape)} hangs on ${settings.join(' and ')} of the session`,
        'Otter writes in UTC and with what servers have when nobody sets it. A row that a session of other settings wrote may be refused, and the pipeline then stands before it. Where that may be, drop the check at the target.',
      );
    }
  }

  #sways(source: TableShape, target: TableShape): void {
    for (const { column, settings } of doubtfulSways({ source, target })) {
      this.#warn(
        'OT4061',
        `generated column ${column} of ${tableName(target)} may hang on ${settings.join(' and ')} of the session that writes`,
        'Otter writes with what servers have when nobody sets it. Where clients of the source set it otherwise, let the column be VIRTUAL at the target, or leave it out there.',
      );
    }
  }

  get #isOracle(): boolean {
    return this.#target?.report.facts.family === 'oracle';
  }

  #emptyTexts(table: LoadTable): void {
    const name = tableName(table.target);
    const [refused, blurred] = [noEmptyTexts(table), blurredTexts(table)];
    if (refused.length > 0) {
      this.#warn(
        'OT4071',
        `${name} takes no empty text in ${refused.join(', ')}: Oracle keeps it as NULL, and they are NOT NULL`,
        'The pipeline stops at a row that has one. Let the columns take NULL where there may be any.',
      );
    }
    if (blurred.length > 0) {
      this.#warn(
        'OT4071',
        `${name} does not tell empty texts from NULL in ${blurred.join(', ')}`,
        `Oracle keeps both as NULL. Where that matters, let the columns of ${tableName(table.source)} be NOT NULL.`,
      );
    }
  }

  /** Between the families names differ, and keys are looked at for themselves. */
  #collations({ source, columns, key, uniques, target }: LoadTable): void {
    const [here, there] = [this.#source.report.facts.family, this.#target!.report.facts.family];
    if (here !== there || !this.#pipeline.forward) return;
    const keys = new Set([...key, ...uniques.flatMap((unique) => unique.columns)]);
    const others = columns.flatMap(({ name, collation }, index) => {
      const { collation: from } = source.columns[index]!;
      return from === null || collation === null || from === collation || keys.has(index)
        ? []
        : [`${name} has ${collation} and ${from}`];
    });
    if (others.length === 0) return;
    this.#warn(
      'OT4060',
      `${tableName(target)} compares texts in another way than ${tableName(source)}: ${others.join('; ')}`,
      'The values are the same; what is found and sorted by them may not be. Give both the same collations.',
    );
  }

  /** Whether the pipeline has the table already, by what its target has recorded. */
  #begun(): boolean {
    const table = tableName(this.#pair.source);
    const begun = this.#target?.report.begun ?? [];
    return begun.some((one) => one.pipeline === this.#pipeline.name && one.table === table);
  }

  #facts(): { readonly logsCascades: boolean } {
    return this.#source.report.facts;
  }

  #obstacle(look: () => OtterError | null): void {
    const obstacle = this.#attempt(look);
    if (obstacle !== null) this.#refuse(obstacle);
  }

  #attempt<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      this.#refuse(error);
      return null;
    }
  }

  /** A warning of what may go wrong later. */
  #expect(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      this.#warn(error.code, error.message, sentence(error.hint));
    }
  }

  #refuse({ code, message, hint }: OtterError): void {
    this.#add({ code, severity: 'error', summary: message, detail: sentence(hint) });
  }

  #warn(code: LiveFinding['code'], summary: string, detail: string): void {
    this.#add({ code, severity: 'warning', summary, detail });
  }

  #add(finding: Omit<LiveFinding, 'at'>): void {
    const { name, channel } = this.#pipeline;
    this.#found.push({ ...finding, summary: `${name}: ${finding.summary}`, at: ofTable(channel, this.#pair.entry) });
  }
}
