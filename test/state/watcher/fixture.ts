/** A process of its own that watches a state file and says how old each write was when it heard of it: `node fixture.ts FILE`. */
import { openStore } from '../../../src/state/open.ts';

const store = openStore(`file:${process.argv[2]!}`);
const { revision } = await store.list('/two/');
process.stdout.write('watching\n');
for await (const { events } of store.watch('/two/', revision, new AbortController().signal)) {
  const nowMs = performance.timeOrigin + performance.now();
  for (const event of events) {
    // The value is the writer's clock, which on one machine is also ours.
    if (event.kind === 'put') process.stdout.write(`${event.entry.key} ${nowMs - Number(event.entry.value)}\n`);
  }
}
