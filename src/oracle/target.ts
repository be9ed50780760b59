/**
 * The target side of an Oracle database, for one-way channels: otter's own tables, claims, tables that are missing, sessions
 * that load.
 *
 * Rule kept: as in `mysql/target.ts`, whoever claims a pipeline raises its epoch in the checkpoint row first, which waits for
 * the transaction of any earlier owner and fences it, and only then reads where the pipeline stands.
 */

import type { LoggedLetter } from '../model/dead-letter.ts';
import { OtterError } from '../model/error.ts';
import { Lane } from '../model/lane.ts';
import type { Checkpoint, CopyState, LoadSession, Place, RecordedTable, TargetPort } from '../model/load.ts';
import { madeName } from '../model/oracle-names.ts';
import { type AnnouncedTable, type TableShape, tableName } from '../model/row.ts';
import type { Connection } from './connection.ts';
import { createStatement } from './create-table.ts';
import { oracleErrorNumber } from './errors.ts';
import { qualified } from './names.ts';
import { noChanges, onlyATarget } from './one-way.ts';
import { ORACLE_TABLES, OwnRecords } from './own-records.ts';
import { findSchema, findTable, readShape } from './schema.ts';
import { requireFit } from './server-facts.ts';
import { OracleSession } from './session.ts';

/** ORA-00955: a table of that name is there. */
const NAME_TAKEN = 955;

export interface TargetOptions {
  readonly connect: () => Promise<Connection>;
  /** The database's name in the topology, and its user, for messages. */
  readonly name: string;
  readonly user: string;
  /** Of otter's own tables, as the topology says it. */
  readonly schema: string;
  readonly lineage: string;
}

export class OracleTarget implements TargetPort, AsyncDisposable {
  readonly #options: TargetOptions;
  readonly #control: Lane<Connection>;
  readonly #pulse: Lane<Connection>;
  #records: OwnRecords | null = null;

  constructor(options: TargetOptions) {
    this.#options = options;
    this.#control = new Lane(options.connect);
    this.#pulse = new Lane(options.connect);
  }

