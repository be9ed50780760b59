/** What benchmarks share: waiting, and what is made of many measurements. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { DatabaseServer } from '../../src/lab/servers.ts';

const GIVE_UP_MS = 180_000;

/** @param everyMs null: asked again at once */
export async function until(what: string, done: () => Promise<boolean>, everyMs: number | null = 20): Promise<void> {
  const began = performance.now();
  while (!(await done())) {
    if (performance.now() - began > GIVE_UP_MS) throw new Error(`waited ${GIVE_UP_MS / 1000} s in vain until ${what}`);
    if (everyMs !== null) await sleep(everyMs);
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!;
}

/** CPU time that each process has used, all threads; Linux only. */
export function cpuSeconds(pids: readonly number[]): number[] {
  return pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  });
}

/** Makes a MariaDB a replica of another from the beginning of its log on; stopped. */
export async function follow(replica: Connection, { host, port, root }: DatabaseServer): Promise<void> {
  await replica.query(
    `CHANGE MASTER TO master_host='${host}', master_port=${port}, master_user='${root.user}', master_password='${root.password}', master_use_gtid=slave_pos;
     SET GLOBAL slave_parallel_mode='optimistic'`,
  );
}
