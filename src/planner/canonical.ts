/**
 * JSON in one spelling: keys sorted, nothing undefined. Two values are the same exactly when their texts are.
 *
 * A plan is digested as a whole several times, and most of it are objects of the topology: what `canonical` was asked for is
 * remembered with its text, by identity. Rule: whatever was given to it is never changed afterwards.
 */
import type { Json } from './change.ts';

interface Known {
  readonly value: Json;
  text: string | null;
}

/** By the object that was given, and by the one that was made of it. */
const known = new WeakMap<object, Known>();

/** @throws TypeError of what is no JSON */
export function canonical(value: unknown): Json {
  if (typeof value !== 'object' || value === null) return spelled(value);
  const before = known.get(value);
  if (before !== undefined) return before.value;
  const one = { value: spelled(value), text: null };
  known.set(value, one);
  known.set(one.value as object, one);
  return one.value;
}

function spelled(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(spelled);
  if (typeof value === 'object') {
    // From entries, so that a key named `__proto__` is a key.
    return Object.fromEntries(sortedEntries(value).map(([key, one]) => [key, spelled(one)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new TypeError(`${typeof value} is not JSON`);
}

/** The text of `canonical(value)`. */
export function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(spelled(value));
  const one = known.get(value);
  if (one !== undefined) {
    one.text ??= JSON.stringify(one.value);
    return one.text;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  const entries = sortedEntries(value);
  // Such keys stand in an object by their number, before all others.
  if (entries.some(([key]) => /^\d/.test(key))) return JSON.stringify(spelled(value));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalText(one)}`).join()}}`;
}

function sortedEntries(value: object): [string, unknown][] {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
