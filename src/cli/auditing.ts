/**
 * A change at a database, in the audit of its topology: begun before it is made, and how it ended.
 *
 * Rule: what the state store has to do with it is nothing else. Where it is not there, does not answer or may not be written, the work is
 * done all the same, and it is said that no audit has it.
 */
import { type AuditEntry, type Audited, auditEntry, writeAudit } from '../executor/audit.ts';
import { OtterError } from '../model/error.ts';
import { authorOf } from './author.ts';
import { type CommonOptions, type Context, storeToRead } from './context.ts';

export interface Deed {
  readonly topology: string;
  /** As it is typed, without what it is about: `conflicts resolve`. */
  readonly command: string;
  /** What it is about: `hz:42`. No value of a row. */
  readonly what: string;
}

export async function audited<T>(
  context: Context,
  options: CommonOptions,
  { topology, command, what }: Deed,
  work: () => Promise<T>,
): Promise<T> {
  const entry = auditEntry(topology, authorOf(context, options, command), context.now(), context.parts.newId());
  let kept = await put(context, options, topology, entry, { what, result: 'begun' });
  const end = async (result: Audited['result'], code: string | null): Promise<void> => {
    // One that has no beginning has no end.
    if (kept) kept = await put(context, options, topology, entry, { what, result, code });
  };
  try {
    const value = await work();
    await end('done', null);
    return value;
  } catch (error) {
    await end('failed', error instanceof OtterError ? error.code : null);
    throw error;
  }
}

/** Whether it is written; if not, that was said. */
async function put(
  context: Context,
  options: CommonOptions,
  topology: string,
  entry: AuditEntry,
  what: Audited,
): Promise<boolean> {
  try {
    await using store = storeToRead(context, options);
    await writeAudit(store, topology, entry.put(what));
    return true;
  } catch (error) {
    if (!(error instanceof OtterError)) throw error;
    const how = what.result === 'begun' ? 'This is in no audit' : 'How this ended is in no audit';
    context.stderr.write(`${how}: ${error.code}: ${error.message}.\n`);
    return false;
  }
}
