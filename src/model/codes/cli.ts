/** OT7xxx: command line and machine; OT9xxx: bugs. */
import type { Explanation } from '../codes.ts';

export const CLI_CODES = {
  OT7001: {
    title: 'Usage',
    meaning: 'The command line is not one that otter knows.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
