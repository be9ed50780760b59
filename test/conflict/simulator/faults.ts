/** Rules that are known to be wrong. The simulator must catch each one; that is how it shows that it can fail. */
import type { Image, LoggedAnswer } from '../../../src/model/row.ts';
import { Settled } from '../../../src/replication/conflict/contest.ts';
import { decide, type Verdict } from '../../../src/replication/conflict/decide.ts';
import type { EntryKind, Recent, RecentEntry } from '../../../src/replication/conflict/recent.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import type { Claim, Token } from '../../../src/replication/conflict/tokens.ts';
import { KEYS } from './schema.ts';

export const FAULTS = {
  'answer from source': 'an answer counts as a write of the spoke, since its transaction bears the mark',
  'answer without entry': 'an answer is sent and makes no entry',
  'image at refusal': 'the answer shows the row before the window, not as its transaction leaves it',
  'unanswered refusal': 'a refused change is dropped and nobody is told',
  'one answer for a key change': 'a refused key change is answered for its old key only',
  'refusal not kept': 'a refused key may be written by later changes of the same window',
  'spoke skips a colliding row': 'the spoke leaves the holder of a unique value in place and skips the row',
  'chunk without entry': 'copied rows are taken without an entry at their high watermark',
  'unlocked watermark': 'the high watermark may be written while a window is between its check and its commit',
  'window applied twice': 'a window sent again after a cut, or after a lost commit answer, is applied again',
  'stale owner not fenced': 'an owner that was replaced goes on with the window that it has in hand',
  'before image': 'a conflict is a present row that differs from the before image',
  'deletes forgotten': 'the index knows no deletes',
  'unique values not noted': 'the index knows primary keys only',
  'present token after restart': 'a reader that starts again takes what its database has seen by now',
  'token claims too much': 'the token is what the database has seen when the log is read, not when it was written',
  'token claims too little': 'the token lags one checkpoint behind',
  'one token for a window': "every change of a window is judged by the last one's token",
  'absent-key race': 'the check comes before the write, and absent keys are not locked',
  'slow path without gap locks': 'the slow path locks only rows that exist',
  'no barrier': 'the index is asked before the reader has passed the end of the log',
  'evicting too early': 'entries leave when a token arrives, not when its window is committed',
  'index rebuilt from the outbound position': 'after a restart the index begins where the spoke stands',
} as const;

/** Rules that are wrong only where a write may win over one that came before it, or join with it. */
export const POLICY_FAULTS = {
  'taken unanswered': 'what is taken over a write that the spoke had not seen is not answered',
  'evicted row unanswered': 'a row that gives way to a later one is deleted, and the spoke is not told',
  'last entry only': 'the index keeps of each key only the last write',
  'answers merged with rows': 'an answer is merged with rows whose keys are spelled otherwise',
  'naive counters': 'a number that should add up is a column like others',
} as const;

/** Rules that are wrong only where a hub has several spokes. */
export const STAR_FAULTS = {
  'other spokes not forwarded': 'the hub sends a spoke only what its own users wrote',
  'sent back to its writer': 'the hub sends a spoke what that spoke wrote',
  'index without other spokes': 'the index knows what users of the hub wrote, not what came from other spokes',
  'entries dropped one peer early': 'one index for all spokes, whose entries leave when any spoke has seen them',
  'answer to the wrong spoke': 'a refusal is answered to another spoke than the one that was refused',
  'chunk blind to other spokes': 'changes applied from other spokes between the watermarks leave the chunk as read',
  'own writes are entries': 'what a spoke wrote counts against its own next write',
  'applied rows without versions': 'rows of another spoke count as written when the hub applied them, and whole',
  "others' answers are entries": 'an answer to one spoke counts against the others',
} as const;

/** Rules that are wrong only where a spoke has several channels with the hub. */
export const CHANNEL_FAULTS = {
  'highest token over channels': 'what any channel has brought to the spoke counts as seen in all of them',
  'lowest token over channels': 'only what every channel has brought to the spoke counts as seen',
  "evicting by another channel's token": 'entries leave when any channel has brought them to the spoke',
} as const;

/** Wrong about the conflict log only: the sites stay equal. */
export const LOSS_FAULTS = {
  'refusals unrecorded': 'a change that is refused goes in silence',
  'refused before unrecorded': 'a change that builds on a refused one goes in silence',
  'beaten rows unrecorded': 'a row that a later write is taken over goes in silence',
  'evicted rows unrecorded': 'a row that gives way for its unique value goes in silence',
  'lost columns unrecorded': 'a change that is taken in part loses the rest in silence',
  'seen writes recorded': 'a row counts as lost also to a change that had seen it',
  'beaten rows recorded again': 'what lost to a change of the spoke is recorded for its next change as well',
  'recorded when decided': 'records are written when a window is decided, before it is committed',
  'recorded after the commit': 'records are written when the window is committed, in a transaction of their own',
} as const;

