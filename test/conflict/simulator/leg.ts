/** One spoke of a star with both its pipelines of a channel: its owner, the hub's loader and copier for it, and the links. */
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import { type Channel, pipelinesOf } from './channels.ts';
import { Copier } from './copier.ts';
import { type Database, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import type { Index } from './index.ts';
import { Oracle, Violation } from './oracle.ts';
import type { Random } from './random.ts';
import { Serialiser } from './serialiser.ts';
import { Spoke } from './spoke.ts';
import { HubStream, SpokeStream } from './streams.ts';

export interface LegOptions {
  readonly channel: Channel;
  readonly hub: Database;
  readonly spoke: Database;
  /** Another spoke's name, or its own when it is alone. */
  readonly neighbour: string;
  /** Whether existing rows are copied; else the spoke has them. */
  readonly copies: boolean;
  readonly rule: ConflictRule;
  readonly patient: boolean;
  readonly random: Random;
  readonly counts: Map<string, number>;
  readonly indexes: Index[];
  readonly has: (fault: Fault) => boolean;
}

/** A link holds no more than this; its reader waits. */
const QUEUE_MOST = 12;

export type Action = readonly [weight: number, action: () => void];

export class Leg {
  readonly database: Database;
  readonly oracle: Oracle;
  readonly #options: LegOptions;
  readonly #out: string;
  readonly #back: string;
  readonly #makeSerialiser: () => Serialiser;
  readonly #makeSpoke: () => Spoke;
  #serialiser: Serialiser;
  #spoke: Spoke;
  /** Owners that were replaced and do not know it yet. */
  #stale: (Serialiser | Spoke)[] = [];
  readonly #toSpoke: HubStream;
  readonly #toHub: SpokeStream;
  readonly #copier: Copier;

  constructor(options: LegOptions) {
    this.#options = options;
    const { channel, hub, spoke: database, neighbour, copies, rule, random, indexes, has } = options;
    this.database = database;
    const { out, back } = pipelinesOf(channel, database.name);
    this.#out = out;
    this.#back = back;
    this.oracle = new Oracle({ ...options, out, back });
    const copied = { table: channel.tables.length, after: null };
    const none = { seq: 0, seen: {}, cursor: copied };
    hub.store(back, { ...none, position: database.start });
    database.store(out, { ...none, position: hub.start, cursor: copies ? { table: 0, after: null } : copied });
    const common = { channel, random, oracle: this.oracle, has };
    const loader = { ...common, database: hub, other: database, pipeline: back, reverse: out };
    const serialises = { ...loader, indexes, rule, neighbour: pipelinesOf(channel, neighbour).back };
    this.#makeSerialiser = () => new Serialiser(serialises);
    this.#makeSpoke = () => new Spoke({ ...common, database, other: hub, pipeline: out, reverse: back });
    this.#serialiser = this.#makeSerialiser();
    this.#spoke = this.#makeSpoke();
    this.#toSpoke = new HubStream({ database: hub, channel, out, back, has });
    this.#toHub = new SpokeStream({ database, channel, out, back, has });
    this.#copier = new Copier(hub, channel, out, this.#toSpoke, random);
    this.#copier.reset(this.#arrived.cursor);
  }

  /** What may happen next, users' writes and the hub's own mishaps aside. */
  actions(): Action[] {
    const { random } = this.#options;
    const { index } = this.#serialiser;
    return [
      [12, () => this.#serialiser.step(this.#toHub.queue)],
      [8, () => this.#spoke.step(this.#toSpoke.queue)],
      [8, () => this.#read(this.#toHub)],
      [8, () => this.#read(this.#toSpoke)],
      [5, () => index.readOne()],
      [6, () => this.#copy()],
      [0.5, () => index.reread(1 + random.below(4))],
      [0.6, () => this.#reopenToHub()],
      [0.6, () => this.#reopenToSpoke()],
      [0.6, () => this.#restartSpoke()],
      [0.4, () => this.#handOverHub()],
      [0.4, () => this.#handOverSpoke()],
      [2, () => this.#stepStale()],
    ];
  }

  /** The hub's owner was killed, and starts again. */
  restartHub(): void {
    this.#serialiser.restart(this.#arrived.position);
    this.#reopenToHub();
    this.#reopenToSpoke();
  }

  /** Another owner claims the pipeline from the spoke; the one before it has a window in hand, and knows nothing of that. */
  #handOverHub(): void {
    if (this.#serialiser.busy && !this.#options.has('stale owner not fenced')) return;
    this.#stale.push(this.#serialiser);
    this.#serialiser = this.#makeSerialiser();
    this.#serialiser.restart(this.#arrived.position);
    this.#reopenToHub();
  }

  #handOverSpoke(): void {
    if (this.#spoke.busy && !this.#options.has('stale owner not fenced')) return;
    this.#stale.push(this.#spoke);
    this.#spoke = this.#makeSpoke();
    this.#reopenToSpoke();
  }

  #stepStale(): void {
    for (const owner of this.#stale) owner.step([]);
    this.#stale = this.#stale.filter(({ idle }) => !idle);
  }

  get atRest(): boolean {
    return (
      this.#serialiser.idle &&
      this.#spoke.idle &&
      this.#stale.length === 0 &&
      this.#copier.done &&
      this.#toSpoke.atEnd &&
      this.#toHub.atEnd &&
      this.#toSpoke.queue.length + this.#toHub.queue.length === 0
    );
  }

  /** Everything goes one step on. */
  advance(): void {
    this.#stepStale();
    this.#read(this.#toHub);
    this.#read(this.#toSpoke);
    this.#serialiser.step(this.#toHub.queue);
    this.#spoke.step(this.#toSpoke.queue);
    this.#copy();
  }

  readIndex(): void {
    this.#serialiser.index.readToEnd();
  }

  close(): void {
    for (const { index } of [this.#serialiser, ...this.#stale].filter((owner) => owner instanceof Serialiser))
      index.close();
  }

  judge(): void {
    const { tables } = this.#options.channel;
    const [hub, spoke] = [this.#options.hub, this.database].map((database) => database.dump(tables)) as [
      string[],
      string[],
    ];
    const difference = hub.find((row) => !spoke.includes(row)) ?? spoke.find((row) => !hub.includes(row));
    if (difference !== undefined) throw new Violation('the sites differ');
    this.oracle.judge(this.#options.hub.conflicts.filter(({ pipeline }) => pipeline === this.#back));
    const { writes } = this.#serialiser.index;
    if (writes.size > 0) throw new Violation('the index is not empty at rest');
    if (writes.bytes !== 0) throw new Violation('the index has lost count of its bytes');
  }

  /** How far the spoke has come with what the hub sends. */
  get #arrived(): ReturnType<Database['checkpoint']> {
    return this.database.checkpoint(this.#out);
  }

  #read(stream: HubStream | SpokeStream): void {
    for (let count = 1 + this.#options.random.below(4); count > 0; count -= 1)
      if (stream.queue.length < QUEUE_MOST) stream.read();
  }

  #copy(): void {
    this.#copier.step(!this.#serialiser.open || this.#options.has('unlocked watermark'));
  }

  /** A link is cut and opened again behind the target's checkpoint, or behind an older one that it had acknowledged. */
  #reopenToHub(): void {
    const { position, seen } = this.#options.hub.checkpoint(this.#back);
    this.#toHub.reset(position, seen);
  }

  #reopenToSpoke(): void {
    const { random } = this.#options;
    const at = sequenceOf(this.#arrived.position);
    const back = random.chance(0.5) ? 0 : random.below(4);
    this.#toSpoke.reset(`mariadb:0-1-${Math.max(0, at - back)}`);
    this.#copier.reset(this.#arrived.cursor);
  }

  #restartSpoke(): void {
    this.#spoke.restart();
    this.#reopenToHub();
    this.#reopenToSpoke();
  }
}
