/**
 * The keys that changes depend on: the objects themselves, what they refer to and what refers to them, the channels beside them, and what
 * plans are held against. A plan is stale when one of these moved; whatever else is applied meanwhile does not concern it.
 *
 * Rule: what could make the same changes wrong or refused is among them: a channel shares databases with others (rings, tables that go
 * from one to another), a database has a region, a region nodes.
 */
import type { ChannelSpec, Kind } from '../model/topology.ts';
import { type AppliedSpec, type AppliedState, addressOf, type Change, type Json, nameOf } from './change.ts';
import { databasesOf, refersTo } from './references.ts';

type Object = Pick<AppliedSpec, 'kind' | 'spec'> & { readonly address: string };

/** @param applied in which all names of the changes are known (`stateFor`). Null for a key that is not there. */
export function readsOf(applied: AppliedState, changes: readonly Change[]): Record<string, number | null> {
  const reads: Record<string, number | null> = {};
  const related = relatedTo(applied, changes);
  for (const { key, kind, name, revision } of applied.specs) {
    // That there is nothing to do is said of everything.
    if (changes.length === 0 || related.has(addressOf(kind, name))) reads[key] = revision;
  }
  for (const { kind, address, before } of changes) {
    if (before === null) reads[applied.keyOf(kind, nameOf(address))] = null;
  }
  return reads;
}

function relatedTo({ specs }: AppliedState, changes: readonly Change[]): ReadonlySet<string> {
  const objects = specs.map(({ kind, name, spec }): Object => ({ kind, spec, address: addressOf(kind, name) }));
  const versions = changes.flatMap(({ kind, address, before, after }): Object[] =>
    [before, after].flatMap((spec) => (spec === null ? [] : [{ kind, address, spec }])),
  );
  const related = new Set(changes.map(({ address }) => address));
  // Policies hold against every plan.
  for (const { kind, address } of objects) if (kind === 'policy' && address !== 'policy.history') related.add(address);
  const changed = new Set(related);
  const databases = new Set(versions.flatMap(databasesIn));
  for (const object of objects) {
    const shares = object.kind === 'channel' && databasesIn(object).some((name) => databases.has(name));
    if (shares || refersTo(object.kind, object.spec).some((address) => changed.has(address)))
      related.add(object.address);
  }
  // What all of these need, and the nodes that serve it.
  const byAddress = new Map(objects.map((object) => [object.address, object]));
  const open = [...versions, ...objects.filter(({ address }) => related.has(address))];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const address of refersTo(next.kind, next.spec)) {
      const object = byAddress.get(address);
      if (object === undefined || related.has(address)) continue;
      related.add(address);
      open.push(object);
    }
  }
  for (const { kind, address, spec } of objects) {
    if (kind === 'node' && refersTo(kind, spec).some((region) => related.has(region))) related.add(address);
  }
  return related;
}

function databasesIn({ kind, address, spec }: { kind: Kind; address: string; spec: Json }): string[] {
  if (kind === 'database') return [nameOf(address)];
  return kind === 'channel' ? databasesOf((spec as unknown as ChannelSpec).direction) : [];
}
