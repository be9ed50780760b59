/** Desired and applied, held side by side: the objects that differ, and whether they are made, changed, replaced or removed. */
import { isAnother } from '../model/stays.ts';
import { type DatabaseSpec, KINDS, type Kind, type Move, type Topology } from '../model/topology.ts';
import { attributesOf } from './attributes.ts';
import { canonical, canonicalText } from './canonical.ts';
import { type Action, type AppliedState, type AttributeChange, addressOf, type Json, nameOf } from './change.ts';

/** A change before it is explained. */
export interface RawChange {
  readonly kind: Kind;
  readonly name: string;
  readonly address: string;
  readonly actions: readonly Action[];
  /** The address that it had before. */
  readonly movedFrom: string | null;
  readonly before: Json;
  readonly after: Json;
  readonly attributes: readonly AttributeChange[];
}

/** @param applied with the new names of what has moved */
export function diff(desired: Topology, applied: AppliedState, moves: readonly Move[] = []): RawChange[] {
  const olds = new Map(moves.map(({ from, to }) => [to, from]));
  return KINDS.flatMap((kind) => {
    const wanted: Readonly<Record<string, unknown>> = desired[kind];
    const present = new Map(applied.specs.flatMap((one) => (one.kind === kind ? [[one.name, one.spec] as const] : [])));
    const names = [...new Set([...Object.keys(wanted), ...present.keys()])].sort();
    return names.flatMap((name) => {
      const before = present.has(name) ? canonical(present.get(name)) : null;
      const after = Object.hasOwn(wanted, name) ? canonical(wanted[name]) : null;
      const address = addressOf(kind, name);
      const movedFrom = olds.get(address) ?? null;
      const actions = actionsOf(kind, before, after) ?? (movedFrom === null ? null : (['update'] as const));
      if (actions === null) return [];
      const attributes = attributesOf(kind, before, after, movedFrom === null ? null : [nameOf(movedFrom), name]);
      return [{ kind, name, address, actions, movedFrom, before, after, attributes }];
    });
  });
}

function actionsOf(kind: Kind, before: Json, after: Json): readonly Action[] | null {
  if (before === null) return after === null ? null : ['create'];
  if (after === null) return ['delete'];
  if (canonicalText(before) === canonicalText(after)) return null;
  return replaces(kind, before, after) ? ['delete', 'create'] : ['update'];
}

function replaces(kind: Kind, before: Json, after: Json): boolean {
  return kind === 'database' && isAnother(before as unknown as DatabaseSpec, after as unknown as DatabaseSpec);
}
