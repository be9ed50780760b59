/** What the checkpoint rows of the pipelines from a site's peers say, committed here: how far each is, and what it had seen. */
import type { Checkpoint, LogOrigin } from '../model/load.ts';
import { type PipelineSpec, pipelineName } from '../model/pipeline.ts';
import type { Seen } from '../model/row.ts';
import { readSeen, type SeenPlace } from '../model/seen.ts';
import { stableWhileCopying } from '../replication/conflict/mesh/copied.ts';
import { type PeerPoint, reach, type StableClocks, stableClocks } from '../replication/conflict/mesh/stability.ts';

export class MeshPeers {
  readonly #site: string;
  readonly #points = new Map<string, PeerPoint>();
  /** Since when each is one. */
  readonly #born = new Map<string, number>();
  /** All that they had seen there, of every site. */
  readonly #saw = new Map<string, Seen>();

  constructor(site: string) {
    this.#site = site;
  }

  /** Not one that left and came back since. */
  has(peer: string, born: number): boolean {
    return this.#points.has(peer) && this.#born.get(peer) === born;
  }

  get sites(): readonly string[] {
    return [this.#site, ...this.#points.keys()];
  }

  /** The pipeline from a peer is ours now. Who had seen nothing yet has seen the origin. */
  claimed({ source, reverse }: PipelineSpec, born: number, checkpoint: Checkpoint | null, origin: LogOrigin): void {
    this.#born.set(source, born);
    const own = checkpoint?.seen[reverse!];
    this.#points.set(source, { clock: checkpoint?.clock ?? 0, seen: own === undefined ? origin : readSeen(own) });
    if (checkpoint !== null) this.#saw.set(source, checkpoint.seen);
  }

  /** A window of the peer is committed. */
  committed({ source, reverse }: PipelineSpec, { clock, seen }: Checkpoint): void {
    const before = this.#points.get(source);
    if (before === undefined) return;
    const own = seen[reverse!];
    this.#points.set(source, { clock, seen: own === undefined ? before.seen : readSeen(own) });
    this.#saw.set(source, seen);
  }

  /** The place in this site's log before which everything is stable. There must be a peer. */
  reach(): SeenPlace {
    return reach(this.#points);
  }

  /** The pipeline, of these, from the peer that has seen least of this site's log, and how much. */
  last(inbound: readonly PipelineSpec[]): { readonly spec: PipelineSpec; readonly seen: SeenPlace } | null {
    const known = inbound.flatMap((spec) => {
      const point = this.#points.get(spec.source);
      return point === undefined ? [] : [{ spec, seen: point.seen }];
    });
    return known.reduce<(typeof known)[number] | null>(
      (least, each) => (least === null || each.seen.clock < least.seen.clock ? each : least),
      null,
    );
  }

  /**
   * What may be let go. Who is not among these has left the mesh and is not waited for. While rows are copied from a site,
   * what that site has not seen of others stays.
   */
  stable(inbound: readonly PipelineSpec[], copyingFrom: string | null): StableClocks {
    const here = new Set(inbound.map(({ source }) => source));
    const stable = stableClocks(this.#site, new Map([...this.#points].filter(([site]) => here.has(site))));
    const channel = inbound[0]?.channel;
    if (copyingFrom === null || channel === undefined) return stable;
    const seen = Object.entries(this.#saw.get(copyingFrom) ?? {}).flatMap(([pipeline, text]) => {
      const site = Object.keys(stable).find((each) => pipeline === pipelineName(channel, each, copyingFrom));
      return site === undefined ? [] : [[site, readSeen(text)] as const];
    });
    return stableWhileCopying(stable, copyingFrom, Object.fromEntries(seen));
  }
}
