/** The throttle of a database, looking at a server that says what the test wants. */
import { afterEach, expect, test } from 'vitest';
import type { LoadPort, ServerLoad } from '../../src/model/load.ts';
import type { Logger } from '../../src/model/ports.ts';
import type { ThrottleSpec } from '../../src/model/topology.ts';
import { Throttle } from '../../src/site/throttle.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const busy = (threadsRunning: number): ServerLoad => ({ threadsRunning, replicas: [], unasked: [] });

class World implements LoadPort {
  readonly said: string[] = [];
  readonly throttle: Throttle;
  limits: ThrottleSpec | undefined = { threads_running: 10 };
  answer: ServerLoad | Error = busy(3);
  looks = 0;

  constructor() {
    const say = (message: string, fields?: object): void => {
      this.said.push(`${message} ${Object.values(fields ?? {}).join()}`.trim());
    };
    const logger = { info: say, warn: say } as unknown as Logger;
    this.throttle = new Throttle({ limits: () => this.limits, load: this, logger, everyMs: 1 });
    void this.throttle.run(stop.signal);
  }

  async ask(): Promise<ServerLoad> {
    this.looks += 1;
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }

  /** So many looks are over. */
  async looked(times: number): Promise<void> {
    const until = this.looks + times + 1;
    await expect.poll(() => this.looks, { interval: 1 }).toBeGreaterThanOrEqual(until);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

test('a busy server is written more slowly, in words, and as fast as before when it is calm', async () => {
  const world = new World();
  await world.looked(2);
  expect(world.throttle.words).toBeNull();
  await world.throttle.rest(60_000, stop.signal);
  world.answer = busy(71);
  await world.looked(10);
  expect(world.throttle.words).toBe('the database, which is written 4 % of the time: 71 threads run (limit 10)');
  // Whoever rests sees that it is over.
  const rests = world.throttle.rest(60_000, stop.signal);
  world.answer = busy(10);
  await rests;
  await world.looked(20);
  expect(world.throttle.words).toBeNull();
  expect(world.said).toEqual([
    'the database is busy and written more slowly 71 threads run (limit 10)',
    'the database is written as fast as it can be again',
  ]);
});

test('a limit that goes is no limit any more', async () => {
  const world = new World();
  world.answer = busy(71);
  await world.looked(10);
  world.limits = undefined;
  await expect.poll(() => world.throttle.words).toBeNull();
});

test('what cannot be asked slows nobody down, and is said once', async () => {
  const world = new World();
  world.answer = new Error('gone');
  await world.looked(5);
  expect(world.throttle.words).toBeNull();
  world.answer = { threadsRunning: null, replicas: [], unasked: ['b:3306: refused'] };
  await world.looked(5);
  expect(world.said).toEqual([
    'how busy the database is could not be asked gone',
    'how busy the database is could not be asked b:3306: refused',
  ]);
});

test('who rests goes at once when the site stops', async () => {
  const world = new World();
  world.answer = busy(71);
  await world.looked(10);
  const leaving = new AbortController();
  const rests = world.throttle.rest(60_000, leaving.signal);
  leaving.abort(new Error('stopped'));
  await expect(rests).rejects.toThrow();
});
