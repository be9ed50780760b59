/** What a loader holds at a server while it lives, and no longer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { open } from './context.ts';

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url));
const SILENCE_S = 2;

test.concurrent.each(['mariadb', 'mysql'] as const)(
  '%s: it is held while nothing is to be said, and let go of when whoever holds it is frozen',
  async (family) => {
    await using context = await open(family);
    const { root, lab } = context;
    await root.run('CREATE TABLE d.t (id INT PRIMARY KEY, n INT); INSERT INTO d.t VALUES (1, 0)');
    await root.run('SET SESSION innodb_lock_wait_timeout=20');
    const account = JSON.stringify({ port: lab.port, ...lab.root });
    const holder = spawn(process.execPath, [HOLDER, account, String(SILENCE_S)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(holder.stdout, 'data');
      const freed = root.run('UPDATE d.t SET n=n+10');
      const waits = sleep(2 * SILENCE_S * 1000, 'waits');
      expect(await Promise.race([freed, waits])).toBe('waits');
      holder.kill('SIGSTOP');
      await freed;
      expect(await root.rows('SELECT n FROM d.t')).toEqual([{ n: 10 }]);
    } finally {
      holder.kill('SIGKILL');
    }
  },
  60_000,
);
