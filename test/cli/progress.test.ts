/** An apply as it is told: the tree of a terminal, lines elsewhere, and what is said when nothing happens. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { Progress } from '../../src/cli/progress.ts';
import type { Told } from '../../src/model/apply-event.ts';

const START: Told = {
  type: 'started',
  format_version: '1.0',
  topology: 'shop',
  run: '5-abc',
  serial: 5,
  plan_digest: 'abc',
  changes: [
    { address: 'database.hz', actions: ['delete', 'create'] },
    { address: 'channel.shop', actions: ['update'] },
    { address: 'channel.old', actions: ['delete'] },
  ],
  done: [],
  steps: 2,
};

const FINISHED = {
  type: 'finished',
  serial: 5,
  done: [],
  in_doubt: [],
  left: [],
  code: null,
  message: null,
} as const satisfies Omit<Told & { type: 'finished' }, 'exit'>;

/** What a terminal of this width would show, and everything that was written. */
class Screen {
  readonly lines: string[] = [''];
  written = '';

  write(text: string): void {
    this.written += text;
    for (const part of text.split(/(\r?\u001b\[\d+A\u001b\[0J|\n)/)) {
      const [, begin, up] = /^(\r?)\u001b\[(\d+)A/.exec(part) ?? [];
      if (up !== undefined) {
        // The cursor goes straight up, and what is left of it stays.
        const column = begin === '' ? this.lines.at(-1)!.length : 0;
        const at = this.lines.length - 1 - Number(up);
        this.lines.splice(at, Number.POSITIVE_INFINITY, this.lines[at]!.slice(0, column));
      } else if (part === '\n') this.lines.push('');
      else this.lines[this.lines.length - 1] += part;
    }
  }

  get shown(): string {
    return this.lines.join('\n').trimEnd();
  }
}

let now: number;
const leave = (): AbortController => new AbortController();

function contextOf(
  screen: Screen,
  columns: number | undefined,
  into: string[],
  signal: AbortSignal,
  rows?: number,
): Context {
  const output = { write: (text: string) => screen.write(text), isTTY: columns !== undefined, columns, rows };
  const parts = { openLines: () => ({ write: (line: string) => into.push(line) }) };
  return {
    stdout: output,
    stderr: output,
    env: { NO_COLOR: '1' },
    now: () => now,
    signal,
    parts,
  } as unknown as Context;
}

beforeEach(() => {
  vi.useFakeTimers();
  now = Date.UTC(2026, 0, 1);
});
afterEach(() => {
  vi.useRealTimers();
});

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    now += 100;
    await vi.advanceTimersByTimeAsync(100);
  }
}

test('on a terminal a tree is drawn over, and what was said in a line stays above it', async () => {
  const screen = new Screen();
  const over = leave();
  {
    using progress = new Progress(contextOf(screen, 60, [], over.signal), {});
    progress.tell(START);
    progress.tell({ type: 'step_started', step: 1, steps: 2, addresses: ['database.hz'] });
    progress.tell({ type: 'step_written', step: 1, steps: 2, addresses: ['database.hz'], revision: 7 });
    progress.tell({
      type: 'nodes_waiting',
      step: 1,
      waiting: [{ pipeline: 'shop/hz>ca', node: 'ca-1', why: `ca-1 has not reported ${'x'.repeat(60)}` }],
    });
    await pass(2500);
    expect(screen.shown).toBe(`Written 1 of 2 parts.
Part 1 is to run before the next is written. shop/hz>ca: ca-1 has not reported ${'x'.repeat(60)}.
shop serial 5: 1 of 3 written [00m02s]
  ✓ ± database.hz  written
  · ~ channel.shop  waits
  · - channel.old  waits
    … shop/hz>ca  ca-1 has not reported xxxxxxxxxxxxxxxxxx…`);
    over.abort();
    expect(screen.shown).toContain('Interrupted: what is under way is finished first.');
    await pass(20_000);
    expect(screen.shown).not.toContain('elapsed');
  }
  expect(screen.shown.split('\n')).toHaveLength(3);
});

test('what others say while a tree is drawn stays too, to the last word, also behind what was typed', async () => {
  const screen = new Screen();
  const over = leave();
  {
    using progress = new Progress(contextOf(screen, 60, [], over.signal), {});
    progress.tell(START);
    progress.beside.stdout.write('Applied as serial 5.\n');
    expect(screen.shown.split('\n').slice(0, 2)).toEqual([
      'Applied as serial 5.',
      'shop serial 5: 0 of 3 written [00m00s]',
    ]);
    await pass(600);
    screen.write('^C');
    over.abort();
    progress.beside.stderr.write('Cancelled while waiting.\n');
    await pass(600);
    progress.tell({ ...FINISHED, exit: 8 });
    await pass(600);
    progress.beside.stderr.write('  done: database.hz\n');
  }
  expect(screen.shown).toBe(`Applied as serial 5.
Interrupted: what is under way is finished first. Once more ends it at once.
Cancelled while waiting.
  done: database.hz`);
});

test('a tree is not higher than its terminal', () => {
  const screen = new Screen();
  using progress = new Progress(contextOf(screen, 60, [], leave().signal, 4), {});
  progress.tell(START);
  expect(screen.shown.split('\n')).toHaveLength(2);
});

test('a tree is never higher than it may be, and shows what is under way before what is done', () => {
  const screen = new Screen();
  using progress = new Progress(contextOf(screen, 60, [], leave().signal), {});
  const changes = Array.from({ length: 500 }, (_, n) => ({ address: `region.r${n}`, actions: ['create'] }));
  progress.tell({ ...START, changes, done: changes.slice(0, 400).map(({ address }) => address) });
  progress.tell({ type: 'step_started', step: 1, steps: 3, addresses: ['region.r450'] });
  const lines = screen.shown.split('\n');
  expect(lines[0]).toBe('Resuming serial 5: 400 of 500 changes are applied.');
  expect(lines.slice(1, 4)).toEqual([
    'shop serial 5: 400 of 500 written [00m00s]',
    '  ● + region.r450  writing',
    '  · + region.r400  waits',
  ]);
  expect(lines.at(-1)).toBe('  … and 483 more');
  expect(lines).toHaveLength(20);
});

test('elsewhere there are lines, and one when nothing has happened for a while; every event is in the file', async () => {
  const [screen, into] = [new Screen(), [] as string[]];
  using progress = new Progress(contextOf(screen, undefined, into, leave().signal), { jsonInto: 'x' });
  progress.tell(START);
  progress.tell({ type: 'step_started', step: 1, steps: 1, addresses: ['channel.old'] });
  await pass(31_000);
  progress.tell({ type: 'step_written', step: 1, steps: 1, addresses: ['channel.old'], revision: 7 });
  progress.tell({
    type: 'nodes_waiting',
    step: null,
    waiting: ['n', 'm'].map((node) => ({ pipeline: 'a/b>c', node, why: 'w' })),
  });
  await pass(15_000);
  expect(screen.written).toBe(
    'Still applying serial 5: 3 changes left [00m15s elapsed]\n' +
      'Still applying serial 5: 3 changes left [00m30s elapsed]\n' +
      'Still waiting for a/b>c [00m46s elapsed]\n',
  );
  const events = into.map((line) => JSON.parse(line) as { type: string; at: string });
  expect(events.map(({ type }) => type)).toEqual([
    'started',
    'step_started',
    'heartbeat',
    'heartbeat',
    'step_written',
    'nodes_waiting',
    'heartbeat',
  ]);
  expect(events[0]!.at).toBe('2026-01-01T00:00:00.000Z');
});

test('a file that cannot be written any more ends nothing', () => {
  const screen = new Screen();
  const context = contextOf(screen, undefined, [], leave().signal);
  const broken = () => ({
    write: (): void => {
      throw new Error('the disk is full');
    },
  });
  using progress = new Progress({ ...context, parts: { ...context.parts, openLines: broken } }, { jsonInto: 'x' });
  progress.tell(START);
  progress.tell(START);
  expect(screen.written).toBe('Events are not written any more: the disk is full\n');
});

test('what is told moves no cursor, whatever is in it', () => {
  const screen = new Screen();
  using progress = new Progress(contextOf(screen, undefined, [], leave().signal), {});
  progress.tell({ type: 'note', message: 'a\u001b[2Jb' });
  progress.tell({
    type: 'pipeline_failed',
    pipeline: 'p',
    node: 'n',
    code: 'OT5013',
    message: 'm\u001b[1A',
    hint: 'h',
  });
  expect(screen.written).toBe('a\ufffd[2Jb\nError OT5013: p on n: m\ufffd[1A\n  h\n');
});
