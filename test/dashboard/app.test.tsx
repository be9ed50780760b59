import { cleanup, render } from 'ink-testing-library';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Dashboard } from '../../src/dashboard/app.tsx';
import { type DashboardItem, DashboardStore } from '../../src/dashboard/store.ts';
import { COPYING, EMPTY, FAILED, FIFTY, HEALTHY, NOW_MS } from './reports.ts';

afterEach(cleanup);

function mount(items: readonly DashboardItem[], { columns = 80, rows = 24, ascii = false } = {}) {
  const store = new DashboardStore(() => NOW_MS);
  for (const item of items) store.push(item);
  const app = render(<Dashboard store={store} now={() => NOW_MS} ascii={ascii} colour={false} />);
  const resize = (width: number, height: number): void => {
    Object.defineProperty(app.stdout, 'columns', { value: width, configurable: true });
    Object.defineProperty(app.stdout, 'rows', { value: height, configurable: true });
    app.stdout.emit('resize');
  };
  resize(columns, rows);
  const frame = (): string => app.lastFrame() ?? '';
  return {
    store,
    frame,
    resize,
    shows: async (text: string | RegExp) => vi.waitFor(() => expect(frame()).toMatch(text)),
    hides: async (text: string | RegExp) => vi.waitFor(() => expect(frame()).not.toMatch(text)),
    type: (keys: string) => app.stdin.write(keys),
  };
}

const size = (frame: string): [number, number] => {
  const rows = frame.split('\n');
  return [Math.max(...rows.map((row) => row.length)), rows.length];
};

describe('the dashboard on a terminal', () => {
  it('draws what its store says, as it changes', async () => {
    const { store, shows } = mount([]);
    await shows('Waiting for the first status');
    store.push(HEALTHY);
    await shows('healthy');
    store.push(FAILED);
    await shows('OT5016 Row cannot be applied');
    store.push({ away: 'no answer' });
    await shows('State store away');
    store.push(EMPTY);
    await shows('nothing has been applied yet');
  });

  it('leaves the last row of the terminal free, and mounts no more than 60', async () => {
    const { frame, resize } = mount([FIFTY]);
    await vi.waitFor(() => expect(size(frame())).toEqual([80, 23]));
    resize(200, 60);
    await vi.waitFor(() => expect(size(frame())).toEqual([200, 59]));
    resize(120, 200);
    await vi.waitFor(() => expect(size(frame())).toEqual([120, 60]));
    resize(30, 6);
    await vi.waitFor(() => expect(size(frame())).toEqual([30, 5]));
  });

  it('goes from screen to screen', async () => {
    const { type, shows } = mount([HEALTHY]);
    type('2');
    await shows(/^(?![\s\S]*hangzhou ─)[\s\S]*PIPELINE/);
    type('3');
    await shows('MEMORY');
    type('?');
    await shows('this screen only reads');
    type('?1');
    await shows('hangzhou ─');
    type('\t');
    await shows(/^(?![\s\S]*hangzhou ─)[\s\S]*PIPELINE/);
  });

  it('opens a pipeline with the arrows and Enter, and goes back with Escape', async () => {
    const { type, shows, hides } = mount([COPYING]);
    type('\x1b[B');
    await shows('▸ shop/ca>hz');
    type('\x1b[A');
    await shows('▸ shop/hz>ca');
    type('\r');
    await shows('about 12 s left');
    type('\x1b');
    await hides('about 12 s left');
  });

  it('takes keys that come in one piece', async () => {
    const { type, shows } = mount([HEALTHY]);
    type('2G\r');
    await shows(/▸ shop\/ca>hz[\s\S]*Position/);
  });

  it('filters', async () => {
    const { type, shows, hides } = mount([FIFTY]);
    type('2/ch4');
    await shows('/ ch4_');
    await hides('ch0/hz>w0');
    type('\r');
    await shows('/ ch4 ');
    type('\x1b');
    await shows('ch0/hz>w0');
  });

  it('needs nothing but ASCII when told so', async () => {
    const { frame, shows } = mount([COPYING, { note: 'a note' }], { ascii: true });
    await shows('copying');
    expect(frame()).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('unmounts on q and on Ctrl-C', async () => {
    for (const key of ['q', '\x03', '/abc\x03']) {
      const { type, shows, store, frame } = mount([HEALTHY]);
      await shows('healthy');
      type(key);
      await vi.waitFor(() => expect(frame().trim() === '' || !frame().includes('failed')).toBe(true));
      const before = frame();
      store.push(FAILED);
      expect(frame()).toBe(before);
    }
  });
});
