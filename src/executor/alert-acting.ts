/**
 * What an alert does by itself: lets go on what is paused, or stops pipelines and lets them go on, by the same records as `otter pause` and
 * `otter resume`, and in the audit as they are.
 *
 * Rules kept: a restart leaves alone what somebody has paused; and one that was cut in the middle is finished by whoever takes it up,
 * since the pause says what made it.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { RESTARTED_BY, restartReason } from '../model/alerts/restart.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { PauseRecord } from '../model/records.ts';
import { type AuditEntry, auditEntry } from './audit.ts';
import { endRestart, goOn, pause, reported, type Standing, standing } from './pausing.ts';

export interface Acting {
  readonly store: StateStore;
  readonly topology: string;
  readonly version: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface Deed {
  readonly kind: 'resume' | 'restart';
  readonly alert: string;
  readonly channel: string;
  /** For which the condition holds. */
  readonly pipelines: readonly string[];
}

const STOP_MS = 30_000;
const TRIES = 3;

/** What was done, in words; null: there was nothing to do. @throws OtterError when the store is away */
export async function act(acting: Acting, deed: Deed): Promise<string | null> {
  if (deed.kind === 'resume')
    return (await resume(acting, deed, `channel.${deed.channel}`)) ? `channel.${deed.channel}` : null;
  const done = await Promise.all(
    deed.pipelines.map(async (name) => ((await restart(acting, deed, `pipeline.${name}`)) ? [`pipeline.${name}`] : [])),
  );
  return done.flat().length === 0 ? null : done.flat().join(', ');
}

async function resume(acting: Acting, deed: Deed, address: string): Promise<boolean> {
  return attempted(acting, deed, address, async (found, audit) => {
    const { rest, live } = found;
    const all = [address, ...rest.pipelines.map((name) => `pipeline.${name}`)];
    if (!all.some((one) => live.pauses?.[one] !== undefined)) return 'nothing';
    return (await goOn(acting.store, acting.topology, found, audit)) === null ? 'again' : 'done';
  });
}

async function restart(acting: Acting, deed: Deed, address: string): Promise<boolean> {
  const { store, topology, now, signal } = acting;
  const reason = restartReason(deed.alert);
  const isMine = (record: PauseRecord): boolean => record.by === RESTARTED_BY && record.reason === reason;
  const stopped = await attempted(acting, deed, address, async (found, audit) => {
    const { pausedBy } = found;
    if (pausedBy !== null) return isMine(pausedBy.record) ? 'done' : 'nothing';
    const at = new Date(now()).toISOString();
    const record = { by: RESTARTED_BY, host: hostname(), at, reason, restarts: true } as const;
    return (await pause(store, topology, found, record, audit)) ? 'done' : 'again';
  });
  if (!stopped) return false;
  // One whose node does not stop it in time is let go on all the same.
  await reported(store, topology, [address.slice('pipeline.'.length)], true, STOP_MS, signal);
  return attempted(acting, deed, address, async (found, audit) =>
    (await endRestart(store, topology, found, isMine, audit)) ? 'done' : 'nothing',
  );
}

type Attempt = (found: Standing, audit: AuditEntry) => Promise<'done' | 'nothing' | 'again'>;

/** Again when somebody else changed something meanwhile. */
async function attempted(acting: Acting, { kind, alert }: Deed, address: string, attempt: Attempt): Promise<boolean> {
  const { store, topology, version, now, signal } = acting;
  const author = {
    ...{ by: RESTARTED_BY, author: null, host: hostname(), pid: process.pid, version, commit: null, dirty: null },
    command: `alert ${alert}: ${kind}`,
  };
  for (let n = 0; n < TRIES; n += 1) {
    const audit = auditEntry(topology, author, now(), randomUUID());
    const outcome = await attempt(await standing(store, topology, address, signal), audit);
    if (outcome !== 'again') return outcome === 'done';
  }
  throw new OtterError('OT3001', `${address} was changed by others ${TRIES} times meanwhile`, { retry: 'backoff' });
}
