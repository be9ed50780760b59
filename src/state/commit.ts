/**
 * What every keeping of the state store agrees on about a commit, so that what works on one works on all:
 * the limits are etcd's (128 operations and 1.5 MiB by default), a key is written once, and nothing is ever split.
 */
import { strict as assert } from 'node:assert';
import { OtterError } from '../model/error.ts';
import type { Commit } from '../model/ports.ts';

/** Conditions and writes are counted apart, as etcd counts them. */
export const COMMIT_OPERATIONS_MAX = 128;
/** Below etcd's 1.5 MiB, which also count what surrounds the values. */
export const COMMIT_BYTES_MAX = 1_400_000;

/** @throws OtterError OT3003 naming the limit that the commit exceeds. */
export function checkCommit(commit: Commit): void {
  const { conditions, puts, deletes } = commit;
  const written = [...puts.map((put) => put.key), ...deletes];
  assert.equal(new Set(written).size, written.length, 'a key is written twice in one commit');
  assert.equal(new Set(conditions.map((c) => c.key)).size, conditions.length, 'a key has two conditions in one commit');
  const operations = Math.max(conditions.length, written.length);
  if (operations > COMMIT_OPERATIONS_MAX) {
    throw new OtterError(
      'OT3003',
      `a transaction of the state store takes ${COMMIT_OPERATIONS_MAX} operations, and this one has ${operations}`,
      { hint: 'Change fewer objects at once, for instance with --target.' },
    );
  }
  const bytes =
    puts.reduce((sum, put) => sum + Buffer.byteLength(put.key) + Buffer.byteLength(put.value), 0) +
    [...deletes, ...conditions.map((c) => c.key)].reduce((sum, key) => sum + Buffer.byteLength(key), 0);
  if (bytes > COMMIT_BYTES_MAX) {
    const largest = puts.reduce((a, b) => (b.value.length > a.value.length ? b : a), puts[0]!);
    throw new OtterError(
      'OT3003',
      `a transaction of the state store takes ${COMMIT_BYTES_MAX} bytes, and this one has ${bytes}`,
      { hint: 'Make the largest object smaller, or change fewer at once.', where: { largest: largest.key } },
    );
  }
}
