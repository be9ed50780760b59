/** OT6xxx: links between nodes. */
import type { Explanation } from '../codes.ts';

export const LINK_CODES = {
  OT6001: {
    title: 'Node unreachable',
    meaning: 'The node at the other end of a pipeline did not answer.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
