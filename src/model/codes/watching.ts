/** OT81xx: metrics, health, history and logs. */
import type { Explanation } from '../explanation.ts';

export const WATCHING_CODES = {
  OT8100: {
    title: 'One address for peers and for metrics',
    meaning:
      'A node speaks to other nodes at `listen`, and serves metrics and health over plain HTTP at `http`. One port cannot do both.',
    action: 'Give `http` a port of its own, or leave it out: then it is one thousand above the port of `listen`.',
  },
  OT8101: {
    title: 'Metrics cannot be served',
    meaning:
      'The node could not listen on the address of its `http`, mostly because something else listens there. Rows go on as before; nobody can scrape this node or ask for its health.',
    action:
      'See who has the port (`ss -ltnp`), or give the node another: `http: "HOST:PORT"`, or `http: off`. It is tried again every half minute.',
  },
} as const satisfies Record<string, Explanation>;
