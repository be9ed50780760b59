/** OT2xxx: planning, applying and what guards refuse. */
import type { Explanation } from '../explanation.ts';

export const PLAN_CODES = {
  OT2001: {
    title: 'Plan is stale',
    meaning: 'Something the plan was computed from has changed since.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
