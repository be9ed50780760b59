/** `otter status`, once or again and again, and the stream of reports that the dashboard draws. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readSnapshot } from '../executor/snapshot.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { StatusReport, TablesReport } from '../model/status.ts';
import { statusReport } from '../observe/status.ts';
import { renderStatus } from '../render/status.ts';
import { renderTables } from '../render/tables.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { reportFromNodes } from './away.ts';
import { type CommonOptions, type Context, colour, EXIT, storeToRead, topologyName } from './context.ts';
import { tablesReport } from './status-tables.ts';
import { asTyped } from './typed.ts';

export interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
  /** Which tables the entries mean, in place of the figures. */
  readonly tables?: boolean;
}

const EVERY_MS = 1_000;
/** Where looking takes long. */
const EVERY_LONG_MS = 3_000;
/** A look takes at most so much of the time until the next. */
const LOOKING_SHARE = 100;

export async function status(context: Context, options: StatusOptions): Promise<number> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const watching = options.watch === true;
  const clear = watching && context.stdout.isTTY === true && options.json !== true ? '\u001b[2J\u001b[H' : '';
  for (;;) {
    try {
      const [report, text] = await looked(store, name, context, options);
      const json = `${JSON.stringify(report, null, watching ? 0 : 2)}\n`;
      context.stdout.write(clear + (options.json === true ? json : asTyped(text, options, context)));
    } catch (error) {
      if (!watching || context.signal.aborted) throw error;
      // Who watches wants to see it come back.
      context.stderr.write(`${clear}No status: ${printable(messageOf(error))}\n`);
    }
    if (!watching) return EXIT.done;
    await sleep(EVERY_MS, undefined, { signal: context.signal }).catch(() => undefined);
    if (context.signal.aborted) return EXIT.done;
  }
}

/** What is to be seen, as a value and as text. */
async function looked(
  store: StateStore,
  name: string,
  context: Context,
  options: StatusOptions,
): Promise<readonly [StatusReport | TablesReport, string]> {
  if (options.tables === true) {
    const report = await tablesReport(store, name, context);
    return [report, renderTables(report)];
  }
  const report = await reportOrNodes(store, name, context, options);
  return [report, renderStatus(report, { colour: colour(context, options) })];
}

export async function reportOf(store: StateStore, name: string, context: Context): Promise<StatusReport> {
  const snapshot = await readSnapshot(store, name, context.signal);
  if (snapshot.meta === null) {
    throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
      hint: 'Apply it first: otter apply',
    });
  }
  return statusReport(snapshot, context.now());
}

/** What the store tells, or the nodes when it does not answer. */
export async function reportOrNodes(
  store: StateStore,
  name: string,
  context: Context,
  options: CommonOptions,
): Promise<StatusReport> {
  try {
    return await reportOf(store, name, context);
  } catch (error) {
    return reportFromNodes(context, options, error);
  }
}

/** A report a second for as long as somebody looks, of a large topology every third second; when the store does not answer, why. */
export async function* reports(
  store: StateStore,
  name: string,
  context: Context,
  options: CommonOptions,
  signal: AbortSignal,
): AsyncGenerator<StatusReport | { away: string }, void, void> {
  while (!signal.aborted) {
    const since = performance.now();
    let tookMs = 0;
    try {
      const report = await reportOrNodes(store, name, context, options);
      tookMs = performance.now() - since;
      yield report;
    } catch (error) {
      if (signal.aborted) return;
      yield { away: messageOf(error) };
    }
    // Nodes write their figures every three seconds or so: who looks less often misses little.
    await sleep(Math.min(EVERY_LONG_MS, Math.max(EVERY_MS, tookMs * LOOKING_SHARE)), undefined, { signal }).catch(
      () => undefined,
    );
  }
}
