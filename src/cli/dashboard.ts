/** `otter dashboard`: the status, alive, in the terminal. */
import { runDashboard } from '../dashboard/run.ts';
import { OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { reportOrNodes, reports } from './status.ts';

export interface DashboardFlags extends CommonOptions {
  readonly once?: boolean;
  readonly ascii?: boolean;
}

export async function dashboard(context: Context, options: DashboardFlags): Promise<number> {
  if (options.json === true) {
    throw new OtterError('OT7001', '`otter dashboard` draws and has no JSON', {
      hint: '`otter status --json` says the same as data, `otter status --watch --json` again and again.',
    });
  }
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  // Who looks once wants an answer; who stays sees it come.
  if (options.once === true) await reportOrNodes(store, name, context, options);
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  try {
    await runDashboard({
      source: reports(store, name, context, options, signal),
      stdout: context.terminal,
      stdin: context.stdin,
      env: context.env,
      now: context.now,
      signal,
      ascii: options.ascii,
      noColour: options.color === false ? true : undefined,
      once: options.once,
    });
  } finally {
    ended.abort();
  }
  return EXIT.done;
}
