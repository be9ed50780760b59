/**
 * What is kept of a decided conflict.
 *
 * The index of recent writes does not say what the write here did to its row, so that is told from what came of it: the
 * change's own site had a row under that key (`before`) or had none, and there is one here now or there is none. A row
 * that was made and changed here since is an insert, one that was deleted and made again an update. What the other site
 * had is what it had before its first contested change of the row in the window; of a change that builds on one refused in an
 * earlier window it is what that one made of it.
 *
 * Rule kept: one record for each change that was refused, and one for each row that lost something to a change that was
 * taken.
 */
import type { ConflictKind, ConflictLogLevel, ConflictRecord, NamedImage, RowWrite } from '../../model/conflict.ts';
import type { LoadTable } from '../../model/load.ts';
import { formatPosition } from '../../model/position.ts';
import type { Image } from '../../model/row.ts';
import type { ConflictPolicy } from '../../model/topology.ts';
import { bounded } from './bounded.ts';
import type { Overruling, Refusal, Verdict } from './decide.ts';
import type { LockKeys } from './keys.ts';
import type { RecentEntry } from './recent.ts';
import type { LockedRow } from './rows.ts';
import type { Claim, Token } from './tokens.ts';

export interface RecordContext {
  readonly channel: string;
  readonly pipeline: string;
  readonly keys: LockKeys;
  /** The rows that were locked before anything was decided. */
  readonly present: readonly LockedRow[];
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly policyOf: (table: LoadTable) => ConflictPolicy;
  readonly nowMs: number;
}

/** In the order of the claims; none of tables that keep no log. */
export function conflictRecords(
  claims: readonly Claim[],
  { refused, overruled }: Pick<Verdict, 'refused' | 'overruled'>,
  context: RecordContext,
): ConflictRecord[] {
  const { keys, levelOf } = context;
  const holders = holdersOf(context);
  const had = new Map<string, boolean>();
  const text = tokenTexts();
  const order = new Map(claims.map((claim, index) => [claim, index]));
  const outcomes = [...refused, ...overruled].sort((a, b) => order.get(a.claim)! - order.get(b.claim)!);
  return outcomes.flatMap((outcome) => {
    const { claim } = outcome;
    const { table, before, after } = claim.change;
    const at = { before: before && keys.row(table, before), after: after && keys.row(table, after) };
    // The old key first: of a key that stays the same it is the one that says that there was a row.
    for (const [lock, existed] of [
      [at.before, true],
      [at.after, false],
    ] as const)
      if (lock !== null && !had.has(lock)) had.set(lock, existed);
    const level = levelOf(table);
    if (level === 'none') return [];
    const policy = context.policyOf(table);
    const told = 'reason' in outcome ? [loserOf(outcome, policy, at, holders)] : losersOf(outcome, policy, at, keys);
    return told.map(({ lock, local, localEntry, ...rest }) => {
      const sameRow = lock !== null && (lock === at.before || lock === at.after);
      const timed = policy === 'last-write-wins';
      return {
        channel: context.channel,
        pipeline: context.pipeline,
        table: { schema: table.target.schema, name: table.target.name },
        key: namedKey(table, lock !== null && lock === at.after ? after! : (before ?? after!)),
        kind: sameRow ? kindOf(claim.change.kind, had.get(lock)!, local) : 'unique',
        ...rest,
        ...imagesOf(table, level, after, local, before),
        incomingGtid: claim.gtid ?? null,
        incomingMs: Math.floor(claim.clock / 1000),
        localGtid: localEntry?.gtid ?? null,
        incomingClock: timed ? String(claim.clock) : null,
        localClock: timed && localEntry !== null ? String(localEntry.stamp.clock) : null,
        token: text(claim.token),
        decidedMs: context.nowMs,
      };
    });
  });
}

/** Of a change that met others: what it met, and how that came out. */
interface Told extends Pick<ConflictRecord, 'winner' | 'rule'> {
  /** In what they met; null: in a unique value. */
  readonly lock: string | null;
  readonly local: Image | null;
  readonly localEntry: RecentEntry | null;
}

/** Lock keys of the change's row, old and new. */
interface At {
  readonly before: string | null;
  readonly after: string | null;
}

type Holders = ReadonlyMap<string, Image>;

function loserOf(refusal: Refusal, policy: ConflictPolicy, { before, after }: At, holders: Holders): Told {
  const { lock, present, reason } = refusal;
  const there = reason === 'duplicate' ? refusal.holder : (holders.get(lock) ?? null);
  return {
    lock,
    local: lock === (before ?? after) ? present : there,
    localEntry: reason === 'recent write' ? refusal.entry : null,
    winner: 'local',
    rule: `${policy}: ${reasonOf(refusal, policy)}`,
  };
}

/** Every row that lost something to a change that was taken; at least its own. */
function losersOf(overruling: Overruling, policy: ConflictPolicy, { before, after }: At, keys: LockKeys): Told[] {
  const { claim, present, beaten, evicted, gaveWay, against } = overruling;
  const entry = beaten ?? (against?.reason === 'contest' ? against.entry : null);
  const merged = against !== null;
  const common = {
    localEntry: entry,
    winner: merged ? ('merged' as const) : ('incoming' as const),
    rule: `${policy}: ${merged ? 'by column' : 'was later'}`,
  };
  const own = { ...common, lock: before ?? after, local: present };
  // The row that was written over because it had the key that this one takes, and those with its unique values.
  const moves = before !== null && before !== after;
  const overwritten = gaveWay.filter((row) => moves && !evicted.some(({ image }) => image === row.image));
  const others = [
    ...overwritten.map(({ image }) => ({ ...common, lock: after, local: image })),
    ...evicted.map(({ table, image, entry: by }) => {
      const atKey = keys.row(table, image) === after;
      return { ...common, localEntry: by, lock: atKey ? after : null, local: image };
    }),
  ];
  const lostOwn = merged || (beaten !== null && differ(claim.change.before, present));
  return lostOwn || others.length === 0 ? [own, ...others] : others;
}

function differ(before: Image | null, present: Image | null): boolean {
  if (before === null || present === null) return before !== present;
  return before.some((value, index) => value !== present[index]);
}

/** Why, in the words of the docs; what stood in the way need not have been written by a user. */
function reasonOf(refusal: Refusal, policy: ConflictPolicy): string {
  if (refusal.reason !== 'recent write') return refusal.reason;
  switch (refusal.entry.kind) {
    case 'local':
      return policy === 'last-write-wins' ? 'was earlier' : 'recent write';
    case 'answer':
    case 'settled':
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

/** Which row has which key or unique value, before anything of the window was taken. */
function holdersOf({ keys, present }: RecordContext): Map<string, Image> {
  return new Map(
    present.flatMap(({ table, image }) => keys.touched(table, null, image).map((lock) => [lock, image] as const)),
  );
}

type Images = Pick<ConflictRecord, 'images' | 'incoming' | 'local' | 'base'>;

export function imagesOf(
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
export function named({ columns, extras }: LoadTable, image: Image): NamedImage {
  const names = [...columns, ...extras].slice(0, image.length).map(({ name }) => name);
  return Object.fromEntries(names.map((name, index) => [name, image[index] ?? null]));
}

export function namedKey({ key, columns }: LoadTable, image: Image): NamedImage {
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
