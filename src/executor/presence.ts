/**
 * A node's own record under its own lease: `nodes/<name>`, written anew with a beat when there is news, and else with every third: with
 * many nodes this is most of what a store takes while nothing happens.
 *
 * Rules: a process that starts takes the name at once, also from a record whose lease has not run out; a process that
 * finds its name taken stops. Each write compares the revision of the last, so two processes cannot both believe.
 */
import { isDeepStrictEqual } from 'node:util';
import { OtterError } from '../model/error.ts';
import type { Entry, Lease, StateStore } from '../model/ports.ts';
import type { NodeRecord } from '../model/records.ts';
import { nodeKey } from '../state/keys.ts';

export interface PresenceOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly name: string;
  readonly instance: string;
  readonly leaseTtlMs: number;
  readonly beatMs: number;
  /** Hears of every write, before the watch tells of it. */
  readonly wrote: (entry: Entry) => void;
}

/** The record of a node without news is written with every so many beats. */
const BEATS = 3;

export interface Registration {
  readonly lease: Lease;
  /** Revision at which this process took the name under this lease. */
  readonly revision: number;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #key: string;
  #registration: Registration | null = null;
  #written = 0;
  #last: NodeRecord | null = null;
  #wasRegistered = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#key = nodeKey(options.topology, options.name);
  }

  /** Null while there is no lease to do anything under. */
  get registration(): Registration | null {
    if (this.#registration?.lease.lost.aborted === true) this.#registration = null;
    return this.#registration;
  }

  /** Whether the record is to be written with this beat. */
  due(record: NodeRecord): boolean {
    if (this.registration === null || this.#last === null) return true;
    const age = record.updatedMs - this.#last.updatedMs;
    // Half a beat, since beats are not exact.
    return age < 0 || age >= (BEATS - 0.5) * this.#options.beatMs || isNews(record, this.#last);
  }

  /**
   * Registers, or renews the record.
   * @throws OtterError OT3010 when another process has taken the name; anything else may pass by itself
   */
  async beat(record: NodeRecord): Promise<void> {
    if (this.registration === null) await this.#register(record);
    else await this.#renew(this.registration, record);
  }

  /** Gives the lease back, and with it everything this node held. */
  async leave(): Promise<void> {
    const lease = this.#registration?.lease;
    this.#registration = null;
    await lease?.revoke();
  }

  async #register(record: NodeRecord): Promise<void> {
    const { store, leaseTtlMs } = this.#options;
    const lease = await store.lease(leaseTtlMs);
    let registered = false;
    try {
      const present = await this.#present();
      if (present !== null && this.#wasRegistered) this.#mustBeMine(present);
      const revision = await this.#write(record, lease, present?.revision ?? null);
      if (revision === null)
        throw new OtterError('OT3001', 'the record of this node was written by another', { retry: 'backoff' });
      registered = true;
      this.#wasRegistered = true;
      this.#registration = { lease, revision };
    } finally {
      if (!registered) await lease.revoke().catch(() => undefined);
    }
  }

  async #renew({ lease }: Registration, record: NodeRecord): Promise<void> {
    try {
      if ((await this.#write(record, lease, this.#written)) !== null) return;
    } catch (error) {
      const gone = error instanceof OtterError && error.code === 'OT3004';
      if (gone) this.#registration = null;
      throw error;
    }
    const present = await this.#present();
    if (present === null) {
      // The store let the lease run out before we would have: begin anew with the next beat.
      this.#registration = null;
      return;
    }
    this.#mustBeMine(present);
    // A write whose answer was lost did arrive.
    this.#written = present.revision;
  }

  async #write(record: NodeRecord, lease: Lease, revision: number | null): Promise<number | null> {
    const value = JSON.stringify(record);
    const result = await this.#options.store.commit({
      conditions: [{ key: this.#key, revision }],
      puts: [{ key: this.#key, value, lease }],
      deletes: [],
    });
    if (!result.ok) return null;
    this.#written = result.revision;
    this.#last = record;
    this.#options.wrote({ key: this.#key, value, revision: result.revision, created: result.revision });
    return result.revision;
  }

  async #present(): Promise<Entry | null> {
    const { entries } = await this.#options.store.list(this.#key);
    return entries.find((entry) => entry.key === this.#key) ?? null;
  }

  #mustBeMine({ value }: Entry): void {
    const { instance, name } = this.#options;
    const other = JSON.parse(value) as NodeRecord;
    if (other.instance === instance) return;
    throw new OtterError('OT3010', `node ${name} was taken over by process ${other.pid} on ${other.host}`, {
      hint: `Stop one of the two, or give each its own node in the topology.`,
      where: { node: name, host: other.host, pid: other.pid },
    });
  }
}

/** Whether something else has changed than figures that always do. */
export function isNews(record: NodeRecord, before: NodeRecord): boolean {
  const lasting = ({
    rssBytes: _,
    cpuPercent: __,
    updatedMs: ___,
    pipelines,
    files = {},
    ...rest
  }: NodeRecord): object => ({
    ...rest,
    files: Object.fromEntries(
      Object.entries(files).map(([name, { phase, observedGeneration, error, waiting }]) => [
        name,
        { phase, observedGeneration, error, waiting },
      ]),
    ),
    pipelines: Object.fromEntries(
      Object.entries(pipelines).map(([name, { phase, observedGeneration, error, waiting, open }]) => [
        name,
        { phase, observedGeneration, error, waiting, open },
      ]),
    ),
  });
  return !isDeepStrictEqual(lasting(record), lasting(before));
}
