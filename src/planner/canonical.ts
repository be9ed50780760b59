/** JSON in one spelling: keys sorted, nothing undefined. Two values are the same exactly when their texts are. */
import type { Json } from './change.ts';

export function canonical(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    // From entries, so that a key named `__proto__` is a key.
    return Object.fromEntries(entries.map(([key, one]) => [key, canonical(one)]));
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new TypeError(`${typeof value} is not JSON`);
}

export function canonicalText(value: unknown): string {
  return JSON.stringify(canonical(value));
}
