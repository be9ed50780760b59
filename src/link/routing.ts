/** One link for everything a node needs: its own databases are asked directly, others at the node that owns them now. */
import { OtterError } from '../model/error.ts';
import type { LinkClient, Logger, PipelineService } from '../model/ports.ts';
import { RemoteLinks } from './client.ts';
import type { Credentials } from './credentials.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import { localLink } from './local.ts';

export interface LinkClientOptions {
  /** The service of a database that this node owns, else null. */
  readonly local: (database: string) => PipelineService | null;
  /** The owner of a database by the state store, else null. */
  readonly addressOf: (database: string) => { readonly node: string; readonly advertise: string } | null;
  readonly lineage: string;
  /** What this node shows peers and asks of them; without, nothing. */
  readonly credentials?: Credentials | undefined;
  readonly logger: Logger;
  readonly keepalive?: KeepaliveOptions | undefined;
}

/** Asked anew at every `open`, so a database that moved is found at its new owner. */
export function linkClient({ local, addressOf, ...remote }: LinkClientOptions): LinkClient {
  const near = localLink(local);
  const far = new RemoteLinks(remote);
  return {
    open: async (database, request, signal) => {
      if (local(database) !== null) return near.open(database, request, signal);
      const owner = addressOf(database);
      if (owner === null) {
        throw new OtterError('OT6004', `no node owns database ${database} now`, {
          retry: 'backoff',
          where: { database },
        });
      }
      return far.open(owner, database, request, signal);
    },
  };
}
