/** The meshes of a site: of each channel in which every site decides, the registers that all pipelines of it ask that end here. */
import type { LogOrigin } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { SiteSpec } from '../model/ports.ts';
import type { IndexFigures } from '../model/records.ts';
import { MeshIndex, type MeshIndexOptions } from './mesh-index.ts';

type Desired = SiteSpec['pipelines'][number];

export interface MeshesOptions
  extends Pick<MeshIndexOptions, 'site' | 'target' | 'ownerRevision' | 'log' | 'spill' | 'logger' | 'signal'> {
  /** Of memory, for each. */
  readonly indexBytes: number;
  /** The pipelines that end here, as the topology has them now. */
  readonly desired: () => readonly Desired[];
  /** Whether a pipeline out of this database has the table. */
  readonly routes: (pipeline: string, schema: string, table: string) => boolean;
  /** See `MeshIndexOptions`. */
  readonly carries: (channel: string, schema: string, table: string, gtid: string) => boolean;
  readonly recall: (channel: string) => Promise<void>;
  /** The site from which rows of the channel are being copied here; null: none. */
  readonly copyingFrom: (channel: string) => string | null;
}

export class Meshes {
  readonly #options: MeshesOptions;
  readonly #byChannel = new Map<string, MeshIndex>();

  constructor(options: MeshesOptions) {
    this.#options = options;
  }

  /** Made when it is asked for first. */
  of(channel: string): MeshIndex {
    const { routes, carries, recall, copyingFrom, indexBytes, logger } = this.#options;
    const inbound = (): readonly Desired[] => this.#of(channel);
    const mesh =
      this.#byChannel.get(channel) ??
      new MeshIndex({
        ...this.#options,
        inbound,
        routes: (schema, table) => inbound().some(({ spec }) => routes(spec.reverse!, schema, table)),
        carries: (schema, table, gtid) => carries(channel, schema, table, gtid),
        recall: () => recall(channel),
        limitBytes: indexBytes,
        logger: logger.child({ channel }),
        copyingFrom: () => copyingFrom(channel),
      });
    this.#byChannel.set(channel, mesh);
    return mesh;
  }

  figures({ channel, source }: PipelineSpec): IndexFigures | null {
    return this.#byChannel.get(channel)?.figures(source) ?? null;
  }

  /** Where pipelines of meshes out of this database may begin from now on, if that is further than so far. */
  get place(): LogOrigin | null {
    const places = [...this.#byChannel.values()].map(({ place }) => place);
    return places.some((place) => place === null) ? null : (places[0] ?? null);
  }

  /** A pipeline has stopped: channels that are no meshes any more are let go. */
  tidy(): void {
    for (const [channel, mesh] of this.#byChannel) {
      if (this.#of(channel).some(({ spec }) => spec.mesh)) continue;
      this.#byChannel.delete(channel);
      this.#options.log.leave(mesh);
      mesh.close();
    }
  }

  /** When nothing reads the log any more. */
  close(): void {
    for (const mesh of this.#byChannel.values()) mesh.close();
  }

  #of(channel: string): readonly Desired[] {
    return this.#options.desired().filter(({ spec }) => spec.channel === channel);
  }
}
