/**
 * The nouns of a plan: what it reads, and one change.
 *
 * Rule: everything in a change is plain JSON with keys in a fixed order, so that a saved plan, a printed one and the one
 * in memory are the same value.
 */
import type { Names } from '../model/kept-names.ts';
import type {
  MetaRecord,
  NodeRecord,
  OwnerRecord,
  PauseRecord,
  PipelineRecord,
  VerifiedRecord,
} from '../model/records.ts';
import type { Stays } from '../model/stays.ts';
import type { Kind } from '../model/topology.ts';

export type Action = 'create' | 'update' | 'delete' | 'no-op';
export type Risk = 'low' | 'medium' | 'high';
export const RISKS = ['low', 'medium', 'high'] as const satisfies Risk[];

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A place in the topology's files, counted from 1. */
export interface Source {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

export type SourceOf = (address: string, attributePath?: string) => Source | null;

/** One attribute, named as the topology's files spell it (`on_error`, `tables[shop.orders].to`). */
export interface AttributeChange {
  readonly path: string;
  readonly action: 'add' | 'change' | 'remove';
  readonly before: Json;
  readonly after: Json;
}

export interface Change {
  /** `channel.shop`. */
  readonly address: string;
  readonly kind: Kind;
  /** `['delete', 'create']` is a replacement. */
  readonly actions: readonly Action[];
  /** The address that it had before; null where it has no new name. */
  readonly moved_from: string | null;
  /** The object as the state store has it and will have it; null where there is none. */
  readonly before: Json;
  readonly after: Json;
  /** Why, in a sentence without a full stop. */
  readonly reason: string;
  /** The gravest of its effects. */
  readonly risk: Risk;
  /** What it does, gravest first. */
  readonly effects: readonly string[];
  /** Why no other plan brings back what this one does; null when one does. */
  readonly irrevocable: string | null;
  /** The risk of each effect, in the same order. */
  readonly effect_risks: readonly Risk[];
  readonly attributes: readonly AttributeChange[];
  readonly source: Source | null;
}

/** One thing a change does. */
export interface Effect {
  readonly risk: Risk;
  readonly text: string;
}

export interface AppliedSpec {
  readonly key: string;
  readonly kind: Kind;
  readonly name: string;
  readonly generation: number;
  readonly spec: Json;
  readonly revision: number;
  /** As in `SpecRecord`. */
  readonly stays?: Stays;
  readonly since?: number;
  readonly created?: number;
}

/** What apply has written, with the revision of each key. */
export interface AppliedState {
  readonly topology: string;
  readonly meta: { readonly key: string; readonly revision: number | null; readonly record: MetaRecord | null };
  readonly specs: readonly AppliedSpec[];
  /** Names as the specs here have them, and as the state store has them. */
  readonly names: Names;
  /** The key under which an object is kept, by the name that it has here, whether it is there or not. */
  readonly keyOf: (kind: Kind, name: string) => string;
  /** The same by the name under which it is kept. */
  readonly keyFor: (kind: Kind, kept: string) => string;
}

/** What nodes report. */
export interface LiveState {
  readonly nodes: Readonly<Record<string, NodeRecord>>;
  readonly owners: Readonly<Record<string, OwnerRecord>>;
  readonly pipelines: Readonly<Record<string, PipelineRecord>>;
  /** What somebody has paused, by its address: a channel, or a pipeline. */
  readonly pauses?: Readonly<Record<string, PauseRecord>>;
  /** How channels were last compared by themselves, by `CHANNEL/DATABASE`. */
  readonly verified?: Readonly<Record<string, VerifiedRecord>>;
}

export function addressOf(kind: Kind, name: string): string {
  return `${kind}.${name}`;
}

export function nameOf(address: string): string {
  return address.slice(address.indexOf('.') + 1);
}
