/** What goes wrong while the hammer falls: links that are slow and cut, nodes and servers that are killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy, type TcpProxy } from '../../src/lab/proxy.ts';
import { type Random, seededRandom } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { type Chaos, chaosFaults } from './chaos-faults.ts';
import type { Otter } from './otter.ts';

/** One region's node and the line that others reach it by. */
export interface Place {
  readonly node: string;
  readonly line: TcpProxy;
}

/** Each way. */
const DELAY_MS = 100;

/**
 * The topology with a slow line before every one of these nodes, which others are told instead of its own address.
 * @throws Error when the topology has no such node.
 */
export async function slowLines(
  yaml: string,
  nodes: readonly string[],
): Promise<{ readonly yaml: string; readonly places: readonly Place[] }> {
  const places: Place[] = [];
  let text = yaml;
  for (const node of nodes) {
    const found = new RegExp(`  ${node}: \\{.*listen: "([^":]+):(\\d+)"`).exec(text);
    if (found === null) throw new Error(`the topology has no node ${node}`);
    const line = await lineTo({ host: found[1]!, port: Number(found[2]) }, text);
    line.delay(DELAY_MS);
    places.push({ node, line });
    text = text.replace(found[0], `${found[0]}, advertise: "${line.host}:${line.port}"`);
  }
  return { yaml: text, places };
}

/** Nodes do not listen yet, so that their ports look free. */
async function lineTo(target: { readonly host: string; readonly port: number }, taken: string): Promise<TcpProxy> {
  for (;;) {
    const line = await startProxy({ target });
    if (!taken.includes(`:${line.port}"`)) return line;
    await line[Symbol.asyncDispose]();
  }
}

/** What happened, for the report. */
export interface Faults {
  cuts: number;
  freezes: number;
  nodes: number;
  servers: number;
  /** Nodes that stood still for a while, some longer than their lease. */
  stoodStill: number;
  /** Servers that did. */
  serversStoodStill: number;
  /** The state store killed, or standing still. */
  stores: number;
  /** Changes of tables. */
  changes: number;
  /** Clocks of nodes that were set. */
  clocks: number;
  /** Primaries whose place the replica took. */
  failovers: number;
}

export interface Trouble {
  readonly otter: Otter;
  readonly places: readonly Place[];
  /** Killed now and then; none in most cases. */
  readonly servers: readonly DatabaseServer[];
  /** What else goes wrong; null in most cases. */
  readonly chaos: Chaos | null;
  readonly seed: number;
  readonly going: () => boolean;
  readonly start: (node: string) => void;
  /** Before a node is killed: what it knows dies with it. */
  readonly dying: (node: string) => Promise<void>;
}

/** Until told to stop; on return everything runs and every line is whole. */
export async function makeTrouble(trouble: Trouble): Promise<Faults> {
  const { seed } = trouble;
  const faults: Faults = {
    ...{ cuts: 0, freezes: 0, nodes: 0, servers: 0 },
    ...{ stoodStill: 0, serversStoodStill: 0, stores: 0, changes: 0, clocks: 0, failovers: 0 },
  };
  const { chaos, going } = trouble;
  await Promise.all([
    ...(chaos === null ? [] : chaosFaults(trouble, chaos, going, seededRandom(seed + 3), faults)),
    onLines(trouble, seededRandom(seed), faults),
    onNodes(trouble, seededRandom(seed + 1), faults),
    onServers(trouble, seededRandom(seed + 2), faults),
  ]);
  return faults;
}

async function onLines({ places, going }: Trouble, random: Random, faults: Faults): Promise<void> {
  while (await paused(random.between(300, 2_500), going)) {
    const { line } = random.pick(places);
    if (random.chance(0.7)) {
      faults.cuts += 1;
      await line.cut();
    } else {
      faults.freezes += 1;
      line.freeze();
    }
    await sleep(random.between(50, 1_200));
    await line.heal();
  }
}

async function onNodes(
  { otter, places, going, start, dying, chaos }: Trouble,
  random: Random,
  faults: Faults,
): Promise<void> {
  while (await paused(random.between(800, 5_000), going)) {
    const { node } = random.pick(places);
    await dying(node);
    faults.nodes += 1;
    if (chaos?.still.delete(node) === true) otter.signal(node, 'SIGCONT');
    await otter.end(node, chaos !== null && random.chance(0.3) ? 'SIGTERM' : 'SIGKILL');
    await sleep(random.between(0, 500));
    start(node);
  }
}

async function onServers({ servers, going }: Trouble, random: Random, faults: Faults): Promise<void> {
  while (servers.length > 0 && (await paused(random.between(3_000, 9_000), going))) {
    const server = random.pick(servers);
    faults.servers += 1;
    await server.kill();
    await sleep(random.between(0, 1_000));
    await server.restart();
  }
}

/** Whether it still goes on after the pause. */
export async function paused(ms: number, going: () => boolean): Promise<boolean> {
  for (const end = Date.now() + ms; going() && Date.now() < end; ) await sleep(50);
  return going();
}
