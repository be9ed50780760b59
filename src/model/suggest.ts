/** "Did you mean": the known word nearest to a misspelt one, if it is near enough to be meant. */

const COMPARED_CHARS_MAX = 64;

/** The nearest of `known`, or null when none is likely. Deterministic: among equals the first. */
export function nearest(word: string, known: Iterable<string>): string | null {
  return search(word, known).best;
}

/** The nearest of `known` when no other is as near: what may be written without asking. A single letter may be anything. */
export function onlyNearest(word: string, known: Iterable<string>): string | null {
  if (word.length < 2) return null;
  const { best, alone } = search(word, known);
  return alone ? best : null;
}

function search(word: string, known: Iterable<string>): { readonly best: string | null; readonly alone: boolean } {
  const wanted = word.slice(0, COMPARED_CHARS_MAX).toLowerCase();
  let best: string | null = null;
  let alone = true;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.slice(0, COMPARED_CHARS_MAX).toLowerCase(), bestDistance);
    // A word that shares no letter at all is never meant (`a` for `b`).
    if (distance > bestDistance || distance >= Math.max(wanted.length, candidate.length)) continue;
    if (distance < bestDistance) [best, bestDistance, alone] = [candidate, distance, true];
    else if (best !== null && candidate !== best) alone = false;
  }
  return { best, alone };
}

/** A sentence with the nearest word, or with all of them when they are few, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const words = [...known];
  const near = nearest(word, words);
  if (near !== null) return `Did you mean \`${near}\`?`;
  return words.length === 0 ? '' : `Known here: ${listed(words)}.`;
}

const LISTED_MAX = 20;
/** In a sentence of which they are a part. */
const NAMED_MAX = 10;

/** Each once, as many as a sentence bears. */
export function firstOf(names: Iterable<string>): string {
  const all = [...new Set(names)];
  const shown = all.slice(0, NAMED_MAX).join(', ');
  return all.length > NAMED_MAX ? `${shown} and ${all.length - NAMED_MAX} more` : shown;
}

export function listed(words: readonly string[]): string {
  const shown = words.slice(0, LISTED_MAX).map((word) => `\`${word}\``);
  return words.length > LISTED_MAX ? `${shown.join(', ')} and ${words.length - LISTED_MAX} more` : shown.join(', ');
}

/** Letters to insert, delete, replace or swap with their neighbour; of words that are further apart than `most`, some number above it. */
function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  let least = 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const leastBefore = least;
    least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      least = Math.min(least, cost);
      row.push(cost);
    }
    // A swap looks back by two rows.
    if (Math.min(least, leastBefore + 1) > most) return most + 1;
    before = last;
    last = row;
  }
  return last[b.length]!;
}
