/**
 * Clocks of node processes that can be set while they run, by libfaketime: what a process takes for the time of day jumps, what it
 * measures durations by (CLOCK_MONOTONIC) goes on, as where somebody sets the clock of a machine.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { provideFakeTime } from '../../src/lab/install.ts';
import { OtterError } from '../../src/model/error.ts';

/** How old what a process has read of its file may be, in seconds; it takes a jump up as late as that. */
const CACHED_S = '1';

export class Clocks {
  readonly #folder: string;
  readonly #library: string;

  private constructor(folder: string, library: string) {
    this.#folder = folder;
    this.#library = library;
  }

  /** For these nodes, with the right time at first; null, and why in words, where the library cannot be had. */
  static async of(nodes: readonly string[], folder: string): Promise<Clocks | { readonly missing: string }> {
    try {
      const clocks = new Clocks(folder, await provideFakeTime({ say: (line) => console.log(line) }));
      await mkdir(folder, { recursive: true });
      for (const node of nodes) await clocks.set(node, 0);
      return clocks;
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
      return { missing: `${error.message}; ${error.hint ?? ''}` };
    }
  }

  /** What the process of a node is started with. */
  env(node: string): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file(node),
      FAKETIME_CACHE_DURATION: CACHED_S,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** From now on the node's clock is wrong by so much, in seconds, also after a restart. */
  async set(node: string, seconds: number): Promise<void> {
    const file = this.#file(node);
    // Nobody reads half a line.
    await writeFile(`${file}.new`, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
    await rename(`${file}.new`, file);
  }

  #file(node: string): string {
    return join(this.#folder, node);
  }
}
