/** A change of a peer on its way into this site. */
import type { LoadChange } from '../../window.ts';

/** Rule kept: every change is judged by the version of its own transaction and what that had seen, never by the window's. */
export interface MeshClaim {
  readonly change: LoadChange;
  /** Of its transaction's version; the site is the pipeline's source. */
  readonly clock: number;
  /** Up to which clock of this site's log the source had applied it before the transaction. */
  readonly seen: number;
}
