/** How a node tells people: the port behind which receivers are, and what came of it. */
import type { Notice } from '../model/alerts/notice.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { ReceiverSpec } from '../model/topology.ts';

/** Tells one receiver. @throws OtterError when it could not be told */
export type Tell = (receiver: ReceiverSpec, notice: Notice, signal: AbortSignal) => Promise<void>;

/** Null when it was told. */
export async function toldError(
  work: Promise<void>,
): Promise<{ readonly code: string; readonly message: string } | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return { code: error instanceof OtterError ? error.code : 'OT9001', message: messageOf(error) };
  }
}
