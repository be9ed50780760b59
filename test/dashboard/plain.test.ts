import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PlainPrinter, plainLines } from '../../src/dashboard/plain.ts';
import { runDashboard } from '../../src/dashboard/run.ts';
import type { DashboardItem } from '../../src/dashboard/store.ts';
import { pretendDesk } from './desk.ts';
import { COPYING, channel, EMPTY, FAILED, HEALTHY, NODE_AWAY, NOW_MS, pipeline, report } from './reports.ts';

const withoutTime = (lines: readonly string[]): string[] =>
  lines.map((text) => text.replace(/^\d\d:\d\d:\d\d {2}/, ''));

describe('plain lines', () => {
  it('say each pipeline in one line', () => {
    expect(plainLines(HEALTHY)).toEqual([
      'shop/hz>ca  streaming  lag 12 ms    1,204 rows/s   applied 1.23M  conflicts 0',
      'shop/ca>hz  streaming  lag 14 ms    311 rows/s     applied 45,678  conflicts 3',
    ]);
    expect(plainLines(COPYING)[0]).toContain('copied 43%, about 12 s left');
    expect(plainLines(FAILED)[1]).toMatch(/OT5016 shop\.orders key 4711: .* \(Make the column/);
    expect(plainLines(NODE_AWAY)[0]).toContain('waits for node ca-1 to come back');
    expect(plainLines(EMPTY)).toEqual([]);
  });

  const lag = (lagMs: number) =>
    report({ nodes: [], channels: [channel('shop', [pipeline('shop/hz>ca', { lag_ms: lagMs })])] });

  it('come at most once a second while only figures change, and not at all when nothing does', () => {
    const printer = new PlainPrinter();
    const said = [0, 250, 500, 999, 1000, 1001, 2000, 3000].map(
      (ms) => printer.lines(lag(ms < 2000 ? ms : 7), NOW_MS + ms).length,
    );
    expect(said).toEqual([1, 0, 0, 0, 1, 0, 1, 0]);
  });

  it('come at once when a phase changes', () => {
    const printer = new PlainPrinter();
    printer.lines(HEALTHY, NOW_MS);
    const said = withoutTime(printer.lines(FAILED, NOW_MS + 10));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^shop\/ca>hz {2}failed/);
  });

  it('say once that the store is away, and that it is back', () => {
    const printer = new PlainPrinter();
    printer.lines(HEALTHY, NOW_MS);
    const say = (item: DashboardItem) => withoutTime(printer.lines(item, NOW_MS + 1));
    expect(say({ away: 'no answer' })).toEqual(['state store away: no answer']);
    expect(say({ away: 'no answer' })).toEqual([]);
    expect(say(HEALTHY)).toEqual(['state store is back']);
  });

  it('tell of nodes and of the story', () => {
    const printer = new PlainPrinter();
    expect(withoutTime(printer.lines(HEALTHY, NOW_MS))).toContain('node ca-1 alive, owns ca');
    expect(withoutTime(printer.lines(NODE_AWAY, NOW_MS))).toContain('node ca-1 away');
    expect(withoutTime(printer.lines({ note: 'killing\x1b[31m ca-1' }, NOW_MS))).toEqual(['killing ca-1']);
  });
});

describe('off a terminal the dashboard', () => {
  async function run(
    source: AsyncIterable<DashboardItem>,
    options: {
      once?: boolean;
      open?: string;
      signal?: AbortSignal;
      prepare?: (out: PassThrough) => void;
      heard?: (item: DashboardItem) => void;
    } = {},
  ) {
    const out = new PassThrough();
    options.prepare?.(out);
    let text = '';
    out.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await runDashboard({
      source,
      desk: pretendDesk(false),
      open: options.open,
      stdout: out as unknown as NodeJS.WriteStream,
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      env: { LANG: 'C.UTF-8' },
      now: () => NOW_MS,
      signal: options.signal ?? new AbortController().signal,
      once: options.once,
      heard: options.heard,
    });
    return text;
  }

  async function* of(...items: readonly DashboardItem[]): AsyncGenerator<DashboardItem> {
    yield* items;
  }

  /** Yields, then never again. */
  function hanging(first: DashboardItem): AsyncIterable<DashboardItem> {
    let yielded = false;
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (yielded) return new Promise<never>(() => undefined);
          yielded = true;
          return { done: false, value: first };
        },
      }),
    };
  }

  it.each([false, true])('tells who records it of everything (one frame: %j)', async (once) => {
    const heard: DashboardItem[] = [];
    const note = { note: 'servers are up' };
    await run(of(note, HEALTHY), { once, heard: (item) => heard.push(item) });
    expect(heard).toEqual([note, HEALTHY]);
  });

  it('prints lines until the source ends', async () => {
    const text = await run(of({ note: 'servers are up' }, HEALTHY));
    expect(text.split('\n').filter((one) => one !== '')).toHaveLength(5);
    expect(text).not.toContain('\x1b');
  });

  it('ends with its signal though the source does not', async () => {
    const controller = new AbortController();
    const done = run(hanging(HEALTHY), { signal: controller.signal });
    controller.abort();
    await done;
  });

  it('passes a failure of the source on', async () => {
    const failing = (async function* (): AsyncGenerator<DashboardItem> {
      yield HEALTHY;
      throw new Error('planted');
    })();
    await expect(run(failing)).rejects.toThrow('planted');
  });

  it('ends quietly when the reader of its output has gone', async () => {
    await run(hanging(HEALTHY), {
      prepare: (out) =>
        setImmediate(() => out.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))),
    });
  });

  it('prints one whole frame when asked, or why there is none', async () => {
    const text = await run(hanging(HEALTHY), { once: true });
    expect(text).toContain('shop · serial 7');
    expect(text).toContain('NODES');
    expect(text).not.toContain('\x1b');
    expect(text).not.toContain('▸');
    expect(await run(of({ away: 'no answer' }), { once: true })).toContain('State store away');
  });

  it('prints the place that is named, when what it shows is known', async () => {
    expect(await run(hanging(HEALTHY), { once: true, open: 'conflict ca:7' })).toMatch(/city +\* 'Hangzhou'/);
    expect(await run(hanging(HEALTHY), { once: true, open: 'conflict ca:8' })).toContain('there is no conflict ca:8');
    expect(await run(hanging(HEALTHY), { once: true, open: 'yaml shop' })).toContain('# channel.shop as applied');
    for (const [open, why] of [
      ['nonsense', 'there is no command nonsense'],
      ['verify shop', 'does nothing'],
      ['pause shop', 'only reads'],
    ]) {
      await expect(run(hanging(HEALTHY), { once: true, open: open! })).rejects.toMatchObject({
        code: 'OT7001',
        message: expect.stringContaining(why!) as string,
      });
    }
  });
});
