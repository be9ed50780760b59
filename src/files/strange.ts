/** What the other side says is not understood. */
import { OtterError } from '../model/error.ts';

export function strange(): OtterError {
  return new OtterError('OT8013', 'files were answered in a way that is not understood', { retry: 'backoff' });
}
