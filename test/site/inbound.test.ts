/** What a pipeline says of itself between attempts and while the topology changes; its stream and target are made up. */
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import type { LoadSession, TargetPort } from '../../src/model/load.ts';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { LinkClient, Logger } from '../../src/model/ports.ts';
import type { Delivery } from '../../src/model/row.ts';
import type { Traces, WindowTrace } from '../../src/model/traces.ts';
import { Inbound, type InboundOptions } from '../../src/site/inbound.ts';
import { WindowTraces } from '../../src/site/window-traces.ts';
import { loaded, SHOP } from '../planner/world.ts';

const [spec] = compileChannel('shop', loaded(SHOP).topology.channel['shop']!);
const START = 'mariadb:0-1-1';
const common = { gtid: '', position: START, seen: {}, clock: 0, bytes: 64 };
const BEAT: Delivery = { ...common, kind: 'beat', sentMs: 0, settled: 1 };
/** Of a table that the target refuses: there is none, and none can be made. */
const TABLE = {
  ...common,
  kind: 'table',
  announced: { table: { schema: 'shop', name: 'orders' }, copies: true, rowsEstimate: 1, stay: 0, generation: 1 },
} as unknown as Delivery;

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const session = {
  begin: async () => ({ missing: 0, absent: 0 }),
  apply: async () => ({ missing: 0, absent: 0 }),
  write: async () => ({ missing: 0 }),
  recordTables: async () => undefined,
  commit: async () => undefined,
  rollback: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
} as unknown as LoadSession;
const target = {
  prepare: async () => undefined,
  claim: async () => ({ seq: 1, epoch: 1, position: START, clock: 0, seen: {} }),
  lanes: async () => null,
  copies: async () => [],
  known: async () => ({}),
  making: async () => ({}),
  pendingChange: async () => null,
  letters: async () => [],
  forgetTables: async () => undefined,
  session: async () => session,
  shape: async () => {
    throw new OtterError('OT5014', 'it has no primary key', { hint: 'Add one.' });
  },
} as unknown as TargetPort;

/** A pipeline under way; the test plays the source. @param more what is otherwise than usual */
function started(more: Partial<InboundOptions> = {}) {
  const waiting: Delivery[] = [];
  const link: LinkClient = {
    open: async (_, __, signal) => {
      // What comes is for the attempt that runs then.
      let closed = false;
      return {
        opening: { position: START, clock: 0, seen: {}, logsCascades: true },
        deliveries: (async function* () {
          while (!signal.aborted && !closed) {
            const next = waiting.shift();
            if (next !== undefined) yield [next];
            else await new Promise<void>((resolve) => setTimeout(resolve, 2));
          }
        })(),
        acknowledge: () => undefined,
        [Symbol.asyncDispose]: async () => {
          closed = true;
        },
      };
    },
  };
  const send = (delivery: Delivery): number => waiting.push(delivery);
  const inbound = new Inbound({
    spec: spec!,
    generation: 1,
    target,
    link,
    ownerRevision: 1,
    judging: null,
    joined: () => undefined,
    begins: () => undefined,
    ready: async () => undefined,
    origin: () => Promise.reject(new Error('no mesh')),
    born: 1,
    onFirstCheckpoint: () => undefined,
    logger: quiet,
    now: () => 0,
    ...more,
  });
  const abort = new AbortController();
  const running = inbound.run(abort.signal);
  return {
    inbound,
    send,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await running;
    },
  };
}

test('a changed topology counts as run when the source has carried it out, not when it was read', async () => {
  await using pipeline = started();
  const { inbound, send } = pipeline;
  send(BEAT);
  await expect.poll(() => inbound.figures()).toMatchObject({ phase: 'streaming', observedGeneration: 1 });
  inbound.update(spec!, 2);
  // The source may have sent this before it knew.
  send({ ...BEAT, position: 'mariadb:0-1-2' });
  await expect.poll(() => inbound.figures().position).toBe('mariadb:0-1-2');
  expect(inbound.figures().observedGeneration).toBe(1);
  send({ ...BEAT, settled: 3 });
  await expect.poll(() => inbound.figures().observedGeneration).toBe(2);
});

