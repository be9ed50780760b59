/**
 * Rows of one table, compared by looking each up on the other side by its key: right in whatever order two servers sort.
 *
 * What comes out are candidates: rows that were read at two moments, of which one may have been late.
 */
import { createHash } from 'node:crypto';
import type { ComparedDatabase, Doubt } from '../model/comparing.ts';
import type { Image, TableShape } from '../model/row.ts';
import {
  type ComparedTable,
  compareRows,
  keyOf,
  keyOfValues,
  keyValues,
  madeRows,
  plainRow,
} from '../replication/compared.ts';
import { keyText } from '../replication/load-table.ts';
import type { Look } from '../replication/looks.ts';

/** A table of a target, and those whose rows go into it. */
export interface ComparedGroup {
  readonly target: ComparedDatabase;
  readonly shape: TableShape;
  readonly sources: readonly ComparedSource[];
}

export interface ComparedSource extends ComparedTable {
  readonly database: ComparedDatabase;
}

export interface Candidate {
  /** Index of the source that has, or had, the row, and its primary key there; null: none is known. */
  readonly from: { readonly source: number; readonly key: Image } | null;
  /** Values of the target's key. */
  readonly key: Image;
}

/** Of full rows of a source those that are not so at the target. */
export async function checkSource(
  group: ComparedGroup,
  index: number,
  rows: readonly Image[],
): Promise<readonly Candidate[]> {
  const source = group.sources[index]!;
  const made = madeRows(source, rows).flatMap((images, at) =>
    images.map((image) => ({ image, key: source.full.primaryKey.map((index) => rows[at]![index]!) })),
  );
  const images = made.map(({ image }) => image);
  const there = await atTarget(
    group,
    source,
    images.map((image) => keyValues(source, image)),
  );
  const equal = await areEqual(group, source, images, there);
  return made.flatMap(({ image, key }, at) =>
    equal[at]! ? [] : { from: { source: index, key }, key: keyValues(source, image) },
  );
}

/** Of values of the target's key those that no source has a row for. */
export async function checkTarget(group: ComparedGroup, keys: readonly Image[]): Promise<readonly Candidate[]> {
  const found = await fromTarget(group, keys);
  return keys.flatMap((key, at) => (found[at] === null ? { from: null, key } : []));
}

/** Whether every source can be asked what it has under a key of the target. */
export function leadsBack({ sources }: ComparedGroup): boolean {
  return sources.every(({ back }) => back !== null);
}

/** What the candidates are now; null: nothing is wrong with them. */
export async function look(group: ComparedGroup, candidates: readonly Candidate[]): Promise<readonly (Look | null)[]> {
  const made = await madeNow(group, candidates);
  const looks: (Look | null)[] = candidates.map(() => null);
  for (const [index, source] of group.sources.entries()) {
    const mine = candidates.flatMap((_, at) => ((made[at]?.source ?? 0) === index ? [at] : []));
    const there = await atTarget(
      group,
      source,
      mine.map((at) => candidates[at]!.key),
    );
    const both = mine.flatMap((at, n) => {
      const here = made[at]?.image;
      return here !== undefined && there[n] !== null ? [{ at, here, there: there[n]! }] : [];
    });
    const equal = await areEqual(
      group,
      source,
      both.map(({ here }) => here),
      both.map((one) => one.there),
    );
    const same = new Set(both.flatMap(({ at }, n) => (equal[n]! ? [at] : [])));
    for (const [n, at] of mine.entries()) {
      const [here, other] = [made[at]?.image ?? null, there[n] ?? null];
      if (same.has(at) || (here === null && other === null)) continue;
      const kind = other === null ? 'missing' : here === null ? 'extra' : 'different';
      const print = JSON.stringify([here, other].map((row) => row && plainRow(source, row)));
      looks[at] = { kind, print: createHash('sha256').update(print).digest('base64') };
    }
  }
  return looks;
}

interface Made {
  readonly source: number;
  readonly image: Image;
}

