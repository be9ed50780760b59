/**
 * How soon a process sees what another wrote to the same state file: `node bench/state.ts`. Wanted are 200 ms.
 */
import { quantile, seenAfterMs } from '../test/state/two-processes.ts';

const WRITES = 300;

const { ms } = await seenAfterMs(WRITES);
const [half, most, worst] = [0.5, 0.99, 1].map((share) => `${quantile(ms, share).toFixed(1)} ms`);
console.log(
  `a state file, two processes, ${WRITES} writes: half seen within ${half}, 99 of 100 within ${most}, all within ${worst}`,
);
