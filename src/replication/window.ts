/**
 * A window of changes becomes the writes that bring a target to the same rows.
 *
 * Two ways. *Merging* folds all changes of a key into its last image and writes table by table: for tables whose only
 * unique key is the primary key and that no foreign key touches, where the order between rows cannot matter.
 * *Replaying* keeps the log's order and joins only runs of the same operation: right for every table, since the source
 * satisfied its own constraints in that order. Rule kept: after the writes the target's rows are those the source had
 * at the end of the window.
 */
import { UnreachableError } from '../model/error.ts';
import type { LoadTable, Write } from '../model/load.ts';
import type { Delivery, Image, RowChange } from '../model/row.ts';
import { keyText } from './load-table.ts';

/** A change in the target's terms: images are loaded images. */
export interface LoadChange {
  readonly kind: RowChange['kind'];
  readonly table: LoadTable;
  /** Null for inserts. */
  readonly before: Image | null;
  /** Null for deletes. */
  readonly after: Image | null;
  readonly fkChecks: boolean;
}

/** Whether rows of the table may be written in any order, given that the server's foreign key checks are on or off. */
export function mergeable(table: LoadTable, fkChecks: boolean): boolean {
  const { target } = table;
  const free = target.foreignKeys.length === 0 && target.referencedBy.length === 0;
  return table.key.length > 0 && target.uniques.length === 0 && target.triggers.length === 0 && (free || !fkChecks);
}

export interface OneWayOptions {
  /** Whether the server checks foreign keys at all (and so runs their cascades). */
  readonly fkChecks: boolean;
  /** Whether existing rows are still being copied, so that parents may be missing. */
  readonly copying: boolean;
  /** Whether rows of a table that refers to this one may have been copied already; `orTouched`: or have come by the log. */
  readonly childrenCopied: (table: LoadTable, orTouched: boolean) => boolean;
}

/** One-way: merge what can be merged, replay the rest in order; by weight what no foreign key binds, and then the rest. */
export function oneWayWrites(changes: readonly LoadChange[], options: OneWayOptions): Write[] {
  if (!changes.some(({ table }) => table.weight !== undefined)) return unweighed(changes, options);
  const { fkChecks } = options;
  const groups = Map.groupBy(changes, ({ table }) => (bound(table, fkChecks) ? BOUND : (table.weight ?? 0)));
  return [...groups].sort(([a], [b]) => a - b).flatMap(([, group]) => unweighed(group, options));
}

const BOUND = Number.POSITIVE_INFINITY;

/** Whether its rows must come in the order of the log with those of other tables. */
function bound({ target }: LoadTable, fkChecks: boolean): boolean {
  return fkChecks && (target.foreignKeys.length > 0 || target.referencedBy.length > 0);
}

function unweighed(changes: readonly LoadChange[], { fkChecks, copying, childrenCopied }: OneWayOptions): Write[] {
  const merged = new Map<LoadTable, LoadChange[]>();
  const replayed: LoadChange[] = [];
  for (const change of changes) {
    if (!mergeable(change.table, fkChecks)) replayed.push(change);
    else {
      const list = merged.get(change.table);
      if (list === undefined) merged.set(change.table, [change]);
      else list.push(change);
    }
  }
  const writes = [
    ...[...merged].flatMap(([table, list]) => mergedWrites(table, list)),
    ...replayedWrites(
      copying && fkChecks
        ? replayed.map((change) => halfCopied(change, childrenCopied))
        : replayed.map((change) => ({ change, ensured: false })),
      fkChecks,
    ),
  ];
  return changes.some(({ table }) => table.filtered) ? writes.flatMap(entering) : writes;
}

/** A row that an earlier filter let in is at the target still when it comes in again, and gives way to itself. */
function entering(write: Write): Write[] {
  if (write.kind !== 'insert' || !write.table.filtered || write.table.key.length === 0) return [write];
  const { table, rows } = write;
  if (table.target.uniques.length === 0) return [{ kind: 'put', table, rows }];
  return [{ kind: 'evict', table, unique: { name: 'PRIMARY', columns: table.key }, rows }, write];
}

/** What became of one key within a window. */
interface Fate {
  /** Whether the row was there before the window. */
  readonly existed: boolean;
  /** Whether it was deleted at some time within the window. */
  deleted: boolean;
  /** An image that bears the key. */
  key: Image;
  after: Image | null;
}

