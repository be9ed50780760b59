/** argv in, exit code out: the only room that touches `process`. */

import { EXIT } from './cli/context.ts';
import { explainFailure } from './cli/failure.ts';
import { run } from './cli/program.ts';
import { compose } from './compose.ts';
import { messageOf } from './model/error.ts';
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
/** Commands that have nothing to do but to tell, and no end. */
const onlyTells = process.argv.some((word) => ['--watch', 'logs'].includes(word));
/** Why what was printed is not where it should be. */
let unsaid: Error | null = null;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read us has heard enough. What is being done is done all the same, and the exit code says how it ended.
  if (error.code !== 'EPIPE') unsaid ??= error;
  else if (onlyTells) process.exit(EXIT.done);
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
// Errors of what was printed last are told after it. Sockets that servers hold open must not keep a finished command alive.
process.stdout.write('', () => setImmediate(end));

function end(): void {
  if (unsaid !== null) {
    process.stderr.write(`Error OT7003: what was printed could not be written: ${messageOf(unsaid)}\n`);
    process.exitCode ||= EXIT.error;
  }
  process.exit();
}
