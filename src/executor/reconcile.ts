/**
 * What a node does next about one database, or one side of a file set, decided from what it sees and what it runs.
 *
 * `decide` is pure and total: the same sight, the same step, however it came about. The shell takes one step, looks
 * again, and is done when there is nothing to do. Rules: a site that runs goes on while the store is away and stops
 * for a newer owner before anything else; nothing is started without owning the database under the present lease;
 * what is not understood is left as it is.
 */
import { strict as assert } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { FileSideSpec } from '../model/files.ts';
import type { Condition, SiteSpec } from '../model/ports.ts';
import type { MetaRecord, OwnerRecord } from '../model/records.ts';
import { nextOwner, type Placement } from './ownership.ts';
import type { Outcome } from './queue.ts';
import { SETTLED } from './queue.ts';
import type { Seen } from './world.ts';

/** What a node is told to do about what it owns: a database, or a side of a file set, which is owned alike. */
export type OwnedSpec = SiteSpec | FileSideSpec;

/** Everything a decision about one database rests on. */
export interface Sight {
  readonly database: string;
  readonly ownerKey: string;
  readonly me: Me;
  readonly meta: MetaRecord | null;
  /** The database is in the topology. */
  readonly declared: boolean;
  /** Its deletion was seen, not just its absence. */
  readonly deleted: boolean;
  /** What its owner has to do; null unless it is declared and of this node's region. */
  readonly desired: OwnedSpec | null;
  readonly owner: Seen<OwnerRecord> | null;
  /** Who could own it, and what else is to be owned in its region. */
  readonly placement: Placement;
  /** The node that somebody wants to own it, where that could; else null. */
  readonly place: string | null;
  readonly foreignRevision: number;
  readonly fault: Diagnostic | null;
  readonly running: Running | null;
  /** The owner record as this process last wrote it, and under which lease; null when it holds none. */
  readonly claim: { readonly revision: number; readonly lease: string } | null;
}

export interface Me {
  readonly name: string;
  readonly instance: string;
  readonly advertise: string;
  /** Null while this node is not registered: it may run what it runs, and begin nothing. */
  readonly registered: {
    readonly lease: string;
    /** Owner records of this node's name that are older belong to a process that is gone. */
    readonly revision: number;
  } | null;
  /** How long to leave free databases to nodes that may still be starting. */
  readonly settlingMs: number;
}

export interface Running {
  readonly spec: OwnedSpec;
  /** Revision at which this node became owner, before which every other owner is fenced. */
  readonly ownerRevision: number;
}

export type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'stuck'; readonly diagnostic: Diagnostic }
  | { readonly kind: 'claim'; readonly condition: Condition }
  | { readonly kind: 'release'; readonly condition: Condition }
  | { readonly kind: 'start'; readonly spec: OwnedSpec; readonly ownerRevision: number }
  | { readonly kind: 'update'; readonly spec: OwnedSpec }
  | { readonly kind: 'stop'; readonly reason: string }
  /** The database left the topology: otter's own rows there go too. */
  | { readonly kind: 'retire' };

const NONE: Step = { kind: 'none' };

export function decide(sight: Sight): Step {
  const { running, desired, fault, meta } = sight;
  if (running !== null) {
    if (sight.foreignRevision > running.ownerRevision) return { kind: 'stop', reason: 'another node became its owner' };
    if (fault !== null) return { kind: 'stuck', diagnostic: fault };
    // Everything gone at once, and nobody saw it deleted: a store that was lost, not a topology that was destroyed.
    if (meta === null && !sight.declared && !sight.deleted) return NONE;
    if (!sight.declared && (sight.deleted || meta?.lineage === running.spec.lineage)) return { kind: 'retire' };
    if (desired === null) return { kind: 'stop', reason: 'the topology no longer gives it to this node' };
    if (desired.lineage !== running.spec.lineage) return { kind: 'stop', reason: 'the topology was applied anew' };
    if (!isDeepStrictEqual(reachedBy(desired), reachedBy(running.spec)))
      return { kind: 'stop', reason: 'it is reached in another way now' };
    if (isElsewhere(sight)) return { kind: 'stop', reason: `somebody wants it at node ${sight.place}` };
    if (!isDeepStrictEqual(desired, running.spec)) return { kind: 'update', spec: desired };
  } else if (fault !== null) {
    return { kind: 'stuck', diagnostic: fault };
  }
  return decideOwnership(sight);
}

