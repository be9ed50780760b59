/** The shortest history that still breaks something: the fewest sites, and of these the fewest steps. */
import { type MeshHistory, runMesh } from './world.ts';

export type Shrunk = MeshHistory & { readonly sites: number; readonly steps: number };

/** Most steps of a history that is looked for. */
const MOST_STEPS = 200;

/** Of the first `seeds` seeds; null when none of them breaks anything. `runMesh` replays what is returned. */
export function shortest(options: Omit<MeshHistory, 'seed' | 'sites' | 'steps'>, seeds: number): Shrunk | null {
  for (const sites of [2, 3, 4, 5]) {
    let found: Shrunk | null = null;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const most: number = found === null ? MOST_STEPS : found.steps - 1;
      for (let steps = 1; steps <= most; steps += 1) {
        const history = { ...options, seed, sites, steps };
        if (runMesh(history).violation === null) continue;
        found = history;
        break;
      }
    }
    if (found !== null) return found;
  }
  return null;
}
