/**
 * What is kept of a decided conflict.
 *
 * The index of recent writes does not say what the write here did to its row, so that is told from what came of it: the
 * change's own site had a row under that key (`before`) or had none, and there is one here now or there is none. A row
 * that was made and changed here since is an insert, one that was deleted and made again an update. What the other site
 * had is what it had before its first refused change of the row in the window; of a change that builds on one refused in an
 * earlier window it is what that one made of it.
 *
 * Rule kept: one record for each refusal, whatever else the window holds.
 */
import type { ConflictKind, ConflictLogLevel, ConflictRecord, NamedImage, RowWrite } from '../../model/conflict.ts';
import type { LoadTable } from '../../model/load.ts';
import { formatPosition } from '../../model/position.ts';
import type { Image } from '../../model/row.ts';
import { bounded } from './bounded.ts';
import type { LockedRow, Refusal } from './decide.ts';
import type { LockKeys } from './keys.ts';
import type { Token } from './tokens.ts';

export interface RecordContext {
  readonly channel: string;
  readonly pipeline: string;
  readonly keys: LockKeys;
  /** The rows that were locked before anything was decided. */
  readonly present: readonly LockedRow[];
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly nowMs: number;
}

/** In the order of the refusals; none of tables that keep no log. */
export function refusalRecords(refused: readonly Refusal[], context: RecordContext): ConflictRecord[] {
  const { keys, levelOf } = context;
  const holders = holdersOf(context);
  const had = new Map<string, boolean>();
  const text = tokenTexts();
  return refused.flatMap((refusal) => {
    const { lock, claim } = refusal;
    const { table, before, after } = claim.change;
    const rows = { before: before && keys.row(table, before), after: after && keys.row(table, after) };
    // The old key first: of a key that stays the same it is the one that says that there was a row.
    for (const [at, existed] of [
      [rows.before, true],
      [rows.after, false],
    ] as const)
      if (at !== null && !had.has(at)) had.set(at, existed);
    const level = levelOf(table);
    if (level === 'none') return [];
    const local = localRow(refusal, rows.before ?? rows.after, holders);
    const sameRow = lock === rows.before || lock === rows.after;
    const keyed = lock === rows.after ? after! : (before ?? after!);
    return {
      channel: context.channel,
      pipeline: context.pipeline,
      table: { schema: table.target.schema, name: table.target.name },
      key: namedKey(table, keyed),
      kind: sameRow ? kindOf(claim.change.kind, had.get(lock)!, local) : 'unique',
      winner: 'local',
      rule: `site-priority: ${reasonOf(refusal)}`,
      ...imagesOf(table, level, after, local, before),
      incomingGtid: claim.origin?.gtid ?? null,
      incomingMs: claim.origin?.commitMs ?? null,
      localGtid: refusal.reason === 'recent write' ? refusal.entry.gtid : null,
      incomingClock: null,
      localClock: null,
      token: text(claim.token),
      decidedMs: context.nowMs,
    };
  });
}

/** Why, in the words of the docs; what stood in the way need not have been written by a user. */
function reasonOf(refusal: Refusal): string {
  if (refusal.reason !== 'recent write') return refusal.reason;
  switch (refusal.entry.kind) {
    case 'local':
      return 'recent write';
    case 'answer':
      return 'answered before';
    case 'chunk':
      return 'being copied';
    default:
      return refusal.entry.kind satisfies never;
  }
}

function kindOf(incoming: RowWrite, had: boolean, local: Image | null): ConflictKind {
  const written = local === null ? 'delete' : had ? 'update' : 'insert';
  return `${incoming}/${written}`;
}

/** The row here that the change collided with, under whatever key it stands. */
function localRow(refusal: Refusal, own: string | null, holders: ReadonlyMap<string, Image>): Image | null {
  if (refusal.lock === own) return refusal.present;
  return refusal.reason === 'duplicate' ? refusal.holder : (holders.get(refusal.lock) ?? null);
}

/** Which row has which key or unique value, before anything of the window was taken. */
function holdersOf({ keys, present }: RecordContext): Map<string, Image> {
  return new Map(
    present.flatMap(({ table, image }) => keys.touched(table, null, image).map((lock) => [lock, image] as const)),
  );
}

type Images = Pick<ConflictRecord, 'images' | 'incoming' | 'local' | 'base'>;

function imagesOf(
  table: LoadTable,
  level: ConflictLogLevel,
  incoming: Image | null,
  local: Image | null,
  base: Image | null,
): Images {
  if (level !== 'full') return { images: 'none', incoming: null, local: null, base: null };
  const [a, b, c] = [incoming, local, base].map((image) => (image === null ? null : bounded(named(table, image))));
  const cut = [a, b, c].some((one) => one?.cut === true);
  return { images: cut ? 'cut' : 'full', incoming: a?.image ?? null, local: b?.image ?? null, base: c?.image ?? null };
}

/** Loaded columns come first, then what does not travel, of which only rows that are here say something. */
function named({ columns, extras }: LoadTable, image: Image): NamedImage {
  const names = [...columns, ...extras].slice(0, image.length).map(({ name }) => name);
  return Object.fromEntries(names.map((name, index) => [name, image[index] ?? null]));
}

function namedKey({ key, columns }: LoadTable, image: Image): NamedImage {
  return Object.fromEntries(key.map((index) => [columns[index]!.name, image[index] ?? null]));
}

/** Changes of one transaction bear the same token, and its text may be long. */
function tokenTexts(): (token: Token) => string | null {
  let last: Token = null;
  let text: string | null = null;
  return (token) => {
    if (token !== last) text = token === null ? null : formatPosition(token);
    last = token;
    return text;
  };
}