/** What the sources have for candidates, as it would be at the target. */
async function madeNow(group: ComparedGroup, candidates: readonly Candidate[]): Promise<readonly (Made | null)[]> {
  const made: (Made | null)[] = candidates.map(() => null);
  for (const [index, source] of group.sources.entries()) {
    const { full, database } = source;
    const mine = candidates.flatMap(({ from }, at) => (from?.source === index ? [at] : []));
    const all = full.columns.map((_, at) => at);
    const rows = await byKey(
      (values) => database.find(full, all, full.primaryKey, values),
      mine.map((at) => candidates[at]!.from!.key),
      (row) => keyText(row, full.primaryKey),
      (key) => keyText(key, [...key.keys()]),
    );
    const present = rows.flatMap((row, n) => (row === null ? [] : [{ row, at: mine[n]! }]));
    const became = madeRows(
      source,
      present.map(({ row }) => row),
    );
    for (const [n, { at }] of present.entries()) {
      const wanted = keyOfValues(source, candidates[at]!.key);
      const image = became[n]!.find((one) => keyOf(source, one) === wanted);
      if (image !== undefined) made[at] = { source: index, image };
    }
  }
  // Another source may have it, or have it by now.
  const rest = candidates.flatMap(({ from }, at) =>
    made[at] === null && (from === null || group.sources.length > 1) ? [at] : [],
  );
  if (rest.length === 0 || !leadsBack(group)) return made;
  const found = await fromTarget(
    group,
    rest.map((at) => candidates[at]!.key),
  );
  for (const [n, at] of rest.entries()) made[at] = found[n]!;
  return made;
}

/** For values of the target's key what a source has for it. Every source must lead back. */
async function fromTarget(group: ComparedGroup, keys: readonly Image[]): Promise<(Made | null)[]> {
  const found: (Made | null)[] = keys.map(() => null);
  for (const [index, source] of group.sources.entries()) {
    const { full, database } = source;
    const open = found.flatMap((one, at) => (one === null ? [at] : []));
    if (open.length === 0) break;
    const { of, columns } = source.back!;
    const all = full.columns.map((_, at) => at);
    const ask = async (values: readonly Image[]): Promise<Image[]> =>
      madeRows(source, await database.find(full, all, columns, values)).flat();
    const images = await byKey(
      (values) => ask(values.map((key) => of.map((at) => key[at]!))),
      open.map((at) => keys[at]!),
      (row) => keyOf(source, row),
      (key) => keyOfValues(source, key),
    );
    for (const [n, at] of open.entries()) if (images[n] !== null) found[at] = { source: index, image: images[n]! };
  }
  return found;
}

function atTarget(
  { target, shape }: ComparedGroup,
  source: ComparedSource,
  keys: readonly Image[],
): Promise<(Image | null)[]> {
  return byKey(
    (values) =>
      target.find(
        shape,
        source.there,
        source.load.key.map((at) => source.there[at]!),
        values,
      ),
    keys,
    (row) => keyOf(source, row),
    (key) => keyOfValues(source, key),
  );
}

/**
 * For each key its row, or null. A server may find a row whose key is spelled otherwise (in other letters, another charset):
 * then the keys that are left are asked for one by one.
 */
async function byKey(
  find: (keys: readonly Image[]) => Promise<readonly Image[]>,
  keys: readonly Image[],
  textOfRow: (row: Image) => string,
  textOfKey: (key: Image) => string,
): Promise<(Image | null)[]> {
  if (keys.length === 0) return [];
  const rows = new Map((await find(keys)).map((row) => [textOfRow(row), row]));
  const texts = keys.map(textOfKey);
  const asked = new Set(texts);
  const odd = [...rows.keys()].some((text) => !asked.has(text));
  const found: (Image | null)[] = [];
  for (const [at, key] of keys.entries()) {
    const row = rows.get(texts[at]!) ?? null;
    found.push(row === null && odd ? ((await find([key]))[0] ?? null) : row);
  }
  return found;
}

/** Of pairs of rows, those of the target null where there is none. */
async function areEqual(
  { target }: ComparedGroup,
  source: ComparedSource,
  made: readonly Image[],
  found: readonly (Image | null)[],
): Promise<readonly boolean[]> {
  const doubts: (Doubt & { readonly at: number })[] = [];
  const equal = made.map((image, at) => {
    const other = found[at]!;
    const comparison = other === null ? 'different' : compareRows(source, image, other);
    if (typeof comparison !== 'string') doubts.push({ at, row: image, columns: comparison.doubted });
    return comparison === 'same';
  });
  if (doubts.length === 0) return equal;
  const unequal = await target.unequal(source.load, doubts);
  for (const [n, { at }] of doubts.entries()) equal[at] = !unequal[n]!;
  return equal;
}
