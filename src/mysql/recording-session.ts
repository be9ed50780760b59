/**
 * What a session that loads leaves in otter's own tables beside the rows, in the same transaction: what was decided, what
 * waits, how far a copy is, what tables are like.
 */
import type { ResultSetHeader } from 'mysql2';
import type { ClosedConflicts, ConflictRecord } from '../model/conflict.ts';
import type { DeadLetter } from '../model/dead-letter.ts';
import type { CopyState, PendingChange, RecordedTable } from '../model/load.ts';
import type { AppliedTouches, Definition, LoggedAnswer, Version } from '../model/row.ts';
import { answerInserts, resolutionInsert, touchInserts, versionInserts } from './answers.ts';
import { closeConflicts, conflictInserts, stillOpen } from './conflict-rows.ts';
import type { Session } from './connection.ts';
import { letterInsert, lettersDelete, lettersLeft } from './dead-letter-rows.ts';
import type { OwnRecords } from './own-records.ts';

export interface Recording {
  readonly connection: Session;
  /** `max_allowed_packet` of the server. */
  readonly packetBytesMax: number;
  readonly records: OwnRecords;
}

/** The part of `LoadSession` that writes no rows of users; its methods are described there. */
export abstract class RecordingSession {
  protected abstract readonly recording: Recording;

  /** Several statements together, in the transaction under way. */
  protected abstract tell(sqls: readonly string[]): Promise<ResultSetHeader[]>;

  async answer(pipeline: string, answers: readonly LoggedAnswer[]): Promise<void> {
    if (answers.length > 0) await this.#log('answer', pipeline, answers, answerInserts);
  }

  async tellVersions(pipeline: string, versions: readonly Version[]): Promise<void> {
    if (versions.length > 0) await this.#log('version', pipeline, versions, versionInserts);
  }

  async tellTouches(pipeline: string, touches: readonly AppliedTouches[]): Promise<void> {
    if (touches.length > 0) await this.#log('version', pipeline, touches, touchInserts);
  }

  async #log<T>(
    name: 'answer' | 'version',
    pipeline: string,
    what: readonly T[],
    inserts: (
      into: string,
      by: { lineage: string; pipeline: string },
      what: readonly T[],
      most: number,
    ) => Iterable<string>,
  ): Promise<void> {
    const { records, packetBytesMax } = this.recording;
    const into = records.table(name);
    for (const sql of inserts(into, { lineage: records.lineage, pipeline }, what, packetBytesMax))
      await this.tell([sql]);
    // The insert is in the log for this site's reader; the row itself has done its work.
    await this.tell([`DELETE FROM ${into} WHERE ${records.of(pipeline)}`]);
  }

  async recordConflicts(records: readonly ConflictRecord[]): Promise<void> {
    const own = this.recording.records;
    const inserts = conflictInserts(own.table('conflict'), own.lineage, records, this.recording.packetBytesMax);
    for (const sql of inserts) await this.tell([sql]);
  }

  async parkConflict(record: ConflictRecord): Promise<number> {
    const own = this.recording.records;
    const [insert] = conflictInserts(own.table('conflict'), own.lineage, [record], 0, 'open');
    const [result] = await this.tell([insert!]);
    return result!.insertId;
  }

  async stillOpen(ids: readonly number[]): Promise<readonly number[]> {
    return stillOpen(this.recording.connection, this.recording.records.table('conflict'), ids);
  }

  async closeConflicts(closed: ClosedConflicts): Promise<void> {
    if (closed.ids.length > 0) await this.tell([closeConflicts(this.recording.records.table('conflict'), closed)]);
  }

  async park(letter: DeadLetter): Promise<number> {
    const { records } = this.recording;
    const [result] = await this.tell([letterInsert(records.table('dead_letter'), records.lineage, letter)]);
    return result!.insertId;
  }

  async lettersLeft(ids: readonly number[]): Promise<readonly number[]> {
    return lettersLeft(this.recording.connection, this.recording.records.table('dead_letter'), ids);
  }

  async removeLetters(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.tell([lettersDelete(this.recording.records.table('dead_letter'), ids)]);
  }

  async tellResolution(pipeline: string): Promise<void> {
    const { records } = this.recording;
    await this.tell([resolutionInsert(records.table('answer'), { lineage: records.lineage, pipeline })]);
  }

  async recordCopies(pipeline: string, states: readonly CopyState[]): Promise<void> {
    if (states.length > 0) await this.tell([this.recording.records.copiesUpsert(pipeline, states)]);
  }

  async recordTables(pipeline: string, known: Readonly<Record<string, RecordedTable>>): Promise<void> {
    if (Object.keys(known).length === 0) return;
    const { records } = this.recording;
    await this.tell([records.tablesUpsert(pipeline, known)]);
    for (const sql of records.definitionsUpsert(pipeline, known)) await this.tell([sql]);
  }

  async tablesMade(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length > 0) await this.tell([this.recording.records.tablesMade(pipeline, tables)]);
  }

  async recordChange(pipeline: string, change: PendingChange | null): Promise<void> {
    await this.tell([this.recording.records.changeRecord(pipeline, change)]);
  }

  async keepDefinitions(pipeline: string, definitions: Readonly<Record<string, Definition | null>>): Promise<void> {
    for (const sql of this.recording.records.definitionsKeep(pipeline, definitions)) await this.tell([sql]);
  }

  async recordLanes(pipeline: string, lanes: { count: number; division: string } | null): Promise<void> {
    await this.tell(this.recording.records.lanesRecord(pipeline, lanes));
  }

  async forgetTables(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length > 0) await this.tell(this.recording.records.tablesDelete(pipeline, tables));
  }
}
