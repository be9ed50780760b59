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
  OT8102: {
    title: 'History is kept in memory only',
    meaning:
      'The node keeps what its pipelines did in each minute in a file, and could not use it: its folder cannot be written to, the disk is full, or the file is damaged. It goes on with one day in memory, which ends with the process. Rows go on as before.',
    action:
      'Name a folder that the node may write to with `OTTER_DATA` (under systemd `StateDirectory=otter`), or `OTTER_DATA=off` if memory is enough. A damaged file may be removed.',
  },
  OT8103: {
    title: 'No node tells its history',
    meaning:
      'The nodes of the topology were asked what they kept of the pipelines, and none answered. A node of an earlier version keeps none.',
    action: 'See which nodes live (`otter status`), and whether this machine reaches their `advertise` addresses.',
  },
  OT8104: {
    title: 'No node tells its log',
    meaning:
      'The nodes of the topology were asked for the last lines of their logs, and none answered. A node of an earlier version keeps none.',
    action:
      'See which nodes live (`otter status`), and whether this machine reaches their `advertise` addresses. The whole log stands where the process writes it (`journalctl -u otter@NODE`).',
  },
  OT8105: {
    title: 'Traces cannot be sent',
    meaning:
      'The environment of the node asks for traces of windows (`OTEL_TRACES_EXPORTER=otlp`), and who is to receive them does not answer, or refuses them. Rows go on; spans that find no room in memory are dropped. It is said once a minute.',
    action:
      'See that `OTEL_EXPORTER_OTLP_ENDPOINT` (by default `http://localhost:4318`) is the address of a collector that takes OTLP over HTTP, and what `OTEL_EXPORTER_OTLP_HEADERS` says. Without `OTEL_TRACES_EXPORTER` nothing is sent.',
  },
} as const satisfies Record<string, Explanation>;
