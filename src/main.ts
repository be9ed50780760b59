/** argv in, exit code out: the only room that touches `process`. */

import { EXIT } from './cli/context.ts';
import { explainFailure } from './cli/failure.ts';
import { run } from './cli/program.ts';
import { compose } from './compose.ts';
import { isOfModule } from './model/processor.ts';

if (process.env['NO_COLOR'] || process.argv.includes('--no-color')) process.env['FORCE_COLOR'] = '0';

/** Commands that write into the state store step by step. */
const stopsHard = process.argv.some((word) => ['apply', 'destroy', 'rollback'].includes(word));
const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // Asked twice, a person means it.
    if (ending.signal.aborted) {
      if (stopsHard)
        process.stderr.write('Stopped. What was under way may be written or not: `otter apply --resume` knows.\n');
      process.exit(EXIT.cancelled);
    }
    ending.abort(new Error(`cancelled by ${name}`));
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read us has heard enough.
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});
// Nobody listens to the log any more. A node has better to do than to end for that.
process.stderr.on('error', () => undefined);

const context = compose({
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  signal: ending.signal,
  pid: process.pid,
  self: [process.execPath, ...process.execArgv, process.argv[1]!],
  root: new URL('..', import.meta.url),
});
// What nobody caught is a bug: the process must not go on in whatever state it is. Said last, to a terminal given back.
process.on('uncaughtException', (error) => {
  // A module's timer or promise is nobody's, and its words may quote values: its pipeline goes by what its calls give.
  if (isOfModule(error)) {
    process.stderr.write('A module that `process` names threw outside of its call; that changes nothing.\n');
    return;
  }
  process.once('exit', () => {
    process.exitCode = explainFailure(error, context);
  });
  process.exit(EXIT.bug);
});
process.exitCode = await run(process.argv.slice(2), context);
// Sockets that servers hold open must not keep a finished command alive.
process.stdout.write('', () => process.exit());
