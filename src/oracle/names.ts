/**
 * Names as Oracle has them. Every name is quoted, so that none is folded and no reserved word is in the way.
 *
 * Rule kept: a name of the topology is the one it says; where there is none of it, it is the one in capitals, which is how
 * Oracle keeps what people write without quotes.
 */
import { OtterError } from '../model/error.ts';

/** Bytes, since Oracle Database 12.2. */
const NAME_BYTES_MAX = 128;

/** @throws OtterError OT5060 when Oracle can have no such name */
export function quoteName(name: string): string {
  const why =
    name === ''
      ? 'is empty'
      : name.includes('"') || name.includes('\0')
        ? 'has a sign in it that none may have'
        : Buffer.byteLength(name) > NAME_BYTES_MAX
          ? `is longer than ${NAME_BYTES_MAX} bytes`
          : null;
  if (why === null) return `"${name}"`;
  throw new OtterError('OT5060', `Oracle has no name ${JSON.stringify(name)}: it ${why}`, {
    hint: 'Give the table or column another name at the target, with `to` or `columns.rename`.',
  });
}

export function qualified(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`;
}

/** Which of the names that are there is meant; null: none of them. */
export function meant(name: string, there: readonly string[]): string | null {
  if (there.includes(name)) return name;
  const capitals = name.toUpperCase();
  return there.includes(capitals) ? capitals : null;
}

/** How a table or column is called that is to be made: as people write it, unless they wrote it in letters of both cases. */
export function madeName(name: string): string {
  return /^[a-z][a-z0-9_$#]*$/.test(name) ? name.toUpperCase() : name;
}
