/** The policies of histories. */
import { type ConflictRule, SITE_PRIORITY } from '../../../src/model/pipeline.ts';
import { Random } from './random.ts';

const COUNTERS = ['amount'];

/** A third are plain site-priority; the others mix what can be mixed. */
export function ruleOf(seed: number): ConflictRule {
  const random = new Random(seed + 9_000_000);
  if (random.chance(0.35)) return SITE_PRIORITY;
  const policy = random.chance(0.6) ? 'last-write-wins' : 'site-priority';
  const merge = random.chance(0.5) ? 'column' : 'row';
  const counters = random.chance(0.5) ? COUNTERS : [];
  const by = policy === 'last-write-wins' && random.chance(0.3) ? (counters.length > 0 ? 'slot' : 'amount') : null;
  const groups = merge === 'column' && random.chance(0.3) ? [['code', 'shelf']] : [];
  return { policy, merge, counters, by, groups };
}
