import { expect, test } from 'vitest';
import { runMesh } from './mesh/world.ts';

/** Other seeds than the quick test's. */
const FIRST = 100_000;
const HISTORIES = 20_000;
const SHARDS = 8;

test.each(Array.from({ length: SHARDS }, (_, shard) => shard))(
  `${HISTORIES / SHARDS} random histories of last-write-wins in a mesh, part %i`,
  (shard) => {
    const found: string[] = [];
    for (let count = 0; count < HISTORIES / SHARDS; count += 1) {
      const seed = FIRST + shard * (HISTORIES / SHARDS) + count;
      const { violation } = runMesh({ seed });
      if (violation !== null) found.push(`seed ${seed}: ${violation}`);
    }
    expect(found).toEqual([]);
  },
  240_000,
);
