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

const PLAIN = { enumerable: true, configurable: true, writable: true };

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
    const made: Record<string, Json> = {};
    for (const key of sortedKeys(value)) {
      const one = spelled((value as Record<string, unknown>)[key]);
      // A key of this name is a key.
      if (key === '__proto__') Object.defineProperty(made, key, { ...PLAIN, value: one });
      else made[key] = one;
    }
    return made;
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
  const keys = sortedKeys(value);
  // Such keys stand in an object by their number, before all others.
  if (keys.some((key) => /^\d/.test(key))) return JSON.stringify(spelled(value));
  const at = value as Record<string, unknown>;
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(at[key])}`).join()}}`;
}

/** Nearly all objects have few keys, and many have them in order. */
function sortedKeys(value: object): string[] {
  const at = value as Record<string, unknown>;
  const keys = Object.keys(value);
  const isKept = (key: string, i: number): boolean => at[key] !== undefined && (i === 0 || keys[i - 1]! < key);
  return keys.every(isKept) ? keys : keys.filter((key) => at[key] !== undefined).sort(byCodeUnits);
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}