  /** @throws OtterError OT4070 of a database that cannot be a target; OT4022 when otter's schema is missing */
  async prepare(): Promise<void> {
    await this.#control.run(async (connection) => {
      await requireFit(connection, this.#options.name);
      const records = await this.#find(connection);
      const there = await connection.rows('SELECT table_name FROM all_tables WHERE owner=:1', [records.schema]);
      const names = new Set(there.map(([name]) => name));
      for (const name of ORACLE_TABLES) if (!names.has(name)) await make(connection, records.create(name));
      await connection.rollback();
    });
  }

  async answers(): Promise<void> {
    await this.#pulse.run((connection) => connection.rows('SELECT 1 FROM dual'));
  }

  async claim(pipeline: string, ownerRevision: number, born: number): Promise<Checkpoint | null> {
    const claimed = await this.#run((connection, records) => records.claim(connection, pipeline, ownerRevision));
    if (claimed === null) return null;
    if (claimed.born === born) return claimed.checkpoint;
    await this.forget(pipeline);
    return null;
  }

  async createCheckpoint(pipeline: string, checkpoint: Checkpoint, born: number): Promise<void> {
    await this.#run((connection, records) => records.createCheckpoint(connection, pipeline, checkpoint, born));
  }

  /** More than one are refused (OT1061). */
  async lanes(): Promise<null> {
    return null;
  }

  copies(pipeline: string): Promise<readonly CopyState[]> {
    return this.#read((connection, records) => records.copies(connection, pipeline));
  }

  /** None is ever set aside here (OT1068). */
  async letters(): Promise<readonly LoggedLetter[]> {
    return [];
  }

  async shape(schema: string, table: string): Promise<TableShape | null> {
    return this.#read(async (connection) => {
      const found = await findTable(connection, { schema, name: table });
      return found === null ? null : readShape(connection, found);
    });
  }

  async createTable(
    announced: AnnouncedTable,
    as: { schema: string; name: string },
    rename: Readonly<Record<string, string>>,
  ): Promise<readonly string[]> {
    return this.#run(async (connection) => {
      const schema = await findSchema(connection, as.schema);
      if (schema === null) {
        const { name } = this.#options;
        throw new OtterError('OT5029', `${name} has no user ${as.schema}, and Oracle's schemas are users`, {
          where: { target: tableName(as) },
          hint: `Name a schema that is there with \`to\`, or let an administrator create it.`,
        });
      }
      const { sql, without } = createStatement(announced.table, { schema, name: madeName(as.name) }, rename);
      await make(connection, sql);
      return without;
    });
  }

  async hasRows(schema: string, table: string): Promise<boolean> {
    return this.#read(async (connection) => {
      const found = await findTable(connection, { schema, name: table });
      if (found === null) return false;
      return (await connection.rows(`SELECT 1 FROM ${qualified(found)} FETCH FIRST 1 ROWS ONLY`)).length > 0;
    });
  }

  /** What a trigger asks is not looked for here: only two-way channels refuse them. */
  async unguardedTriggers(schema: string, table: string): Promise<readonly string[]> {
    return (await this.shape(schema, table))?.triggers ?? [];
  }

  async session(pipeline: string): Promise<LoadSession> {
    const records = await this.#read(async (_, own) => own);
    return new OracleSession({ connection: await this.#options.connect(), records, pipeline });
  }

  known(pipeline: string): Promise<Readonly<Record<string, RecordedTable>>> {
    return this.#read((connection, records) => records.tables(connection, pipeline));
  }

  /** @throws OtterError OT5056 when the table was given other names there, which Oracle takes for one */
  shared(pipeline: string, table: string, { target }: Place): Promise<boolean> {
    return this.#read(async (connection, records) => {
      const sharers = await records.sharers(connection, pipeline, table, target);
      const here = await tableOf(connection, target);
      for (const other of sharers) {
        if (other.target === target || here !== (await tableOf(connection, other.target))) continue;
        throw new OtterError(
          'OT5056',
          `${target} and ${other.target}, into which ${other.source} goes by ${other.pipeline}, are one table to Oracle`,
          {
            where: { source: table, target },
            hint: 'Give both the same `to`, letter by letter, if all rows are meant for one table; else give one of them another.',
          },
        );
      }
      return sharers.some((other) => other.target === target);
    });
  }

  /** It takes names as they are quoted; see `names.ts`. */
  async folds(): Promise<boolean> {
    return false;
  }

  async making(): Promise<Readonly<Record<string, never>>> {
    return {};
  }

  async begunTables(): Promise<Readonly<Record<string, never>>> {
    return {};
  }

  async pendingChange(): Promise<null> {
    return null;
  }

  readonly family = noChanges;
  readonly keepDefinition = noChanges;
  readonly beginTable = noChanges;
  readonly cameHere = onlyATarget;
  readonly lookAhead = noChanges;
  readonly changeTables = noChanges;
  readonly sharesTable = noChanges;

  async forgetTables(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    await this.#run((connection, records) => records.forgetTables(connection, pipeline, tables));
  }

  pipelines(): Promise<readonly string[]> {
    return this.#read((connection, records) => records.pipelines(connection));
  }

  async forget(pipeline: string): Promise<void> {
    await this.#run((connection, records) => records.forget(connection, pipeline));
  }

  async removeAll(): Promise<void> {
    await this.#run((connection, records) => records.removeAll(connection));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#control, this.#pulse].map((lane) => lane[Symbol.asyncDispose]()));
  }

  /** Nothing is decided here. */
  async recordedConflicts(): Promise<readonly never[]> {
    return [];
  }

  /** No log of it is read. */
  async pruneSkips(): Promise<boolean> {
    return false;
  }

  readonly firstPosition = onlyATarget;
  readonly origin = onlyATarget;
  readonly recordedOrigin = onlyATarget;
  readonly moveOrigin = onlyATarget;
  readonly beat = onlyATarget;
  readonly watermark = onlyATarget;
  readonly openResyncs = onlyATarget;
  readonly resyncProgress = onlyATarget;
  readonly sortKeys = onlyATarget;
  readonly openConflicts = onlyATarget;
  readonly stillOpen = onlyATarget;
  readonly pruneConflicts = onlyATarget;

  #run<T>(work: (connection: Connection, records: OwnRecords) => Promise<T>): Promise<T> {
    return this.#control.run(async (connection) => work(connection, await this.#find(connection)));
  }

  /** No transaction of a mere question stays open. */
  #read<T>(work: (connection: Connection, records: OwnRecords) => Promise<T>): Promise<T> {
    return this.#run(async (connection, records) => {
      const result = await work(connection, records);
      await connection.rollback();
      return result;
    });
  }

  async #find(connection: Connection): Promise<OwnRecords> {
    if (this.#records !== null) return this.#records;
    const { schema, lineage, name, user } = this.#options;
    const found = await findSchema(connection, schema);
    if (found === null) {
      throw new OtterError('OT4022', `${name} has no user ${schema}, in whose schema otter's own tables would be`, {
        where: { database: name },
        hint: `Write \`schema: ${user}\` for this database, or let an administrator create the user ${schema.toUpperCase()}.`,
      });
    }
    this.#records = new OwnRecords(found, lineage);
    return this.#records;
  }
}

/** As Oracle has it, of `schema.table`; either may have dots. Null: there is none. */
async function tableOf(connection: Connection, named: string): Promise<string | null> {
  const parts = named.split('.');
  for (let at = 1; at < parts.length; at += 1) {
    const found = await findTable(connection, {
      schema: parts.slice(0, at).join('.'),
      name: parts.slice(at).join('.'),
    });
    if (found !== null) return tableName(found);
  }
  return null;
}

/** Somebody else may have made it a moment ago. */
async function make(connection: Connection, sql: string): Promise<void> {
  try {
    await connection.run(sql);
  } catch (error) {
    if (oracleErrorNumber(error) !== NAME_TAKEN) throw error;
  }
}
