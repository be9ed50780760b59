/** OT5xxx: rows on their way. */
import type { Explanation } from '../codes.ts';

export const REPLICATION_CODES = {
  OT5001: {
    title: 'Fenced',
    meaning: 'Another owner has taken over the database; this one changed nothing and stopped.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
