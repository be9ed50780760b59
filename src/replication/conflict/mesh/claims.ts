/** A change of a peer on its way into this site. */
import type { LoadChange } from '../../window.ts';
import type { SeenClocks } from './version.ts';

/** Rule kept: every change is judged by the version and the seen clocks of its own transaction, never by the window's. */
export interface MeshClaim {
  readonly change: LoadChange;
  /** Of its transaction's version; the site is the pipeline's source. */
  readonly clock: number;
  /** What the source had applied of others before the transaction. */
  readonly seen: SeenClocks;
}