/** What a site's connections are made with, or where the files of a side lie. */
function reachedBy(spec: OwnedSpec): unknown {
  if ('set' in spec) return spec.spec.roots[spec.region];
  const { database } = spec;
  const { engine, endpoints, user, password, tls, schema } = database;
  return { engine, endpoints, user, password, tls, schema };
}

/** It is owned here under the present lease, and somebody wants it at another node, which lives. */
function isElsewhere({ owner, place, me }: Sight): boolean {
  const mine = owner !== null && owner.record.instance === me.instance && me.registered !== null;
  return mine && place !== null && place !== me.name;
}

function decideOwnership(sight: Sight): Step {
  const { me, desired, owner, running, claim } = sight;
  const mine = owner !== null && owner.record.instance === me.instance;
  if (desired === null) {
    return mine ? { kind: 'release', condition: { key: sight.ownerKey, revision: owner.revision } } : NONE;
  }
  if (me.registered === null) return NONE;
  if (owner === null) return decideFree(sight);
  if (isElsewhere(sight) && running === null)
    return { kind: 'release', condition: { key: sight.ownerKey, revision: owner.revision } };
  const take: Step = { kind: 'claim', condition: { key: sight.ownerKey, revision: owner.revision } };
  if (!mine) {
    // Left behind by an earlier process of this name. A later one is not robbed: registering, it took the name.
    return owner.record.node === me.name && owner.revision < me.registered.revision ? take : NONE;
  }
  const current =
    owner.revision > sight.foreignRevision &&
    claim?.revision === owner.revision &&
    claim.lease === me.registered.lease &&
    owner.record.advertise === me.advertise;
  if (!current) return take;
  return running === null ? { kind: 'start', spec: desired, ownerRevision: owner.revision } : NONE;
}

function decideFree({ database, ownerKey, running, placement, place, me }: Sight): Step {
  const take: Step = { kind: 'claim', condition: { key: ownerKey, revision: null } };
  // It runs here, and nobody else came: what was lost with the old lease is taken back.
  if (running !== null) return take;
  if (place !== null) return place === me.name ? take : NONE;
  if (nextOwner(database, placement) !== me.name) return NONE;
  return me.settlingMs > 0 ? { kind: 'wait', ms: me.settlingMs } : take;
}

/** How a step is carried out. All but `look` may throw what may pass by itself. */
export interface Hands {
  look(database: string): Sight;
  /** False when the record was not as the condition says. */
  claim(database: string, condition: Condition): Promise<boolean>;
  release(database: string, condition: Condition): Promise<void>;
  start(spec: OwnedSpec, ownerRevision: number): void;
  update(spec: OwnedSpec): void;
  stop(database: string, reason: string): Promise<void>;
  retire(database: string): Promise<void>;
}

const STEPS_MAX = 10;
/** The record was not as it seemed: the news are on their way. */
const NEWS_MS = 200;

export async function reconcile(database: string, hands: Hands): Promise<Outcome> {
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    const step = decide(hands.look(database));
    switch (step.kind) {
      case 'none':
        return SETTLED;
      case 'wait':
        return { kind: 'again', afterMs: step.ms };
      case 'stuck':
        return step;
      case 'claim':
        if (!(await hands.claim(database, step.condition))) return { kind: 'again', afterMs: NEWS_MS };
        break;
      case 'release':
        await hands.release(database, step.condition);
        break;
      case 'start':
        assert.equal(step.spec.name, database);
        hands.start(step.spec, step.ownerRevision);
        break;
      case 'update':
        hands.update(step.spec);
        break;
      case 'stop':
        await hands.stop(database, step.reason);
        break;
      case 'retire':
        await hands.retire(database);
        break;
      default:
        return step satisfies never;
    }
  }
  return { kind: 'again', afterMs: NEWS_MS };
}
