/** OT3xxx: the state store. */
import type { Explanation } from '../codes.ts';

export const STATE_CODES = {
  OT3001: {
    title: 'State store unreachable',
    meaning: 'The state store did not answer.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
