/** OT1xxx: findings about topology files. */
import type { Explanation } from '../codes.ts';

export const TOPOLOGY_CODES = {
  OT1001: {
    title: 'YAML cannot be read',
    meaning: 'The file is not valid YAML 1.2.',
    action: 'See the message for what to do.',
  },
} as const satisfies Record<string, Explanation>;
