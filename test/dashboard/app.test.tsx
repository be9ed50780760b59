import { cleanup, render } from 'ink-testing-library';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Dashboard } from '../../src/dashboard/app.tsx';
import { Controller } from '../../src/dashboard/controller.ts';
import type { DashboardItem } from '../../src/dashboard/store.ts';
import { done, pretendDesk } from './desk.ts';
import { COPYING, EMPTY, FAILED, FIFTY, HEALTHY, NOW_MS } from './reports.ts';

afterEach(cleanup);

function mount(items: readonly DashboardItem[], { columns = 80, rows = 24, ascii = false, write = false } = {}) {
  const store = new Controller(pretendDesk(write), () => NOW_MS);
  for (const item of items) store.push(item);
  const app = render(
    <Dashboard controller={store} now={() => NOW_MS} ascii={ascii} colour={false} suspend={() => undefined} />,
  );
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

/** Whether it has so many rows, and what is at the right edge of its first one. */
const fills = (frame: string, columns: number, rows: number): boolean => {
  const lines = frame.split('\n');
  return lines.length === rows && lines[0]!.length === columns - 1 && lines.every((line) => line.length <= columns);
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
    await vi.waitFor(() => expect(fills(frame(), 80, 23)).toBe(true));
    resize(200, 60);
    await vi.waitFor(() => expect(fills(frame(), 200, 59)).toBe(true));
    resize(120, 200);
    await vi.waitFor(() => expect(fills(frame(), 120, 60)).toBe(true));
    resize(30, 6);
    await vi.waitFor(() => expect(fills(frame(), 30, 5)).toBe(true));
  });

  it('goes from screen to screen', async () => {
    const { type, shows } = mount([HEALTHY]);
    const titles = ['hangzhou ─', 'CHANNEL', 'MEMORY', 'WINNER', 'No file set', 'ALERT ', 'STEPS', 'KIND'];
    for (const [index, title] of titles.entries()) {
      type(String(index + 1));
      await shows(title);
    }
    type('?');
    await shows('nothing that runs is disturbed');
    type('?1');
    await shows('hangzhou ─');
    type('\t');
    await shows(/^(?![\s\S]*hangzhou ─)[\s\S]*CHANNEL/);
  });

  it('goes from channels to pipelines to one of them to its tables, and back with Escape', async () => {
    const { type, shows, hides } = mount([COPYING]);
    type('2\r');
    await shows(/channels › shop\n/);
    type('\x1b[B');
    await shows('▸ shop/ca>hz');
    type('\x1b[A');
    await shows('▸ shop/hz>ca');
    type('\r');
    await shows('about 12 s left');
    type('t');
    await shows(/shop\/hz>ca › tables[\s\S]*shop\.customer/);
    type('\x1b');
    await shows('about 12 s left');
    type('\x1b');
    await hides('about 12 s left');
  });

  it('takes keys that come in one piece', async () => {
    const { type, shows } = mount([HEALTHY]);
    type('G\r');
    await shows(/shop\/ca>hz[\s\S]*Position/);
  });

  it('takes commands, and completes them', async () => {
    const { type, shows } = mount([HEALTHY]);
    type(':pau');
    await shows(': pau_se   Tab');
    type('\t sh\t\r');
    await shows('only reads: start it with --write');
    type(':yaml shop\r');
    await shows('# channel.shop as applied');
  });

  it('asks before it changes something, and does it once', async () => {
    const { type, shows } = mount([HEALTHY], { write: true });
    done.length = 0;
    type('2p');
    await shows(/otter pause shop[\s\S]*about to pause[\s\S]*type yes and Enter/);
    type('no\r');
    await shows('only "yes" is taken');
    type('\x1b');
    await shows('Left; nothing more is done.');
    expect(done).toEqual([]);
    type('\r');
    await shows('▸ shop ');
    // What comes in one piece is no answer: it may have been pasted.
    type('ryes\r');
    await shows('type yes and Enter');
    type('yes\r');
    await shows(/it was done[\s\S]*Done\./);
    expect(done).toEqual([{ kind: 'resume', address: 'shop' }]);
  });

  it('filters', async () => {
    const { type, shows, hides } = mount([FIFTY]);
    type('0/ch4');
    await shows('/ ch4_');
    await hides('ch0/hz>w0');
    type('\r');
    await shows(/› all pipelines +\/ch4\n/);
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
