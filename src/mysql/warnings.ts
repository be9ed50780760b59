/** Warnings of statements that are not strict: which of them would be errors if they were. */
import type { Session } from './connection.ts';
import { withoutValues } from './driver-error.ts';

/** WARN_DATA_TRUNCATED: what the error value of an ENUM gives, and a text that is cut; only a note where spaces are. */
const TRUNCATED = 1265;
/** ER_WARN_DEPRECATED_SYNTAX: MySQL says it of VALUES() at every use. */
const DEPRECATED = 1287;

interface Warning {
  readonly Level: string;
  readonly Code: number;
  readonly Message: string;
}

/**
 * What the last statement bent, in words, or null. Every warning but those of error values themselves is an error, as it
 * is in strict mode; so is a note of a cut.
 * @param count of warnings and notes that the server says it has
 * @param zeros error values of ENUMs that it wrote
 */
export async function bentBy(connection: Session, count: number, zeros: number): Promise<string | null> {
  // Each error value that is written gives one, so no more than those are no other's.
  if (count <= zeros) return null;
  const listed = await connection.rows<Warning>('SHOW WARNINGS');
  const bent = listed.filter(isBent);
  if (listed.length === count && bent.length <= zeros) return null;
  const worst = bent.find(({ Code }) => Number(Code) !== TRUNCATED) ?? bent.at(-1);
  return worst === undefined
    ? 'more warnings than the server lists'
    : `${withoutValues(worst.Message)} (error ${worst.Code})`;
}

function isBent({ Level, Code }: Warning): boolean {
  const code = Number(Code);
  return code !== DEPRECATED && (Level !== 'Note' || code === TRUNCATED);
}
