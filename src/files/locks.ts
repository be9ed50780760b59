/** Locks of paths: who looks at a file, and who writes it, do so one after the other. */
import type { BytePath } from '../model/file-link.ts';

export class Locks {
  readonly #held = new Map<BytePath, Promise<void>>();

  /** Of several in one order for everybody, so that nobody waits in a circle. */
  async take(paths: readonly BytePath[]): Promise<Disposable> {
    const sorted = [...new Set(paths)].sort();
    const releases: (() => void)[] = [];
    for (const path of sorted) {
      for (let held = this.#held.get(path); held !== undefined; held = this.#held.get(path)) await held;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#held.set(path, promise);
      releases.push(() => {
        this.#held.delete(path);
        resolve();
      });
    }
    return {
      [Symbol.dispose]: () => {
        for (const release of releases) release();
      },
    };
  }
}