/** The last image of every key that the changes touch, in order of first touch. */
export function fates(table: LoadTable, changes: readonly LoadChange[]): Map<string, Fate> {
  const byKey = new Map<string, Fate>();
  const gone = (text: string, image: Image): void => {
    const past = byKey.get(text);
    if (past === undefined) byKey.set(text, { existed: true, deleted: true, key: image, after: null });
    else Object.assign(past, { deleted: true, key: image, after: null });
  };
  const there = (text: string, image: Image, existed: boolean): void => {
    const past = byKey.get(text);
    if (past === undefined) byKey.set(text, { existed, deleted: false, key: image, after: image });
    else {
      past.key = image;
      past.after = image;
    }
  };
  for (const { kind, before, after } of changes) {
    switch (kind) {
      case 'insert':
        there(keyText(after!, table.key), after!, false);
        break;
      case 'update': {
        const text = keyText(after!, table.key);
        const old = keyText(before!, table.key);
        if (old !== text) gone(old, before!);
        there(text, after!, old === text);
        break;
      }
      case 'delete':
        gone(keyText(before!, table.key), before!);
        break;
      default:
        throw new UnreachableError(kind satisfies never);
    }
  }
  return byKey;
}

function mergedWrites(table: LoadTable, changes: readonly LoadChange[]): Write[] {
  // All of their keys differ then, as they did at the source.
  if (changes.every(({ kind }) => kind === 'insert'))
    return [{ kind: 'insert', table, rows: changes.map(({ after }) => after!) }];
  const deletes: Image[] = [];
  const inserts: Image[] = [];
  const upserts: Image[] = [];
  // What was deleted and made again has lost what it had in columns that do not travel.
  const whole = table.extras.length === 0;
  for (const { existed, deleted, key, after } of fates(table, changes).values()) {
    const replaced = existed && after !== null && (whole || !deleted);
    if (existed && !replaced) deletes.push(key);
    if (after !== null) (replaced ? upserts : inserts).push(after);
  }
  const writes: Write[] = [];
  if (deletes.length > 0) writes.push({ kind: 'delete', table, rows: deletes });
  if (inserts.length > 0) writes.push({ kind: 'insert', table, rows: inserts });
  if (upserts.length > 0) writes.push({ kind: 'upsert', table, rows: inKeyOrder(table, upserts) });
  return writes;
}

const WHOLE_NUMBER = /^(tiny|small|medium|big)?int/i;

/**
 * By the first column of the key, where that is a number: rows that lie on one page are then found one after the other, which
 * costs a server a quarter less. Larger numbers than a double holds exactly may stand in any order.
 */
function inKeyOrder(table: LoadTable, rows: readonly Image[]): readonly Image[] {
  const [first] = table.key;
  if (first === undefined || !WHOLE_NUMBER.test(table.columns[first]!.type)) return rows;
  const numbered = rows.map((row) => ({ number: Number(row[first]), row }));
  return numbered.sort((a, b) => a.number - b.number).map(({ row }) => row);
}

interface Replayed {
  readonly change: LoadChange;
  /** Whether the row must be there before the change, so that the server's cascades start from it. */
  readonly ensured: boolean;
}

/**
 * While rows are still being copied a child may come before its parent, so checks are off; but a delete or key change
 * of a parent must cascade to children that are here already, although the parent itself may not be: it is put there
 * first. Parents are copied before their children, so where children were copied the parent's own parents are here.
 * Children that only came by the log are deleted with their parent too: no copy would. Of a changed key their copy tells,
 * and the server would look for the parent's own parents, which may not be here yet.
 */
function halfCopied(change: LoadChange, childrenCopied: OneWayOptions['childrenCopied']): Replayed {
  const { table, before, after, kind } = change;
  const keys = [table.key, ...table.uniques.map(({ columns }) => columns)];
  const moves =
    kind !== 'insert' && (after === null || keys.some((key) => keyText(before!, key) !== keyText(after, key)));
  const cascades =
    moves && change.fkChecks && table.target.referencedBy.length > 0 && childrenCopied(table, after === null);
  return cascades ? { change, ensured: true } : { change: { ...change, fkChecks: false }, ensured: false };
}

function replayedWrites(changes: readonly Replayed[], fkChecks: boolean): Write[] {
  const writes: Write[] = [];
  let checks = fkChecks;
  let run: { kind: 'insert' | 'delete'; table: LoadTable; rows: Image[] } | null = null;
  for (const { change, ensured } of changes) {
    if (ensured) {
      if (checks) writes.push({ kind: 'fk-checks', on: false });
      writes.push({ kind: 'ensure', table: change.table, rows: [change.before!] });
      checks = false;
    }
    const on = fkChecks && change.fkChecks;
    if (on !== checks) {
      writes.push({ kind: 'fk-checks', on });
      checks = on;
      run = null;
    }
    if (change.kind === 'update') {
      writes.push({ kind: 'update', table: change.table, before: change.before!, after: change.after! });
      run = null;
      continue;
    }
    const row = change.kind === 'insert' ? change.after! : change.before!;
    if (run !== null && run.kind === change.kind && run.table === change.table) run.rows.push(row);
    else {
      run = { kind: change.kind, table: change.table, rows: [row] };
      writes.push(run);
    }
  }
  if (checks !== fkChecks) writes.push({ kind: 'fk-checks', on: fkChecks });
  return writes;
}