test('who says that every table was told need not wait for its log', async () => {
  await using pipeline = started();
  const { inbound, send } = pipeline;
  const told = { table: { schema: 'shop', name: 'orders' }, copies: false, later: true, complete: 2 };
  send(BEAT);
  await expect.poll(() => inbound.figures()).toMatchObject({ phase: 'streaming', observedGeneration: 1 });
  inbound.update({ ...spec!, left: [{ since: 2, rules: [] }] }, 2);
  send({ ...common, kind: 'table', announced: told } as unknown as Delivery);
  send({ ...BEAT, position: 'mariadb:0-1-2' });
  await expect.poll(() => inbound.figures().position).toBe('mariadb:0-1-2');
  // What has left may be on its way.
  expect(inbound.figures().observedGeneration).toBe(1);
  inbound.update(spec!, 2);
  send({ ...common, kind: 'table', announced: told } as unknown as Delivery);
  await expect.poll(() => inbound.figures().observedGeneration).toBe(2);
});

test('where tables count from when they joined, that is so from the beginning', async () => {
  await using pipeline = started();
  const { inbound, send } = pipeline;
  inbound.update({ ...spec!, joinsLate: true }, 2);
  send(BEAT);
  await expect.poll(() => inbound.figures()).toMatchObject({ phase: 'streaming', observedGeneration: 1 });
  send({ ...BEAT, settled: 3 });
  await expect.poll(() => inbound.figures().observedGeneration).toBe(2);
});

test('a failure is of the generation that was tried, and stays with its error until something arrives', async () => {
  await using pipeline = started();
  const { inbound, send } = pipeline;
  send(TABLE);
  const failed = { phase: 'failed', error: { code: 'OT5014' }, copy: null };
  await expect.poll(() => inbound.figures()).toMatchObject({ ...failed, observedGeneration: 1 });
  inbound.update(spec!, 2);
  expect(inbound.figures().observedGeneration).toBe(1);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    send(TABLE);
    for (let look = 0; look < 20; look += 1) {
      expect(inbound.figures()).toMatchObject(failed);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await expect.poll(() => inbound.figures()).toMatchObject({ ...failed, observedGeneration: 2 });
  send(BEAT);
  await expect.poll(() => inbound.figures()).toMatchObject({ phase: 'streaming', error: null });
});

/** Of a transaction without rows of this pipeline, which moves its checkpoint all the same. */
const transaction = (gtid: string): Delivery =>
  ({
    ...common,
    ...{ kind: 'changes', first: true, last: true, changes: [], gtid, position: `mariadb:${gtid}` },
    clock: (Date.now() - 60_000) * 1000,
  }) as Delivery;

test('each window is followed alone, with its stages, and with the attempt that came to nothing', async () => {
  const told: WindowTrace[] = [];
  const traces: Traces = { window: (one) => told.push(one), [Symbol.asyncDispose]: async () => undefined };
  let refused = 0;
  const refusing = {
    ...session,
    apply: async () => {
      if (refused++ === 0) throw new OtterError('OT4004', "lost: row 'Lee' was under way", { retry: 'backoff' });
      return { missing: 0, absent: 0 };
    },
  } as unknown as LoadSession;
  await using pipeline = started({
    traces: new WindowTraces(traces, 'main', () => spec!),
    target: { ...target, session: async () => refusing } as unknown as TargetPort,
  });
  const { inbound, send } = pipeline;
  send(transaction('0-1-7'));
  await expect.poll(() => inbound.figures().error?.code).toBe('OT4004');
  send(transaction('0-1-7'));
  // Of beats nobody is told.
  send({ ...BEAT, position: 'mariadb:0-1-8' });
  await expect.poll(() => inbound.figures().position).toBe('mariadb:0-1-8');
  const named = { topology: 'main', channel: 'shop', pipeline: spec!.name, source: spec!.source, target: spec!.target };
  expect(told).toMatchObject([
    { ...named, rows: 0, transactions: 1, gtid: '0-1-7', error: { code: 'OT4004' } },
    { ...named, rows: 0, transactions: 1, gtid: '0-1-7', error: null },
  ]);
  for (const { stages, ageMs } of told) {
    // Statements are made ahead only of what waits for another.
    expect(stages.map(({ stage }) => stage)).toEqual(['load']);
    for (const { fromMs, toMs } of stages) expect(toMs).toBeGreaterThanOrEqual(fromMs);
    expect(ageMs).toBeGreaterThanOrEqual(59_000);
  }
});
