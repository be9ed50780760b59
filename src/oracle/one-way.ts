/**
 * What otter asks of a database that it reads, or where conflicts are decided: an Oracle database is neither, which
 * `otter validate` has said before a node begins (OT1043).
 */
import type { SourcePort } from '../model/ports.ts';

/** A call of these is a bug. */
export function onlyATarget(): never {
  throw new Error('an Oracle database is only the target of one-way channels');
}

/** What is asked where changes are set aside, which they are not into an Oracle database (OT1068). A call is a bug. */
export function noLetters(): never {
  throw new Error('changes are not set aside in an Oracle database');
}

/** What is asked where changes of tables are carried, which they are not into an Oracle database (OT1090). A call is a bug. */
export function noChanges(): never {
  throw new Error('changes of tables are not carried into an Oracle database');
}

/** Pipelines into an Oracle database have one writer (OT1061). A call is a bug. */
export function noLanes(): never {
  throw new Error('a pipeline into an Oracle database has no lanes');
}

/** The source that an Oracle database is not. */
export const NO_SOURCE: SourcePort & AsyncDisposable = {
  facts: onlyATarget,
  preflight: onlyATarget,
  logEnd: onlyATarget,
  readLog: onlyATarget,
  tables: onlyATarget,
  shape: onlyATarget,
  shapeWithChildren: onlyATarget,
  createStatements: onlyATarget,
  createStatementOf: onlyATarget,
  past: onlyATarget,
  estimateRows: onlyATarget,
  seen: onlyATarget,
  readChunk: onlyATarget,
  rowsOf: onlyATarget,
  presentRows: onlyATarget,
  [Symbol.asyncDispose]: async () => undefined,
};
