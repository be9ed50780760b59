/** The slow path's rule once more, written as plainly as it goes, and with a switch for each way to get it wrong. */
import type { LoadTable, Write } from '../../../src/model/load.ts';
import type { Image } from '../../../src/model/row.ts';
import type { Loss, MeshDecideInput } from '../../../src/replication/conflict/mesh/decide.ts';
import type { MeshClaim } from '../../../src/replication/conflict/mesh/touches.ts';
import { later } from '../../../src/replication/conflict/mesh/version.ts';
import type { Fault } from './faults.ts';

interface Row {
  readonly table: LoadTable;
  readonly image: Image;
}

interface NaiveVerdict {
  readonly writes: readonly Write[];
  readonly losses: readonly Loss[];
  /** Puts that lost their key. */
  readonly refusedPuts: ReadonlySet<MeshClaim>;
}

export function decideNaively(input: MeshDecideInput, has: (fault: Fault) => boolean): NaiveVerdict {
  const { own, source, claims, present, keys, registers } = input;
  const before = new Map<string, Row>(present.map((row) => [keys.row(row.table, row.image), row]));
  const rows = new Map(before);
  const written = new Map<string, number | null>();
  const losses: Loss[] = [];
  const refusedPuts = new Set<MeshClaim>();
  const beaten = (lock: string, clock: number): boolean => {
    const last = registers.last(lock);
    return last !== null && later(last, { clock, site: source });
  };
  const holderOf = (unique: string): string | undefined =>
    [...rows].find(([, row]) => keys.uniques(row.table, row.image).includes(unique))?.[0];
  /** The clock of the change when it deletes what was deleted here too. */
  const lose = (claim: MeshClaim, row: string, reason: Loss['reason'], by: 'put' | 'delete'): number | null => {
    const last = registers.last(row);
    if (last === null || (written.has(row) && written.get(row) !== claim.clock)) return null;
    if (last.site !== own && !(has('losses at every site') && last.site !== source)) return null;
    if (last.clock <= claim.seen && !has('losses of seen writes')) return null;
    if (reason === 'unique value' && has('losses by unique value forgotten')) return null;
    if (last.kind === 'delete' && by === 'delete') return has('delete and insert is a delete') ? null : claim.clock;
    const image = rows.get(row)?.image ?? null;
    if (last.kind === 'delete' ? has('deletes not lost') : image === null && !has('losses of hidden rows')) return null;
    losses.push({ claim, row, clock: last.clock, kind: last.kind === 'delete' ? 'delete' : 'put', reason, image });
    return null;
  };
  for (const claim of claims) {
    const { clock, change } = claim;
    const from = change.before === null ? null : keys.row(change.table, change.before);
    const to = change.after === null ? null : keys.row(change.table, change.after);
    if (from !== null && from !== to && !beaten(from, clock)) {
      written.set(from, lose(claim, from, 'same row', 'delete'));
      rows.delete(from);
    }
    if (to === null) continue;
    const refused = beaten(to, clock);
    if (refused) refusedPuts.add(claim);
    if (refused && has('claims of refused puts not made')) continue;
    let whole = true;
    for (const unique of keys.uniques(change.table, change.after!)) {
      const holder = holderOf(unique);
      const stays = has('holder without an entry stays') && holder !== undefined && registers.last(unique) === null;
      if (beaten(unique, clock) || (stays && holder !== to)) {
        whole = false;
        continue;
      }
      if (holder === undefined || holder === to) continue;
      lose(claim, holder, 'unique value', 'put');
      rows.delete(holder);
    }
    if (refused) continue;
    written.set(to, lose(claim, to, 'same row', 'put'));
    rows.delete(to);
    const uniques = keys.uniques(change.table, change.after!);
    if (whole || (has('hidden rows shown') && uniques.every((unique) => holderOf(unique) === undefined)))
      rows.set(to, { table: change.table, image: change.after! });
  }
  const gone = [...before].filter(([lock, row]) => rows.get(lock) !== row).map(([, row]) => row);
  const fresh = [...rows].filter(([lock, row]) => before.get(lock) !== row).map(([, row]) => row);
  return {
    writes: [
      ...gone.map(({ table, image }) => ({ kind: 'delete' as const, table, rows: [image] })),
      ...fresh.map(({ table, image }) => ({ kind: 'insert' as const, table, rows: [image] })),
    ],
    losses,
    refusedPuts,
  };
}
