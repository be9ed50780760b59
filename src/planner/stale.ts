/** What has moved since a plan was made: which objects, from what to what, by whom and when, as the journals of applies tell it. */

import type { Kind } from '../model/topology.ts';
import { attributesOf } from './attributes.ts';
import type { AppliedState, AttributeChange, Json } from './change.ts';
import { addressOf, nameOf } from './change.ts';
import { stateFor } from './moves.ts';
import type { Plan } from './plan.ts';
import { readsOf } from './reads.ts';

/** One change in the journal of an apply. */
export interface Journaled {
  readonly serial: number;
  readonly by: string;
  readonly at: string;
  readonly address: string;
  /** Left out of very large objects. */
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
}

export interface MovedKey {
  readonly key: string;
  readonly address: string;
  /** Null: it was not there, or is not. */
  readonly was: number | null;
  readonly is: number | null;
}

/** Why a key is another than the plan read it. */
export interface Since {
  readonly by: string;
  readonly at: string;
  readonly serial: number;
  readonly attributes: readonly AttributeChange[];
}

/** Keys that the plan depends on, and that are not as it read them; sorted. */
export function movedKeys(plan: Plan, present: AppliedState): MovedKey[] {
  const applied = stateFor(plan, present);
  const there = new Map(applied.specs.map((spec) => [spec.key, spec]));
  const addresses = new Map(applied.specs.map(({ key, kind, name }) => [key, addressOf(kind, name)]));
  const made = plan.changes.filter(({ before }) => before === null);
  for (const { kind, address } of made) addresses.set(applied.keyOf(kind, nameOf(address)), address);
  // What concerns these changes now, as well as what did when they were planned.
  const now = readsOf(applied, asPresent(plan, applied));
  const keys = [...new Set([...Object.keys(plan.reads), ...Object.keys(now)])].sort();
  return keys.flatMap((key): MovedKey[] => {
    const [was, is] = [plan.reads[key] ?? null, there.get(key)?.revision ?? null];
    return was === is ? [] : [{ key, address: addresses.get(key) ?? addressIn(key), was, is }];
  });
}

/** The plan's changes with the objects as they are now, so that what refers to them now is found too. */
function asPresent({ changes }: Plan, { specs }: AppliedState): Plan['changes'] {
  const present = new Map(specs.map(({ kind, name, spec }) => [addressOf(kind, name), spec]));
  return changes.map((change) => ({ ...change, before: present.get(change.address) ?? change.before }));
}

/** `channel.shop` of a key that nothing is known of any more. */
function addressIn(key: string): string {
  const [kind = '', name = ''] = key.split('/').slice(-2);
  return `${kind}.${decodeURIComponent(name)}`;
}

/** By whom and when an object became another after the plan was made, newest last. */
export function since(plan: Plan, address: string, journal: readonly Journaled[]): Since[] {
  return journal
    .filter((entry) => entry.address === address && entry.serial >= plan.serial)
    .sort((a, b) => a.serial - b.serial)
    .map(({ by, at, serial, before = null, after = null }) => ({
      by,
      at,
      serial,
      attributes: attributesOf(address.slice(0, address.indexOf('.')) as Kind, before, after),
    }));
}
