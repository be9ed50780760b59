/** Source and target in one process: the service's own queue is the link. Nothing is copied, and errors are what they are over the wire. */
import type { LinkClient, PipelineService } from '../model/ports.ts';
import { notOwned } from './messages.ts';
import { openStream } from './service-stream.ts';

export interface LocalLinkOptions {
  /** This node's name, for messages. */
  readonly node: string;
  readonly services: (database: string) => PipelineService | null;
}

export function localLink({ node, services }: LocalLinkOptions): LinkClient {
  return {
    open: async (database, request, signal) => {
      const service = services(database);
      if (service === null) throw notOwned(node, database);
      return await openStream(service, request, signal);
    },
  };
}
