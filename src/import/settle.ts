/**
 * Until a draft is a valid topology: what the checks of topologies refuse in it is taken out and kept as a comment, with the
 * reason; so an import always ends in files that `otter validate` accepts and `otter plan` does not refuse.
 */
import type { Draft, DraftChannel, Item, LeftOut } from './draft.ts';
import { type Place, type Written, write } from './write.ts';

/** An error of the checks, by where it stands in the text. */
export interface Refused {
  readonly code: string;
  readonly line: number;
  readonly text: string;
}

const ROUNDS_MAX = 200;
/** Why a channel is a comment. */
export const NOTHING_LEFT = 'none of its tables can be carried as it is.';

/** @param judge errors of a text; what stands outside the channels is not to be mended here, and is returned */
export function settle(
  draft: Draft,
  judge: (text: string) => readonly Refused[],
): { readonly draft: Draft; readonly written: Written; readonly rest: readonly Refused[] } {
  let present = watchingWhatIsThere(draft);
  for (let round = 0; ; round += 1) {
    const written = write(present);
    const refused = judge(written.text);
    const next = round < ROUNDS_MAX ? without(present, refused, written.places) : null;
    if (next === null) return { draft: present, written, rest: refused };
    present = watchingWhatIsThere(next);
  }
}

/** Alerts of channels that were left out go with them. */
function watchingWhatIsThere(draft: Draft): Draft {
  const there = new Set(draft.channels.map(({ name }) => name));
  const [kept, gone] = [true, false].map((wanted) =>
    draft.alerts.filter(({ fields }) => there.has(String(fields['channel'])) === wanted),
  ) as [Item[], Item[]];
  if (gone.length === 0) return draft;
  const notes = gone.map(
    ({ name, fields }) => `The alert ${name} is left out, since its channel ${String(fields['channel'])} is.`,
  );
  return { ...draft, alerts: kept, notes: [...draft.notes, ...notes] };
}

/** Null when nothing can be taken out. */
function without(draft: Draft, refused: readonly Refused[], places: readonly Place[]): Draft | null {
  const tables = new Map<string, Map<number, Refused>>();
  const whole = new Map<string, Refused>();
  for (const one of refused) {
    const at = places.findLast(({ line }) => line <= one.line);
    if (at === undefined) continue;
    if (at.table === null) whole.set(at.channel, whole.get(at.channel) ?? one);
    else {
      const known = tables.get(at.channel) ?? new Map<number, Refused>();
      tables.set(at.channel, known);
      if (!known.has(at.table)) known.set(at.table, one);
    }
  }
  // A channel may be refused for one of its tables only: those go first.
  if (tables.size > 0) return { ...draft, ...parted(draft, (name) => tables.get(name) ?? null) };
  if (whole.size === 0) return null;
  const gone = draft.channels.filter(({ name }) => whole.has(name));
  if (gone.length === 0) return null;
  return {
    ...draft,
    channels: draft.channels.filter(({ name }) => !whole.has(name)),
    leftOut: [...draft.leftOut, ...gone.map((channel) => ({ channel, why: [reason(whole.get(channel.name)!)] }))],
  };
}

function parted(draft: Draft, of: (name: string) => ReadonlyMap<number, Refused> | null) {
  const leftOut = [...draft.leftOut];
  const channels = draft.channels.flatMap((channel): DraftChannel[] => {
    const bad = of(channel.name);
    if (bad === null) return [channel];
    const more = [...bad].map(([i, one]): LeftOut => ({ fields: channel.tables[i]!.fields, why: [reason(one)] }));
    const tables = channel.tables.filter((_, i) => !bad.has(i));
    const next = { ...channel, tables, leftOut: [...channel.leftOut, ...more] };
    if (tables.length > 0) return [next];
    leftOut.push({ channel: next, why: [NOTHING_LEFT] });
    return [];
  });
  return { channels, leftOut };
}

function reason({ code, text }: Refused): string {
  return `${text} (${code})`;
}
