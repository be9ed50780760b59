/** OT4xxx: databases, their logs, their fitness. */
import type { Explanation } from '../codes.ts';

export const DATABASE_CODES = {
  OT4001: {
    title: 'Database unreachable',
    meaning: 'The database server did not answer, or refused the connection.',
    action: 'See the message for what to do.',
  },
  OT4002: {
    title: 'Not a log position',
    meaning: 'A text that should be a position in a server log (a GTID, a GTID set, or file and offset) is not one.',
    action: 'Write it as `mariadb:0-1-42`, `mysql:UUID:1-5` or `file:binlog.000003:4711`.',
  },
} as const satisfies Record<string, Explanation>;
