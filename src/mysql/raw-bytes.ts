/**
 * The slice methods that Buffer has beside `toString`, which costs half as much again on short values: types for what
 * Node provides on every Buffer. A test compares them with `toString`.
 */
declare global {
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    hexSlice(start?: number, end?: number): string;
  }
}

export type {};
