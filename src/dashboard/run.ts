/**
 * Runs the dashboard over a source of status reports: with ink on a terminal, as plain lines elsewhere, or one frame as text.
 * Ends when a person quits, the signal aborts, or the source ends; the terminal is as before in every case.
 */

import type { Instance } from 'ink';
import { OtterError } from '../model/error.ts';
import { Controller } from './controller.ts';
import type { Desk } from './desk.ts';
import { frameText, PlainPrinter } from './plain.ts';
import type { DashboardItem } from './store.ts';
import { TerminalGuard } from './terminal.ts';
import { glyphs, localeIsAscii, wantsNoColour } from './theme.ts';

export interface DashboardOptions {
  /**
   * Reports, polled or pushed; when the store does not answer, why; lines of a story. When the dashboard ends first, the
   * iterator is told with `return()` but not waited for: a source that sleeps should listen to a signal of the caller's.
   */
  readonly source: AsyncIterable<DashboardItem>;
  /** What is asked for beside the status, and done; null: only what the source yields is shown. */
  readonly desk: Desk | null;
  /** Where to begin, as it is typed after `:`. */
  readonly open?: string | undefined;
  /** Hears of everything that is known, as it becomes known. */
  readonly heard?: ((item: DashboardItem) => void) | undefined;
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The clock on the wall, ms since 1970. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Only ASCII characters; by default as the locale says. */
  readonly ascii?: boolean | undefined;
  readonly noColour?: boolean | undefined;
  /** Prints one frame as text, without colours, and ends. */
  readonly once?: boolean | undefined;
}

/** More frames than this nobody sees, and they cost. */
const FRAMES_PER_SECOND = 10;
const COLUMNS_DEFAULT = 80;

export async function runDashboard(options: DashboardOptions): Promise<void> {
  if (options.once === true) return printOnce(options);
  const capable = options.stdout.isTTY && options.env['TERM'] !== 'dumb';
  return capable ? runInk(options) : printLines(options);
}

function controllerOf({ desk, now, open, heard }: DashboardOptions): Controller {
  return new Controller(desk, now, open ?? null, heard);
}

function isAscii({ ascii, env }: DashboardOptions): boolean {
  return ascii ?? localeIsAscii(env);
}

// ---------------------------------------------------------------- on a terminal

async function runInk(options: DashboardOptions): Promise<void> {
  const { stdout, stdin, env, now, signal } = options;
  if (signal.aborted) return;
  // React measures every render for its developers' tools unless told before it is loaded; the entries are never freed.
  process.env['NODE_ENV'] ??= 'production';
  const [{ render }, { createElement }, { Dashboard }] = await Promise.all([
    import('ink'),
    import('react'),
    import('./app.tsx'),
  ]);
  const controller = controllerOf(options);
  const guard = await TerminalGuard.take({ stdout, stdin });
  const ended = new AbortController();
  try {
    const colour = !(options.noColour ?? wantsNoColour(env));
    const fed = feed(options, ended.signal, (item) => {
      controller.push(item);
    });
    // Told of by the drawing, or by whoever waits for it.
    fed.catch(() => undefined);
    for (let again = true; again; ) {
      let suspended = false;
      const suspend = (): void => {
        suspended = true;
        app.unmount();
      };
      const app = render(createElement(Dashboard, { controller, now, ascii: isAscii(options), colour, suspend }), {
        stdout,
        stdin,
        exitOnCtrlC: false,
        alternateScreen: true,
        incrementalRendering: true,
        interactive: true,
        maxFps: FRAMES_PER_SECOND,
      });
      guard.unmountsWith(app.unmount);
      await drawn(app, fed, options, suspend);
      again = suspended && !signal.aborted;
      if (again) await guard.lend();
    }
  } finally {
    ended.abort();
    controller.end();
    guard.release();
  }
}

/** Until a person leaves, the source or the signal ends, or it is suspended. */
async function drawn(
  app: Pick<Instance, 'unmount' | 'waitUntilExit'>,
  fed: Promise<void>,
  { stdout, signal }: DashboardOptions,
  suspend: () => void,
): Promise<void> {
  const end = (): void => {
    app.unmount();
  };
  signal.addEventListener('abort', end, { once: true });
  process.on('SIGTSTP', suspend);
  // A terminal that was closed answers writes with an error.
  stdout.on('error', end);
  try {
    if (signal.aborted) end();
    await Promise.race([app.waitUntilExit(), fed]);
    end();
    await app.waitUntilExit();
  } finally {
    signal.removeEventListener('abort', end);
    process.off('SIGTSTP', suspend);
    app.unmount();
    stdout.off('error', end);
  }
}

/** Until the source or the signal ends. */
async function feed(
  options: DashboardOptions,
  signal: AbortSignal,
  take: (item: DashboardItem) => void,
): Promise<void> {
  const iterator = options.source[Symbol.asyncIterator]();
  const pump = async (): Promise<void> => {
    while (!signal.aborted) {
      const next = await iterator.next();
      if (signal.aborted || next.done === true) return;
      take(next.value);
    }
  };
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    // One race for all items: a race for each would keep every report alive for as long as the signal.
    await Promise.race([pump(), aborted]);
  } finally {
    // Not waited for: a generator answers only when it is done with what it waits for itself.
    iterator.return?.().catch(() => undefined);
  }
}

// ---------------------------------------------------------------- elsewhere

async function printLines(options: DashboardOptions): Promise<void> {
  const { stdout, now, signal } = options;
  const printer = new PlainPrinter();
  const ended = new AbortController();
  // Whoever read has gone, as `head` does.
  const gone = (): void => {
    ended.abort();
  };
  stdout.on('error', gone);
  try {
    await feed(options, AbortSignal.any([signal, ended.signal]), (item) => {
      options.heard?.(item);
      for (const text of printer.lines(item, now())) stdout.write(`${text}\n`);
    });
  } finally {
    stdout.off('error', gone);
  }
}

/** As soon as there is what it shows, or the reason why there is not. @throws OtterError OT7001 where `open` names no place */
async function printOnce(options: DashboardOptions): Promise<void> {
  const { stdout, now, signal } = options;
  const ended = new AbortController();
  const controller = controllerOf(options);
  let away = false;
  controller.subscribe(() => {
    // Of a recording it is the last that is shown.
    if (options.desk !== null && (controller.complete || away)) ended.abort();
  });
  await feed(options, AbortSignal.any([signal, ended.signal]), (item) => {
    away = 'away' in item;
    controller.push(item);
  });
  controller.end();
  const { view, work } = controller.getSnapshot();
  if (view.said !== null || work !== null) {
    throw new OtterError('OT7001', `--open ${options.open ?? ''}: ${view.said ?? '--once prints, and does nothing'}`, {
      hint: 'For example: --open conflicts, --open "pipeline shop/hz:ca", --open "yaml shop"',
    });
  }
  const paint = { glyphs: glyphs(isAscii(options)), columns: stdout.columns ?? COLUMNS_DEFAULT, nowMs: now() };
  stdout.write(`${frameText(controller.getSnapshot(), paint)}\n`);
}
