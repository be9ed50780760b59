/**
 * What goes wrong besides in a run of chaos: nodes and servers stand still, some longer than a lease lives, the state store is
 * away, lines are slow and narrow, clocks are wrong, replicas take the place of primaries, and tables are changed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/lab/random.ts';
import type { DatabaseServer, EtcdServer } from '../../src/lab/servers.ts';
import type { Clocks } from './clocks.ts';
import type { FailingOver, Standing } from './failing-over.ts';
import { type Faults, paused, type Trouble } from './hammer-faults.ts';
import { BEARABLE, isLost, type ServerError } from './hammer-writers.ts';
import { connectAs } from './otter.ts';

export interface Chaos {
  readonly store: EtcdServer;
  /** Who stand still now and then, and are not killed meanwhile. */
  readonly servers: readonly DatabaseServer[];
  /** Nodes that stand still at this moment. */
  readonly still: Set<string>;
  /** Where tables are changed; null: nowhere. */
  readonly changes: Standing | null;
  /** Null: they go right. */
  readonly clocks: Clocks | null;
  /** Sites whose primary changes. */
  readonly primaries: readonly FailingOver[];
}

/** How long nodes stand still: most not long, some beyond the ten seconds of a lease. */
const STILL_MS = [300, 2_000, 12_000] as const;
/** By how much clocks are wrong, in seconds: a little, a lease, an hour; back too. */
const WRONG_S = [0, 0, 1.5, -1.5, 30, -30, 3_600, -3_600] as const;
const LINES_MS = [0, 20, 100, 400] as const;
const NARROW = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2 << 20, 200 << 10] as const;

/** Each until told to stop; on return everything goes on again. */
export function chaosFaults(
  trouble: Trouble,
  chaos: Chaos,
  going: () => boolean,
  random: Random,
  faults: Faults,
): Promise<void>[] {
  return [
    stillNodes(trouble, chaos, going, random, faults),
    stillServers(chaos, going, random, faults),
    storeAway(chaos, going, random, faults),
    slowLines(trouble, going, random),
    changedTables(chaos, going, random, faults),
    jumpingClocks(trouble, chaos, going, random, faults),
    ...chaos.primaries.map((site) => failingOver(site, going, random, faults)),
  ];
}

async function stillNodes(
  { otter, places }: Trouble,
  { still }: Chaos,
  going: () => boolean,
  random: Random,
  faults: Faults,
): Promise<void> {
  while (await paused(random.between(2_000, 9_000), going)) {
    const { node } = random.pick(places);
    faults.stoodStill += 1;
    still.add(node);
    otter.signal(node, 'SIGSTOP');
    // Who is killed and started again meanwhile stands no more.
    await paused(random.pick(STILL_MS) * (0.5 + random.next()), () => still.has(node));
    if (still.delete(node)) otter.signal(node, 'SIGCONT');
  }
}

async function stillServers({ servers }: Chaos, going: () => boolean, random: Random, faults: Faults): Promise<void> {
  while (servers.length > 0 && (await paused(random.between(4_000, 12_000), going))) {
    const server = random.pick(servers);
    faults.serversStoodStill += 1;
    await server.freeze();
    await sleep(random.between(200, 4_000));
    server.thaw();
  }
}

async function storeAway({ store }: Chaos, going: () => boolean, random: Random, faults: Faults): Promise<void> {
  while (await paused(random.between(6_000, 18_000), going)) {
    faults.stores += 1;
    const killed = random.chance(0.5);
    await (killed ? store.kill() : store.freeze());
    await sleep(random.between(300, 14_000));
    if (killed) await store.restart();
    else store.thaw();
  }
}

async function slowLines({ places }: Trouble, going: () => boolean, random: Random): Promise<void> {
  while (await paused(random.between(1_000, 6_000), going)) {
    const { line } = random.pick(places);
    line.delay(random.pick(LINES_MS));
    line.throttle(random.pick(NARROW));
  }
  for (const { line } of places) {
    line.delay(0);
    line.throttle(Number.POSITIVE_INFINITY);
  }
}

/** In the end all go right again. */
async function jumpingClocks(
  { places }: Trouble,
  { clocks }: Chaos,
  going: () => boolean,
  random: Random,
  faults: Faults,
): Promise<void> {
  while (clocks !== null && (await paused(random.between(1_500, 6_000), going))) {
    faults.clocks += 1;
    await clocks.set(random.pick(places).node, random.pick(WRONG_S));
  }
  for (const { node } of places) await clocks?.set(node, 0);
}

async function failingOver(site: FailingOver, going: () => boolean, random: Random, faults: Faults): Promise<void> {
  while (await paused(random.between(5_000, 20_000), going)) {
    await site.failOver(random);
    faults.failovers += 1;
  }
}

/** Columns and keys that are added at the site from which such changes travel. */
async function changedTables({ changes }: Chaos, going: () => boolean, random: Random, faults: Faults): Promise<void> {
  for (let n = 1; changes !== null && (await paused(random.between(3_000, 10_000), going)); n += 1) {
    const table = random.pick(['plain', 'words', 'uniques']);
    const change = random.pick([`ADD COLUMN extra${n} INT`, `ADD KEY k${n} (note(10))`]);
    const error = await changed(changes, `ALTER TABLE hammer.${table} ${change}`);
    if (error === null) faults.changes += 1;
    // Whether it was made where the line broke nobody knows, and nobody needs to.
    else if (!isLost(error) && !BEARABLE.has(error.errno!)) throw error;
  }
}

async function changed({ server, users }: Standing, sql: string): Promise<ServerError | null> {
  try {
    const db = await connectAs(server, users);
    try {
      await db.query(`SET SESSION lock_wait_timeout=5; ${sql}`);
      return null;
    } finally {
      db.destroy();
    }
  } catch (error) {
    return error as ServerError;
  }
}
