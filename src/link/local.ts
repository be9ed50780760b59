/** Source and target in one process: the service's own queue is the link. Nothing is copied, and errors are what they are over the wire. */
import type { LinkClient, PipelineService } from '../model/ports.ts';
import { notOwned } from './messages.ts';
import { openStream } from './service-stream.ts';

/** `services`: of the databases that this node owns now, else null. */
export function localLink(services: (database: string) => PipelineService | null): LinkClient {
  return {
    open: async (database, request, signal) => {
      const service = services(database);
      if (service === null) throw notOwned(null, database);
      return openStream(service, request, signal);
    },
  };
}
