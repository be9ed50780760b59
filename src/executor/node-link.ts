/**
 * A node's links, which come into being when its address is known and are opened anew when it changes; sites hold
 * one client all the while.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink, FileService } from '../model/file-link.ts';
import type { LogAnswer, LogQuery } from '../model/log-lines.ts';
import type { MinutesAnswer, MinutesQuery } from '../model/minutes.ts';
import type { LinkClient, Logger, PipelineService } from '../model/ports.ts';
import type { NodeAnswer } from '../model/records.ts';
import type { LinkSpec, NodeSpec } from '../model/topology.ts';

/** What the two ends of a node's links need to know. */
export interface NodeWiring {
  readonly node: string;
  readonly lineage: string;
  /** host:port to listen on. */
  readonly listen: string;
  /** host:port under which peers reach it. */
  readonly advertise: string;
  /** How it knows its peers; null: it answers everybody. */
  readonly link: LinkSpec | null;
  /** Closes what was open before, whose port is wanted; called when nothing else is in the way. */
  readonly free: () => Promise<void>;
  /** The service of a database that this node owns and runs now, else null. */
  readonly services: (database: string) => PipelineService | null;
  /** That of a side of a file set that this node serves now, else null. */
  readonly files: (side: string) => FileService | null;
  /** Who owns a database by what was last seen of the state store, else null. */
  readonly addressOf: (database: string) => { readonly node: string; readonly advertise: string } | null;
  /** What this node says of itself to who asks at its port. */
  readonly figures: () => NodeAnswer;
  /** What its pipelines did, and the last lines of its log. */
  readonly minutes: (query: MinutesQuery) => Promise<MinutesAnswer>;
  readonly logs: (query: LogQuery) => LogAnswer;
  readonly logger: Logger;
}

/** Disposing closes the server and every connection. */
export interface NodeLinks extends AsyncDisposable {
  readonly client: LinkClient;
  readonly files: FileLink;
}

/** @throws OtterError when the credentials are none (what was open goes on), or the address cannot be listened on; it is tried again. */
export type Connect = (wiring: NodeWiring) => Promise<NodeLinks>;

type Own = Pick<NodeWiring, 'node' | 'services' | 'files' | 'addressOf' | 'figures' | 'minutes' | 'logs' | 'logger'>;

interface Open {
  readonly links: NodeLinks;
  /** What it was opened with, as text. */
  readonly address: string;
}

export class NodeLink {
  readonly #connect: Connect;
  readonly #wiring: Own;
  #open: Open | null = null;

  constructor(connect: Connect, wiring: Own) {
    this.#connect = connect;
    this.#wiring = wiring;
  }

  get open(): boolean {
    return this.#open !== null;
  }

  /** Stays the same while what is behind it changes. */
  readonly client: LinkClient = {
    open: async (database, request, signal) => this.#links().client.open(database, request, signal),
  };

  /** As `client`. */
  readonly files: FileLink = {
    ask: (side, request, signal) => this.#links().files.ask(side, request, signal),
  };

  #links(): NodeLinks {
    if (this.#open !== null) return this.#open.links;
    throw new OtterError('OT6001', `node ${this.#wiring.node} is not listening at present`, { retry: 'backoff' });
  }

  /** Opens, opens anew or closes; true when something was opened. Calls must not overlap. */
  async converge(wanted: { readonly lineage: string; readonly spec: NodeSpec } | null): Promise<boolean> {
    const address =
      wanted === null
        ? null
        : JSON.stringify([wanted.lineage, wanted.spec.listen, wanted.spec.advertise, wanted.spec.link ?? null]);
    if (address === (this.#open?.address ?? null)) return false;
    if (wanted === null || address === null) {
      await this.close();
      return false;
    }
    const { lineage, spec } = wanted;
    const { listen, advertise, link = null } = spec;
    const free = async (): Promise<void> => this.close();
    this.#open = { address, links: await this.#connect({ ...this.#wiring, lineage, listen, advertise, link, free }) };
    const peers = link === null ? 'open' : 'tls' in link ? 'tls' : 'token';
    this.#wiring.logger.info('listening for peers', { listen, advertise, link: peers });
    return true;
  }

  async close(): Promise<void> {
    const before = this.#open;
    this.#open = null;
    try {
      await before?.links[Symbol.asyncDispose]();
    } catch (error) {
      this.#wiring.logger.warn('links did not close well', { error: messageOf(error) });
    }
  }
}
