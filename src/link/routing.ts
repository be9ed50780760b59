/** One link for everything a node needs: its own databases are asked directly, others at the node that owns them now. */
import { OtterError } from '../model/error.ts';
import type { FileLink, FileService } from '../model/file-link.ts';
import type { LinkClient, Logger, PipelineService } from '../model/ports.ts';
import { RemoteLinks } from './client.ts';
import type { Credentials } from './credentials.ts';
import type { KeepaliveOptions } from './keepalive.ts';
import { localLink } from './local.ts';

export interface LinkClientOptions {
  /** The service of a database that this node owns, else null. */
  readonly local: (database: string) => PipelineService | null;
  /** That of a side of a file set that this node serves, else null. */
  readonly localFiles?: ((side: string) => FileService | null) | undefined;
  /** The owner of a database by the state store, else null. */
  readonly addressOf: (database: string) => { readonly node: string; readonly advertise: string } | null;
  readonly lineage: string;
  /** What this node shows peers and asks of them; without, nothing. */
  readonly credentials?: Credentials | undefined;
  readonly logger: Logger;
  readonly keepalive?: KeepaliveOptions | undefined;
}

export interface Links {
  readonly client: LinkClient;
  readonly files: FileLink;
}

/** Asked anew at every `open`, so a database that moved is found at its new owner. */
export function linksOf(options: LinkClientOptions): Links {
  const far = new RemoteLinks(options);
  return { client: pipelineLink(options, far), files: fileLink(options, far) };
}

/** Those to databases alone. */
export function linkClient(options: LinkClientOptions): LinkClient {
  return linksOf(options).client;
}

function pipelineLink({ local, addressOf }: LinkClientOptions, far: RemoteLinks): LinkClient {
  const near = localLink(local);
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

/** Sides of file sets, which are owned as databases are. */
function fileLink({ localFiles = () => null, addressOf }: LinkClientOptions, far: RemoteLinks): FileLink {
  return {
    ask: async function* (side, request, signal) {
      const near = localFiles(side);
      const owner = addressOf(side);
      if (near !== null) yield* near.ask(request, signal);
      else if (owner !== null) yield* far.ask(owner, side, request, signal);
      else throw new OtterError('OT6004', `no node serves ${side} now`, { retry: 'backoff', where: { side } });
    },
  };
}
