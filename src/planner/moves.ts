/**
 * `moved`: objects that have a new name and go on where they are.
 *
 * Rule: an entry counts when the old name is applied and the new one is declared and not applied, so that it can stay in the files
 * afterwards; what could be meant in two ways is refused.
 */
import { type Names, nodeNamed, pipelineNamed, RENAMABLE, specNamed } from '../model/kept-names.ts';
import type { Kind, Move, Topology } from '../model/topology.ts';
import {
  type AppliedSpec,
  type AppliedState,
  addressOf,
  type Change,
  type Json,
  type LiveState,
  nameOf,
} from './change.ts';
import type { Refusal } from './refusal.ts';

export interface Moves {
  readonly moves: readonly Move[];
  readonly refusals: readonly Refusal[];
}

export function movesOf(desired: Topology, { specs }: Pick<AppliedState, 'specs'>): Moves {
  const next = new Map((desired.moved ?? []).map(({ from, to }) => [from, to]));
  const applied = new Set(specs.map(({ kind, name }) => addressOf(kind, name)));
  const declared = (address: string): boolean => {
    const kind = kindOf(address);
    return kind !== null && Object.hasOwn(desired[kind], nameOf(address));
  };
  const all = [...applied].flatMap((from): Move[] => {
    const to = lastOf(from, next);
    const renames = to !== from && kindOf(from) !== null && kindOf(from) === kindOf(to);
    return renames && !applied.has(to) && declared(to) ? [{ from, to }] : [];
  });
  // Asked for, and not possible: without a word the object would be destroyed, and its positions with it.
  const taken = [...applied].flatMap((from): Refusal[] => {
    const to = lastOf(from, next);
    if (to === from || !applied.has(to) || declared(from) || !declared(to)) return [];
    return [
      {
        code: 'OT2008',
        message: `${from} cannot become ${to}, which is applied already`,
        hint: `Apply first without ${to}, then with the new name; or take the entry out of \`moved\` when ${from} is to go.`,
      },
    ];
  });
  const byTarget = Map.groupBy(all, ({ to }) => to);
  const twice = [...byTarget].flatMap(([to, moves]): Refusal[] => {
    if (moves.length === 1) return [];
    return [
      {
        code: 'OT2008',
        message: `${moves.map(({ from }) => from).join(' and ')} would both become ${to}`,
        hint: 'Take the entries of `moved` out that were applied before.',
      },
    ];
  });
  const moves = [...byTarget.values()].flatMap((some) => (some.length === 1 ? some : []));
  return { moves, refusals: [...taken, ...twice] };
}

/** Null for what has no position. */
function kindOf(address: string): (typeof RENAMABLE)[number] | null {
  return RENAMABLE.find((kind) => address.startsWith(`${kind}.`)) ?? null;
}

/** The end of a chain of renames; a ring, which is refused where files are read, leads to its beginning. */
function lastOf(address: string, next: ReadonlyMap<string, string>): string {
  const seen = new Set([address]);
  for (let at = address; ; ) {
    const to = next.get(at);
    if (to === undefined) return at;
    if (seen.has(to)) return address;
    seen.add(to);
    at = to;
  }
}

/** Those that are still to be made: what has the old name of one that was made is another object. */
export function pendingMoves(moves: readonly Move[], { specs }: Pick<AppliedState, 'specs'>): readonly Move[] {
  if (moves.length === 0) return moves;
  const applied = new Set(specs.map(({ kind, name }) => addressOf(kind, name)));
  return moves.filter(({ to }) => !applied.has(to));
}

/** The applied state as if its objects had their new names already. */
export function withMoves(applied: AppliedState, all: readonly Move[]): AppliedState {
  const moves = pendingMoves(all, applied);
  if (moves.length === 0) return applied;
  const rename = renaming(moves);
  const specs = applied.specs.map(
    (one): AppliedSpec => ({
      ...one,
      name: rename(one.kind, one.name),
      spec: specNamed<Json>(one.kind, one.spec, rename),
    }),
  );
  return named({ ...applied, specs }, applied.names.renamed(moves));
}

export function liveWithMoves(live: LiveState, moves: readonly Move[]): LiveState {
  return moves.length === 0 ? live : renamedLive(live, renaming(moves));
}

function named(applied: AppliedState, names: Names): AppliedState {
  return { ...applied, names, keyOf: (kind, name) => applied.keyFor(kind, names.kept(kind, name)) };
}

/** The applied state in which the names and keys of all that a plan changes are known: what moves, and what is made. */
export function stateFor(
  { moved, changes }: { readonly moved: readonly Move[]; readonly changes: readonly Made[] },
  applied: AppliedState,
): AppliedState {
  const state = withMoves(applied, moved);
  return named(state, namesAfter(state, changes));
}

type Made = Pick<Change, 'kind' | 'address' | 'before'>;

/** With the objects that the changes make. @param applied with its moves */
function namesAfter({ names }: AppliedState, changes: readonly Made[]): Names {
  const made = changes.filter(({ before }) => before === null);
  return made.length === 0 ? names : names.with(made.map(({ kind, address }) => ({ kind, name: nameOf(address) })));
}

/** What nodes tell, by the names that people know. */
export function shownLive(live: LiveState, names: Names): LiveState {
  return names.plain ? live : renamedLive(live, (kind, name) => names.shown(kind, name));
}

function renaming(moves: readonly Move[]): (kind: Kind, name: string) => string {
  const to = new Map(moves.map((move) => [move.from, nameOf(move.to)]));
  return (kind, name) => to.get(addressOf(kind, name)) ?? name;
}

function renamedLive(
  { nodes, owners, pipelines, pauses, verified }: LiveState,
  rename: (kind: Kind, name: string) => string,
): LiveState {
  const pipeline = (name: string): string => pipelineNamed(name, rename);
  const keyed = <T>(records: Readonly<Record<string, T>>, keyOf: (name: string) => string): Record<string, T> => {
    // An object may be called `constructor`.
    const result = Object.create(null) as Record<string, T>;
    for (const [name, record] of Object.entries(records)) result[keyOf(name)] = record;
    return result;
  };
  const verifiedNamed = (name: string): string => {
    const [channel = '', database = ''] = name.split('/');
    return `${rename('channel', channel)}/${rename('database', database)}`;
  };
  const figures = keyed(nodes, (name) => name);
  for (const [name, node] of Object.entries(nodes)) figures[name] = nodeNamed(node, rename);
  return {
    nodes: figures,
    owners: keyed(owners, (name) => rename('database', name)),
    pipelines: keyed(pipelines, pipeline),
    ...(verified === undefined ? {} : { verified: keyed(verified, verifiedNamed) }),
    ...(pauses === undefined ? {} : { pauses: keyed(pauses, (address) => restNamed(address, rename)) }),
  };
}

/** `channel.shop` or `pipeline.shop/hz>ca`, which somebody paused. */
function restNamed(address: string, rename: (kind: Kind, name: string) => string): string {
  const name = nameOf(address);
  return address.startsWith('channel.')
    ? addressOf('channel', rename('channel', name))
    : `pipeline.${pipelineNamed(name, rename)}`;
}
