/** argv in, exit code out: the only room that touches `process`. */

import { run } from './cli/program.ts';
import { compose } from './compose.ts';

if (process.env['NO_COLOR'] || process.argv.includes('--no-color')) process.env['FORCE_COLOR'] = '0';

const ending = new AbortController();
let asked = 0;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    asked += 1;
    // Asked twice, a person means it.
    if (asked > 1) process.exit(130);
    ending.abort(new Error(name));
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read us has heard enough.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

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
process.exitCode = await run(process.argv.slice(2), context);
// Sockets that servers hold open must not keep a finished command alive.
process.stdout.write('', () => process.exit());
