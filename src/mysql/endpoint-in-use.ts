/**
 * The endpoint of a database that everything goes to, until another has to take over.
 *
 * Rule kept: all leave it together. Who follows the log there is told by a signal, and until the last has left nobody may be
 * told where the log ends: places in the logs of two servers must never be held against each other.
 */
import { OtterError } from '../model/error.ts';
import { covers, parsePosition } from '../model/position.ts';
import type { Executed } from './executed.ts';
import { choose, type Sighting } from './taking-over.ts';

export interface EndpointOptions {
  /** The database, for messages. */
  readonly name: string;
  /** In order of preference, one at least. */
  readonly endpoints: readonly string[];
  readonly sight: (endpoint: string) => Promise<Sighting>;
  /** Another is in use from here on. */
  readonly moved: (endpoint: string) => void;
}

/** Who follows the log of the endpoint in use, from its beginning to its end. */
export interface Following extends Disposable {
  /** Aborts, with the reason, when another endpoint has taken over. */
  readonly left: AbortSignal;
  /** It was read up to there: who takes over must have that. */
  read(position: string): void;
}

/** While the one in use is at work the others are not asked. */
const NOT_ASKED: Sighting = { kind: 'gone', error: new OtterError('OT4001', 'not asked') };

export class EndpointInUse {
  readonly #options: EndpointOptions;
  /** Its index; null: none was chosen yet. */
  #used: number | null;
  #choosing: Promise<string> | null = null;
  #left = new AbortController();
  /** Up to where each of them has read. */
  readonly #followings = new Map<Following, string | null>();
  /** The same of the one that came furthest of those that follow no more. */
  #read: string | null = null;
  /** What the one in use had when it was last seen. */
  #had: Executed | null = null;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#used = options.endpoints.length === 1 ? 0 : null;
  }

  /** `host:port` that is in use, or that is preferred. */
  get endpoint(): string {
    return this.#options.endpoints[this.#used ?? 0]!;
  }

  get hasOthers(): boolean {
    return this.#options.endpoints.length > 1;
  }

  follow(): Following {
    const following: Following = {
      left: this.#left.signal,
      read: (position) => void this.#followings.set(following, position),
      [Symbol.dispose]: () => {
        const read = this.#followings.get(following) ?? null;
        this.#followings.delete(following);
        if (read !== null && (this.#read === null || covers(parsePosition(read), parsePosition(this.#read))))
          this.#read = read;
      },
    };
    this.#followings.set(following, null);
    return following;
  }

  /** @throws OtterError OT4004 while somebody is still at the former one */
  requireAllHere(): void {
    if ([...this.#followings.keys()].some(({ left }) => left.aborted)) throw movedTo(this.#options.name, this.endpoint);
  }

  /** The one to go to; at the first time it is found out. */
  async current(): Promise<string> {
    return this.#used === null ? this.look() : this.endpoint;
  }

  /**
   * Looks how the one in use is, and goes over to another where that must be; returns the one that is in use then. Who asks
   * meanwhile waits for the same answer.
   * @throws OtterError what is wrong with it, where no other can take over; OT4080, OT4081
   */
  look(): Promise<string> {
    this.#choosing ??= this.#look().finally(() => {
      this.#choosing = null;
    });
    return this.#choosing;
  }

  async #look(): Promise<string> {
    const { endpoints, sight } = this.#options;
    const used = this.#used;
    if (used === null) return this.#choose(await Promise.all(endpoints.map(sight)));
    const own = await sight(endpoints[used]!);
    if (own.kind === 'answers') this.#had = own.has;
    const alone = endpoints.map((_, index) => (index === used ? own : NOT_ASKED));
    if (choose({ ...this.#options, used, read: this.#positions(), had: this.#had, sightings: alone }).index === used)
      return this.endpoint;
    return this.#choose(
      await Promise.all(endpoints.map(async (endpoint, index) => (index === used ? own : sight(endpoint)))),
    );
  }

  #positions(): readonly string[] {
    return [this.#read, ...this.#followings.values()].filter((position) => position !== null);
  }

  #choose(sightings: readonly Sighting[]): string {
    const { name, moved } = this.#options;
    const used = this.#used;
    const { index, error } = choose({ ...this.#options, used, read: this.#positions(), had: this.#had, sightings });
    if (index === null) throw error ?? new OtterError('OT4001', `${name}: no endpoint can be used`);
    if (index === used) return this.endpoint;
    const taken = sightings[index]!;
    this.#had = taken.kind === 'answers' ? taken.has : null;
    this.#used = index;
    if (used === null) return this.endpoint;
    this.#left.abort(movedTo(name, this.endpoint));
    this.#left = new AbortController();
    moved(this.endpoint);
    return this.endpoint;
  }
}

/** To whoever was at the former endpoint. */
export function movedTo(name: string, endpoint: string): OtterError {
  return new OtterError('OT4004', `${name}: ${endpoint} has taken over`, {
    where: { database: name, endpoint },
    retry: 'backoff',
  });
}
