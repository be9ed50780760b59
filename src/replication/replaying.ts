/**
 * Changes that were set aside, written later: letters that hang together, in the order of the log.
 *
 * Their order is right for every table, since the source kept its own rules in it. But what was refused may have been mended at
 * the source, by a later change of the same row that waits behind it: so where the order is refused still, each row is written
 * as it ends, once. Whatever of these a target takes leaves the same rows.
 */
import type { KeyChecks } from '../model/dead-letter.ts';
import type { Write } from '../model/load.ts';
import { tableName } from '../model/row.ts';
import { keyText } from './load-table.ts';
import { type LoadChange, oneWayWrites } from './window.ts';

export interface Waiting {
  readonly change: LoadChange;
  readonly checks: KeyChecks;
}

/** Ways to write them, to be tried one after the other, each in a transaction of its own. None where nothing is left to write. */
export function replays(waiting: readonly Waiting[]): Write[][] {
  const ways = [waiting, netted(waiting, 'last'), netted(waiting, 'first')];
  const different = ways.filter((way, at) => at === 0 || way.length < waiting.length);
  return different.map((way) => way.flatMap(writesOf));
}

function writesOf({ change, checks }: Waiting): Write[] {
  const fkChecks = checks === 'on';
  const alone = oneWayWrites([{ ...change, fkChecks }], { fkChecks, copying: false, childrenCopied: () => false });
  return [{ kind: 'fk-checks', on: fkChecks }, ...alone];
}

/** Changes of one row joined, where the row is touched first or last. */
function netted(waiting: readonly Waiting[], place: 'first' | 'last'): Waiting[] {
  const list: (Waiting | null)[] = [];
  const standing = new Map<string, number>();
  for (const each of waiting) {
    const { change } = each;
    const [from, to] = [rowOf(change, change.before), rowOf(change, change.after)];
    const at = standing.get(from ?? to ?? '');
    const past = at === undefined ? null : list[at]!;
    const joined = past === null ? undefined : join(past.change, change);
    for (const key of [from, to]) if (key !== null) standing.delete(key);
    if (joined === undefined) list.push(each);
    else if (place === 'first') list[at!] = joined === null ? null : { ...each, change: joined };
    else {
      list[at!] = null;
      if (joined !== null) list.push({ ...each, change: joined });
    }
    if (to !== null && joined !== null)
      standing.set(to, joined === undefined || place === 'last' ? list.length - 1 : at!);
  }
  return list.filter((each) => each !== null);
}

/** Null: no such row; a table without a key has none to tell. */
function rowOf({ table }: LoadChange, image: LoadChange['after']): string | null {
  return image === null || table.key.length === 0 ? null : `${tableName(table.target)} ${keyText(image, table.key)}`;
}

/** What two changes of a row come to; null: to nothing; undefined: they stay two. */
function join(past: LoadChange, next: LoadChange): LoadChange | null | undefined {
  // What was deleted and made again has lost what it had in columns that do not travel.
  if (past.table !== next.table || past.after === null) return undefined;
  if (next.after !== null) return { ...past, after: next.after };
  return past.kind === 'insert' ? null : { ...past, kind: 'delete', after: null };
}
