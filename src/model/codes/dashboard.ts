/** OT82xx: the dashboard. */
import type { Explanation } from '../explanation.ts';

export const DASHBOARD_CODES = {
  OT8200: {
    title: 'No recording of the dashboard',
    meaning:
      'The file that `otter dashboard --replay` was given was not written by `otter dashboard --record`, was written by another version, or was changed since.',
    action: 'Name a file that was recorded: `otter dashboard --record FILE`, and end it with `q`.',
  },
} as const satisfies Record<string, Explanation>;
