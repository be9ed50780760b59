/** What every drawing needs to know. */
import type { Glyphs } from './theme.ts';

export interface Paint {
  readonly glyphs: Glyphs;
  /** Width of the terminal. */
  readonly columns: number;
  /** By the clock on the wall, ms since 1970. */
  readonly nowMs: number;
}
