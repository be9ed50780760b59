/** How soon a process sees what another wrote to the same state file: `node bench/state.ts [--writes N]`. */
import { quantile, seenAfterMs } from '../test/state/two-processes.ts';
import { startPart } from './shared/part.ts';

const bench = startPart({ name: 'state', sizes: { writes: { full: 300, quick: 100 } } });

const { ms } = await seenAfterMs(bench.sizes.writes);
for (const [name, share] of [
  ['p50', 0.5],
  ['p99', 0.99],
] as const)
  bench.tell({
    name: `a write to a state file is seen, ${name}`,
    value: quantile(ms, share),
    unit: 'ms',
    wanted: { bound: 'at most', value: 200 },
  });
bench.end();
