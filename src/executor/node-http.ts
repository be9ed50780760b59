/**
 * Where a node serves metrics and health: opened when its address is known, and anew when that changes.
 *
 * Rule: a port that cannot be had is said, once, and tried again; it holds nothing else up.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { NodeMeasures } from '../model/measures.ts';
import type { Logger } from '../model/ports.ts';
import type { ErrorRecord } from '../model/records.ts';

/** Serves at an address until it is disposed of. @throws OtterError OT8101 */
export type Serve = (options: {
  readonly address: string;
  readonly measures: () => NodeMeasures;
  readonly logger: Logger;
}) => Promise<AsyncDisposable>;

export interface NodeHttpOptions {
  readonly serve: Serve;
  readonly measures: () => NodeMeasures;
  readonly logger: Logger;
}

export class NodeHttp {
  readonly #options: NodeHttpOptions;
  #open: { readonly address: string; readonly server: AsyncDisposable } | null = null;
  #fault: ErrorRecord | null = null;

  constructor(options: NodeHttpOptions) {
    this.#options = options;
  }

  /** Why nothing is served that should be, or null. */
  get fault(): ErrorRecord | null {
    return this.#fault;
  }

  /** Serves there and nowhere else; null: nowhere. Calls must not overlap. */
  async converge(address: string | null): Promise<void> {
    if (address === null) this.#fault = null;
    if (address === (this.#open?.address ?? null)) return;
    const { serve, measures, logger } = this.#options;
    await this.close();
    if (address === null) return;
    try {
      this.#open = { address, server: await serve({ address, measures, logger }) };
      this.#fault = null;
      logger.info('serving metrics and health', { http: address });
    } catch (error) {
      const {
        code,
        message,
        hint = null,
      } = error instanceof OtterError ? error : new OtterError('OT8101', messageOf(error), { cause: error });
      if (this.#fault?.message !== message) logger.warn('metrics are not served', { code, error: message });
      this.#fault = { code, message, hint };
    }
  }

  async close(): Promise<void> {
    const before = this.#open;
    this.#open = null;
    await before?.server[Symbol.asyncDispose]();
  }
}
