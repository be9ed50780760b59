/** Desired and applied, held side by side: the objects that differ, and whether they are made, changed, replaced or removed. */
import { isAnother } from '../model/stays.ts';
import { type DatabaseSpec, KINDS, type Kind, type Topology } from '../model/topology.ts';
import { attributesOf } from './attributes.ts';
import { canonical, canonicalText } from './canonical.ts';
import { type Action, type AppliedState, type AttributeChange, addressOf, type Json } from './change.ts';

/** A change before it is explained. */
export interface RawChange {
  readonly kind: Kind;
  readonly name: string;
  readonly address: string;
  readonly actions: readonly Action[];
  readonly before: Json;
  readonly after: Json;
  readonly attributes: readonly AttributeChange[];
}

export function diff(desired: Topology, applied: AppliedState): RawChange[] {
  return KINDS.flatMap((kind) => {
    const wanted: Readonly<Record<string, unknown>> = desired[kind];
    const present = new Map(applied.specs.flatMap((one) => (one.kind === kind ? [[one.name, one.spec] as const] : [])));
    const names = [...new Set([...Object.keys(wanted), ...present.keys()])].sort();
    return names.flatMap((name) => {
      const before = present.has(name) ? canonical(present.get(name)) : null;
      const after = Object.hasOwn(wanted, name) ? canonical(wanted[name]) : null;
      const actions = actionsOf(kind, before, after);
      if (actions === null) return [];
      const address = addressOf(kind, name);
      return [{ kind, name, address, actions, before, after, attributes: attributesOf(kind, before, after) }];
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
