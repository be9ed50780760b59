/** What a place where rows are made has of what they are made with. */
import type { Processor } from './processor.ts';
import type { ProcessorRef, SecretRef } from './topology.ts';

export interface RowMaking {
  /** Hashes under the key that is found there, for masks. @throws OtterError OT3020 */
  readonly hashBy: (key: SecretRef) => (text: string) => string;
  /** @param text of the module, as the channel has it. @throws OtterError OT5053 */
  readonly processor: (ref: ProcessorRef, text: string | undefined) => Processor;
  /** Does work with modules, and ends it when it takes too long. @throws OtterError OT5053 */
  readonly bounded: <T>(work: () => T) => T;
}
