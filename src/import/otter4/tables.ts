/** Pairs of media as table entries: names, columns, weights; and what keeps a pair from being one. */
import type { DraftTable, Fields, LeftOut } from '../draft.ts';
import type { Canal, Extension, Manager, Media, Pair } from './manager.ts';
import { entryOf, vaguenessOf } from './media.ts';

export interface PlacedPair {
  readonly pair: Pair;
  readonly source: Media;
  readonly target: Media;
}

export type Table = { readonly table: DraftTable } | { readonly leftOut: LeftOut };

export interface Context {
  readonly twoWay: boolean;
  /** Rows were read from their source again (MEDIA). */
  readonly rereads: boolean;
  /** Weights differ in this channel. */
  readonly weighed: boolean;
  readonly canal: Canal | undefined;
}

/** In the order in which Otter 4 looked for the pair of a table: the most exact first. */
export function inOrder(pairs: readonly PlacedPair[]): PlacedPair[] {
  const vagueness = new Map(pairs.map((one) => [one, vaguenessOf(one.source, one.target)]));
  return [...pairs].sort((a, b) => vagueness.get(a)! - vagueness.get(b)! || a.pair.id - b.pair.id);
}

export function tableOf({ pair, source, target }: PlacedPair, context: Context): Table {
  const entry = entryOf(source, target);
  const named = `${source.namespace}.${source.name}`;
  if ('problem' in entry) return { leftOut: { fields: { from: named }, why: [entry.problem] } };
  const { from, to } = entry;
  const columns = columnsOf(pair);
  const fields = {
    from,
    to: to ?? undefined,
    columns,
    order: context.weighed && !context.twoWay ? pair.weight : undefined,
    reread: context.rereads && !context.twoWay && pair.filter === null ? true : undefined,
  };
  const black = blackened(source, context.canal);
  if (black !== null) return { leftOut: { fields, why: [black] } };
  if (pair.filter !== null) return { leftOut: processed(fields, pair.filter, context) };
  return { table: { fields, notes: notesOf(pair) } };
}

function columnsOf({ mode, columns }: Pair): Fields | undefined {
  if (columns.length === 0) return undefined;
  const names = columns.map(([from]) => from);
  if (mode === 'exclude') return { omit: names };
  const renamed = columns.filter(([from, to]) => from !== to);
  return { only: names, rename: renamed.length === 0 ? undefined : Object.fromEntries(renamed) };
}

function notesOf({ resolver, mode, columns }: Pair): string[] {
  const named = resolver === null ? '' : ` (${resolver.name || 'source text'})`;
  return [
    ...(resolver === null
      ? []
      : [
          `Files that its FileResolver${named} named are not carried: only rows are. Keep them in another way, or see \`files\`.`,
        ]),
    ...(mode === 'exclude' && columns.some(([from, to]) => from !== to)
      ? ['Otter 4 took no new names from excluded columns, and none are taken here.']
      : []),
  ];
}

/** Rows that went through code go through it here too, or not at all. */
function processed(fields: Fields, filter: Extension, { twoWay }: Context): LeftOut {
  const name =
    filter.name
      .split('.')
      .at(-1)!
      .replaceAll(/[^\w-]/g, '') || 'rows';
  const what =
    filter.kind === 'class'
      ? `the class ${filter.name}`
      : `a Java source text${filter.name === '' ? '' : ` (${filter.name})`}`;
  const why = `rows go through ${what} (EventProcessor) in Otter 4.`;
  if (twoWay) {
    return {
      fields,
      why: [why, 'Two-way rows travel as they are. Carry the table in a one-way channel, or without the code.'],
    };
  }
  const module = `./processors/${name.toLowerCase()}.mjs`;
  const more = `Write ${module} to do the same (docs/mapping.md has its form), or say it with \`where\` and \`columns\`, then take the entry in:`;
  return { fields: { ...fields, process: module }, why: [why, more] };
}

/** Why the canal never read the table, or null; what cannot be told is not taken along. */
function blackened({ namespace, name }: Media, canal: Canal | undefined): string | null {
  const black = canal?.blackFilter ?? '';
  if (black === '') return null;
  const said = `the canal ${canal!.name} has the black filter ${black}`;
  if (/[*?+|(){}[\]\\$^.]/.test(`${namespace}${name}`)) {
    return `${said}, which may take tables from this entry: name those that you want.`;
  }
  const hit = black.split(',').some((one) => {
    try {
      return new RegExp(`^(?:${one.trim()})$`, 'i').test(`${namespace}.${name}`);
    } catch {
      return true;
    }
  });
  return hit ? `${said}, so Otter 4 did not read this table.` : null;
}

/** Pairs of a pipeline with both media, and those that lack one, in words. */
export function pairsOf(
  manager: Manager,
  pipeline: number,
): { readonly pairs: PlacedPair[]; readonly problems: string[] } {
  const problems: string[] = [];
  const pairs = manager.pairs.flatMap((pair): PlacedPair[] => {
    if (pair.pipeline !== pipeline) return [];
    const [source, target] = [manager.media.get(pair.source), manager.media.get(pair.target)];
    if (source !== undefined && target !== undefined) return [{ pair, source, target }];
    problems.push(
      `Pair ${pair.id} is left out: its media ${source === undefined ? pair.source : pair.target} is not there.`,
    );
    return [];
  });
  return { pairs, problems };
}