/** Every known-bad rule. */
export const EVERY_FAULT = { ...FAULTS, ...POLICY_FAULTS, ...STAR_FAULTS, ...CHANNEL_FAULTS, ...LOSS_FAULTS } as const;

export type Fault = keyof typeof EVERY_FAULT;

/** `answer from source`: keys that were last written by an answer are as if the spoke had written them. */
export class BlindToAnswers implements Recent {
  readonly #recent: Recent;
  readonly #answered = new Set<string>();

  constructor(recent: Recent) {
    this.#recent = recent;
  }

  get size(): number {
    return this.#recent.size;
  }

  noted(kind: EntryKind, locks: readonly string[]): void {
    for (const lock of locks) {
      if (kind === 'answer') this.#answered.add(lock);
      else this.#answered.delete(lock);
    }
  }

  uncovered(lock: string, token: Token): RecentEntry | null {
    return this.#answered.has(lock) ? null : this.#recent.uncovered(lock, token);
  }

  allUncovered(lock: string, token: Token): readonly RecentEntry[] {
    return this.#answered.has(lock) ? [] : this.#recent.allUncovered(lock, token);
  }
}

/**
 * `before image`: an index that finds a write where the present row is not what the change says it was. The claims it
 * is asked about must be the ones it returns.
 */
export function byBeforeImages(
  claims: readonly Claim[],
  present: ReadonlyMap<string, Image>,
): { claims: readonly Claim[]; recent: Recent } {
  const rows = new Map<string, Image | null>(present);
  const conflicting = new Set<Token>();
  const tag = { family: 'file', file: 'tag', offset: 0, server: null, made: null } as const;
  const tagged = claims.map(({ change, clock }) => ({ change, clock, token: { ...tag } }));
  for (const { change, token } of tagged) {
    const { table, before, after } = change;
    const key = KEYS.row(table, before ?? after!);
    const there = rows.get(key) ?? null;
    const same = before === null ? there === null : there?.every((value, index) => value === before[index]) === true;
    if (!same) {
      conflicting.add(token);
      continue;
    }
    rows.set(key, null);
    if (after !== null) rows.set(KEYS.row(table, after), after);
  }
  const entry: RecentEntry = { gtid: '0-1-0', kind: 'local', columns: null, stamp: { order: 0, clock: 0 } };
  const recent: Recent = {
    size: 1,
    uncovered: (_lock, token) => (conflicting.has(token) ? entry : null),
    allUncovered: (_lock, token) => (conflicting.has(token) ? [entry] : []),
  };
  return { claims: tagged, recent };
}

/** `refusal not kept`: every change is decided as if it were alone in its window. */
export function decideForgetfully(
  pipeline: string,
  claims: readonly Claim[],
  present: readonly LockedRow[],
  recent: Recent,
): Verdict {
  const rows = new Map(present.map((row) => [KEYS.row(row.table, row.image), row]));
  const answers: LoggedAnswer[] = [];
  const refused: Verdict['refused'][number][] = [];
  const final = new Map<string, LockedRow | null>();
  for (const claim of claims) {
    const verdict = decide({ pipeline, claims: [claim], present: [...rows.values()], keys: KEYS, recent });
    answers.push(...verdict.answers);
    refused.push(...verdict.refused);
    for (const write of verdict.writes) {
      if (write.kind !== 'insert' && write.kind !== 'delete') continue;
      for (const image of write.rows) {
        const key = KEYS.row(write.table, image);
        if (write.kind === 'delete') rows.delete(key);
        else rows.set(key, { table: write.table, image });
        final.set(key, rows.get(key) ?? null);
      }
    }
  }
  const gone = present.filter((row) => final.has(KEYS.row(row.table, row.image)));
  const there = [...final.values()].flatMap((row) => (row === null ? [] : [row]));
  const unique = [...new Map(gone.map((row) => [KEYS.row(row.table, row.image), row])).values()];
  return {
    writes: [
      ...unique.map((row) => ({ kind: 'delete' as const, table: row.table, rows: [row.image] })),
      ...there.map((row) => ({ kind: 'insert' as const, table: row.table, rows: [row.image] })),
    ],
    answers,
    refused,
    drift: [],
    overruled: [],
    settled: new Settled(),
  };
}
