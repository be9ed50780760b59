/**
 * Rows of many megabytes, when they have been passed on or written.
 *
 * They leave as much behind: the engine looks for what is not in use any more when its heap has doubled, and counts what lies outside of
 * it (packets, frames, long texts) late. So that the memory of a node is bounded by bytes that are counted, whoever is done with that
 * much of them asks for a collection.
 */
import type { CopyChunk, Delivery, RowChange } from './row.ts';

/** More than a chunk or a part of a transaction has that is not a single row. */
export const LARGE_BYTES = 8 << 20;
/** A collection takes some ten milliseconds, a fraction of what it takes to carry these. */
const COLLECTED_BYTES = 16 << 20;

/** What `bin/otter` asks the engine for (`--expose-gc`); without it the engine collects when it likes. */
const collect: (() => void) | undefined = (globalThis as { gc?: () => void }).gc;

let passed = 0;

/** So many bytes were read, or passed on, and are not needed as they were. */
export function letGo(bytes: number): void {
  if (bytes < LARGE_BYTES) return;
  passed += bytes;
  if (passed < COLLECTED_BYTES) return;
  passed = 0;
  collect?.();
}

/** The same of one that was handed on, for whoever waits with it at hand. */
export function forgetChanges(item: { readonly bytes: number; readonly changes: readonly RowChange[] }): void {
  if (item.bytes >= LARGE_BYTES) (item as { changes: readonly RowChange[] }).changes = [];
}

/** Whoever gave these deliveries out, and waits for the next, holds them still: their rows are taken out, if they are many bytes. */
export function forgetRows(deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) {
    if (delivery.bytes < LARGE_BYTES) continue;
    if (delivery.kind === 'changes') forgetChanges(delivery);
    else if (delivery.kind === 'chunk') (delivery as { chunk: CopyChunk }).chunk = { ...delivery.chunk, rows: [] };
    letGo(delivery.bytes);
  }
}