/**
 * Rows of the serialiser at a spoke, and copied rows: whatever is there gives way. The keys of the window and any other
 * holder of their unique values are deleted, then the last images are inserted. Without `evict` a holder of a unique
 * value stays, and the insert fails.
 */
export function placingWrites(changes: readonly LoadChange[], evict: boolean, extras: ExtrasOf = () => null): Write[] {
  return [...changesByTable(changes)].flatMap(([table, list]) => {
    const all = [...fates(table, list).values()];
    const rows = all.flatMap(({ after }) => (after === null ? [] : [after]));
    if (table.target.uniques.length === 0) {
      const deletes = all.flatMap(({ key, after }) => (after === null ? [key] : []));
      const writes: Write[] = [];
      if (deletes.length > 0) writes.push({ kind: 'delete', table, rows: deletes });
      const { fresh, kept } = withOwn(table, rows, extras);
      if (fresh.length > 0) writes.push({ kind: 'upsert', table, rows: fresh });
      if (kept.length > 0) writes.push({ kind: 'upsert', table: withExtras(table), rows: kept });
      return writes;
    }
    const writes: Write[] = [{ kind: 'delete', table, rows: all.map(({ key }) => key) }];
    for (const unique of evict ? table.uniques : []) {
      const holding = rows.filter((row) => unique.columns.every((index) => row[index] !== null));
      if (holding.length > 0) writes.push({ kind: 'evict', table, unique, rows: holding });
    }
    const { fresh, kept } = withOwn(table, rows, extras);
    if (fresh.length > 0) writes.push({ kind: 'insert', table, rows: fresh });
    if (kept.length > 0) writes.push({ kind: 'insert', table: withExtras(table), rows: kept });
    return writes;
  });
}

/**
 * Deliveries in runs that may be merged. Each answer stands alone: it may spell a key otherwise than the rows before and
 * behind it do, and of two spellings of one key only the later may be written.
 */
export function inTurn(deliveries: readonly Delivery[]): Delivery[][] {
  const runs: Delivery[][] = [];
  let joins = false;
  for (const delivery of deliveries) {
    const answers = delivery.kind === 'answers';
    if (joins && !answers) runs.at(-1)!.push(delivery);
    else runs.push([delivery]);
    joins = !answers;
  }
  return runs;
}

/** Rows, and those that keep columns of their own with these. */
function withOwn(table: LoadTable, rows: readonly Image[], extras: ExtrasOf): { fresh: Image[]; kept: Image[] } {
  const fresh: Image[] = [];
  const kept: Image[] = [];
  for (const row of rows) {
    const own = extras(table, row);
    if (own === null) fresh.push(row);
    else kept.push([...row, ...own]);
  }
  return { fresh, kept };
}

/** The columns of a row at the target that do not travel, or null when it has none or there is no such row. */
export type ExtrasOf = (table: LoadTable, row: Image) => Image | null;

/** The rows whose columns must be looked up before `placingWrites` replaces them, so that they keep what does not travel. */
export function replacedRows(changes: readonly LoadChange[]): [LoadTable, Image[]][] {
  return [...changesByTable(changes)].flatMap(([table, list]): [LoadTable, Image[]][] => {
    if (table.extras.length === 0) return [];
    if (table.target.uniques.length > 0) return [[table, [...fates(table, list).values()].map(({ key }) => key)]];
    // Without other keys a row is changed where it stands, unless its key changes.
    const moved = list.filter((change) => movesKey(table, change)).map(({ before }) => before!);
    return moved.length === 0 ? [] : [[table, moved]];
  });
}

function movesKey(table: LoadTable, { kind, before, after }: LoadChange): boolean {
  return kind === 'update' && keyText(before!, table.key) !== keyText(after!, table.key);
}

/** Keys of rows whose keys change within the window: which key each had before it, by the one it has in the end. */
export function movedKeys(table: LoadTable, changes: readonly LoadChange[]): ReadonlyMap<string, string> {
  const origins = new Map<string, string>();
  for (const change of changes) {
    const [from, to] = [change.before, change.after].map((image) => image && keyText(image, table.key));
    if (movesKey(table, change)) origins.set(to!, origins.get(from!) ?? from!);
    // Who comes into being under a key has nothing of who had it before.
    else if (change.kind === 'insert') origins.delete(to!);
    if (from !== null && from !== to) origins.delete(from!);
  }
  return origins;
}

/** The table with the columns that do not travel, for rows that keep theirs. */
export function withExtras(table: LoadTable): LoadTable {
  const { fills: _, ...rest } = table;
  return { ...rest, columns: [...table.columns, ...table.extras], extras: [] };
}

export function changesByTable(changes: readonly LoadChange[]): Map<LoadTable, LoadChange[]> {
  const byTable = new Map<LoadTable, LoadChange[]>();
  for (const change of changes) {
    const list = byTable.get(change.table);
    if (list === undefined) byTable.set(change.table, [change]);
    else list.push(change);
  }
  return byTable;
}
