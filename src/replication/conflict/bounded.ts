/**
 * Rows for the conflict log, none longer than a bound: long values are cut, and say so.
 *
 * Rule kept: values that are short among their neighbours stay whole, so that a row with one long text still tells
 * everything else.
 */
import type { NamedImage } from '../../model/conflict.ts';

/** Characters of all literals of a row together. */
export const IMAGE_CHARS_MAX = 64 << 10;

/** `cut`: a value is not whole; it ends in how long it was. */
export function bounded(
  image: NamedImage,
  charsMax = IMAGE_CHARS_MAX,
): { readonly image: NamedImage; readonly cut: boolean } {
  const lengths = Object.values(image).map((value) => value?.length ?? 0);
  if (lengths.reduce((sum, length) => sum + length, 0) <= charsMax) return { image, cut: false };
  const share = shareOf(lengths, charsMax);
  const entries = Object.entries(image).map(([name, value]) => [
    name,
    value === null || value.length <= share ? value : `${start(value, share)}… (${value.length} characters)`,
  ]);
  return { image: Object.fromEntries(entries) as NamedImage, cut: true };
}

/** The length to which the longest are cut, so that all together fit. */
function shareOf(lengths: readonly number[], charsMax: number): number {
  let room = charsMax;
  const ascending = lengths.toSorted((a, b) => a - b);
  for (const [index, length] of ascending.entries()) {
    const share = Math.floor(room / (ascending.length - index));
    if (length > share) return share;
    room -= length;
  }
  return room;
}

/** Never cut between the two halves of a character. */
function start(value: string, chars: number): string {
  const half = chars > 0 && (value.charCodeAt(chars - 1) & 0xfc00) === 0xd800;
  return value.slice(0, half ? chars - 1 : chars);
}
