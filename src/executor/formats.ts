/**
 * Formats of what is kept in the state store, and how an older one becomes the present one: pure, record by record.
 *
 * Rules of a step: it takes a record of its format, or one that it has made itself, and gives one of the next, so that a
 * migration that was cut is begun again; it never needs another record. A step that is there stays there.
 */
import { OtterError } from '../model/error.ts';
import { STATE_FORMAT } from '../model/records.ts';

/** A value of the state store: an object of JSON. */
export type Kept = Readonly<Record<string, unknown>>;

export interface FormatStep {
  /** The format that it makes the next of. */
  readonly from: number;
  /** What becomes different, in a sentence without a full stop. */
  readonly what: string;
  /** @param path of the key below the topology: `spec/channel/shop`. The same object when nothing changes. */
  readonly upgrade: (path: string, record: Kept) => Kept;
}

/** Every format since the first; the present one has no step. */
export const STATE_STEPS: readonly FormatStep[] = [];

export interface Upgraded {
  readonly path: string;
  readonly before: Kept;
  readonly after: Kept;
}

export interface Migration {
  readonly from: number;
  readonly to: number;
  readonly what: readonly string[];
  /** Records that become others, `meta` last. */
  readonly changes: readonly Upgraded[];
}

/** @throws OtterError OT3007 for a format that this version does not know */
export function migrationOf(
  records: ReadonlyMap<string, Kept>,
  from: number,
  { steps = STATE_STEPS, to = STATE_FORMAT }: { readonly steps?: readonly FormatStep[]; readonly to?: number } = {},
): Migration {
  if (!Number.isSafeInteger(from) || from > to || from < to - steps.length) {
    const known = to - steps.length === to ? String(to) : `${to - steps.length} to ${to}`;
    throw new OtterError('OT3007', `the state has format ${from}, and this version of otter knows ${known}`, {
      hint: from > to ? 'A newer otter wrote it: run that version here too.' : 'Migrate it with a version in between.',
    });
  }
  const path = steps.filter((step) => step.from >= from).sort((a, b) => a.from - b.from);
  const changes = [...records].flatMap(([key, before]): Upgraded[] => {
    let after = path.reduce((record, step) => step.upgrade(key, record), before);
    if (key === 'meta' && from !== to) after = { ...after, format: to };
    return JSON.stringify(after) === JSON.stringify(before) ? [] : [{ path: key, before, after }];
  });
  changes.sort((a, b) => Number(a.path === 'meta') - Number(b.path === 'meta') || (a.path < b.path ? -1 : 1));
  return { from, to, what: path.map(({ what }) => what), changes };
}
