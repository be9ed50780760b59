/**
 * The registers of a site in a mesh, kept from its own log: for each key and unique value the latest write, as long as an
 * earlier one may still arrive. One for each channel, asked by all pipelines of it that end here. The rules that ask are in
 * `replication/conflict/mesh`.
 *
 * Where conflicts wait for a person, only keys are noted, and what people decided; what is open is beside them.
 *
 * Rule kept: it is filled from the log, from where every peer is known to have seen it, before anything is applied; and
 * pipelines out of this database begin where the log's clock is known exactly (`origin`).
 */
import { OtterError } from '../model/error.ts';
import type { Spill } from '../model/key-store.ts';
import type { Checkpoint, LogOrigin, TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger, LogItem } from '../model/ports.ts';
import type { IndexFigures } from '../model/records.ts';
import { type RowChange, type TableShape, tableName } from '../model/row.ts';
import type { LockKeys } from '../replication/conflict/keys.ts';
import { Registers, type WriteKind } from '../replication/conflict/mesh/registers.ts';
import { touches } from '../replication/conflict/mesh/touches.ts';
import { type KeyedRow, KnownKeys, rowsOf } from './known-keys.ts';
import { meshOrigin } from './mesh-origin.ts';
import { MeshPeers } from './mesh-peers.ts';
import { OpenConflicts } from './open-conflicts.ts';
import { changesOf, type LogListener, type ReadPart, type Unreadable } from './reader.ts';
import { sha256 } from './serialiser-index.ts';
import type { SiteLog } from './site-log.ts';

export interface MeshIndexOptions {
  readonly site: string;
  /** The pipelines of the channel that end here, as the topology has them now. */
  readonly inbound: () => readonly { readonly spec: PipelineSpec; readonly born: number }[];
  readonly routes: (schema: string, table: string) => boolean;
  readonly target: TargetPort;
  readonly ownerRevision: number;
  readonly log: SiteLog;
  /** Of memory. */
  readonly limitBytes: number;
  readonly spill: Spill;
  readonly logger: Logger;
  /** The site from which rows are being copied here, or may be; null: none. */
  readonly copyingFrom: () => string | null;
  /** Whether what is written here to the table in this transaction is carried to a peer, or may be for all that is known. */
  readonly carries: (schema: string, table: string, gtid: string) => boolean;
  /** Looks up what that asks for. */
  readonly recall: () => Promise<void>;
  /** Of the site's life. */
  readonly signal: AbortSignal;
}

export class MeshIndex implements LogListener {
  readonly site: string;
  readonly #options: MeshIndexOptions;
  readonly #known: KnownKeys;
  readonly open: OpenConflicts;
  /** The transaction at hand is what a person has decided. */
  #resolves = false;
  #registers: Registers | null = null;
  readonly #peers: MeshPeers;
  #beginning: Promise<void> = Promise.resolve();
  #origin: LogOrigin | null = null;
  /** Tables of which own writes were noted, in small letters. */
  readonly #noted = new Set<string>();
  /** The last own beat that was read. */
  #place: LogOrigin | null = null;
  /** One decides at a time: a change that writes nothing meets nobody at a lock. */
  #deciding: Promise<void> = Promise.resolve();
  #lost: OtterError | null = null;
  #checking: Promise<void> = Promise.resolve();

  constructor(options: MeshIndexOptions) {
    this.site = options.site;
    this.#options = options;
    this.#peers = new MeshPeers(options.site);
    this.#known = new KnownKeys(options.target);
    this.open = new OpenConflicts(options.target, this.#known);
  }

  get keys(): LockKeys {
    return this.#known.keys;
  }

  /** @throws OtterError OT5019 when it has outgrown its file, OT5032, or what is wrong with a change in the log. */
  get registers(): Registers {
    this.#giveUpBroken();
    if (this.#registers !== null) return this.#registers;
    throw this.#lost ?? new Error(`the registers of ${this.site} were asked before they began`);
  }

  /**
   * Settles when it is being filled from the log, with all peers that there are: before anything is applied. Whose barrier
   * passes has all of it.
   */
  begin(): Promise<void> {
    const next = this.#beginning.catch(() => undefined).then(() => this.#begin());
    this.#beginning = next;
    return next;
  }

  /** Where pipelines out of this database may begin. */
  async origin(): Promise<LogOrigin> {
    await this.begin();
    return this.#origin!;
  }

  /**
   * A table joins, and what was written to it here before `since` is carried nowhere: of that nothing may be noted. What was
   * is in no order by table, so all is filled again.
   */
  joined(table: string, since: string | null): void {
    if (since === null || !this.#noted.has(table.toLowerCase()) || this.#registers === null) return;
    this.#fill();
  }

  /** A window of this peer is committed. */
  committed(spec: PipelineSpec, checkpoint: Checkpoint): void {
    this.#peers.committed(spec, checkpoint);
    this.#try(() => this.#registers?.evict(this.#peers.stable(this.#inbound, this.#options.copyingFrom())));
  }

  /** At the pipeline from the peer that is waited for; null at the others, and while there are none. */
  figures(peer: string): IndexFigures | null {
    const registers = this.#registers;
    const last = this.#peers.last(this.#inbound);
    if (registers === null || registers.broken !== null || last?.spec.source !== peer) return null;
    return {
      entries: registers.size,
      bytes: registers.bytes,
      limitBytes: this.#options.limitBytes,
      fileBytes: registers.fileBytes,
      waitsFor: last.spec.reverse!,
      since: last.seen.position,
    };
  }

  /** It holds nothing any more, on the disk neither. */
  close(): void {
    this.#registers?.clear();
    this.#registers = null;
  }

  /** Waits for its turn to decide; what it returns gives the turn on. */
  async turn(): Promise<() => void> {
    const before = this.#deciding;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#deciding = before.then(() => promise);
    await before;
    return resolve;
  }

  learnt(rows: readonly KeyedRow[]): Promise<void> {
    return this.#known.learnt(rows);
  }

  part(part: ReadPart): void | Promise<void> {
    const registers = this.#registers;
    if (registers === null) return;
    const { site, spill } = this.#options;
    if (registers.full) {
      const what = `the writes at ${site} that its peers may not have seen no longer fit into files of ${spill.limitBytes} bytes`;
      const hint = 'Raise OTTER_INDEX_FILE_BYTES on the node and restart it, or remove the peer that is away.';
      this.#forget(new OtterError('OT5019', what, { hint }));
      return;
    }
    const source = this.#sourceOf(part.mark);
    if (part.last && part.own.some((row) => row.kind === 'beat' && row.site === this.site))
      this.#place = {
        position: part.position,
        clock: part.clock,
        seen: { ...this.#origin?.seen, ...part.seen },
      };
    for (const row of part.own) {
      if (row.kind !== 'touches' || source === null || row.pipeline !== part.mark) continue;
      this.#try(() => {
        for (const { clock, touched } of row.touches)
          for (const [digest, kind] of touched) registers.note({ site: source, clock }, kind, digest);
      });
    }
    if (source !== null) return;
    if (part.first) this.#resolves = this.#resolutions(part).length > 0;
    return this.#resolves ? this.#resolution(part) : this.#own(part);
  }

  ahead(items: readonly LogItem[]): Promise<void> | null {
    if (this.#registers === null) return null;
    const rows = rowsOf(this.#routed(changesOf(items)));
    return rows.length === 0 ? null : this.#known.learn(rows);
  }

  statement(): void {}

  broken(): void {}

  failed(): void {}

  unreadable({ tables, gone, error }: Unreadable): void {
    if (gone || this.#registers === null) return;
    if (tables !== null && !tables.some(({ schema, name }) => this.#options.routes(schema, name))) return;
    this.#forget(error);
  }

  moved(): void {
    // Noting a part of the log again leaves the registers as they were.
  }

  room(): null {
    return null;
  }

  /**
   * Where pipelines out of this database may begin from now on; null: where they may so far. While rows are copied here the
   * registers must be filled again, after a restart, from before that.
   */
  get place(): LogOrigin | null {
    if (this.#options.copyingFrom() !== null) return null;
    if (this.#registers === null || this.#place === null || this.#origin === null) return null;
    return this.#place.clock > this.#origin.clock ? this.#place : null;
  }

  async #begin(): Promise<void> {
    const { target, inbound, ownerRevision, log, site, signal, recall } = this.#options;
    const all = inbound();
    const news = all.filter(({ spec, born }) => !this.#peers.has(spec.source, born));
    if (news.length === 0 && this.#registers !== null) return;
    this.#lost = null;
    const claims = new Map<PipelineSpec, Checkpoint | null>();
    // Whoever owned it before is fenced, and done with what it was writing.
    for (const { spec, born } of news) claims.set(spec, await target.claim(spec.name, ownerRevision, born));
    const begins = news.length === all.length && [...claims.values()].every((checkpoint) => checkpoint === null);
    const since = Math.min(...all.map(({ born }) => born));
    this.#origin = await meshOrigin({ site, target, log, signal }, `${all[0]!.spec.channel}@${since}`, begins);
    await recall();
    for (const { spec, born } of news) this.#peers.claimed(spec, born, claims.get(spec)!, this.#origin);
    this.#fill();
  }

  /** From the log, from where every peer is known to have seen it. */
  #fill(): void {
    const { limitBytes, spill, log } = this.#options;
    this.#registers?.clear();
    this.#noted.clear();
    this.#registers = new Registers({ sites: this.#peers.sites, digest: sha256, room: { limitBytes, spill } });
    const known = this.#peers.reach();
    // What was seen is folded from the origin on.
    log.join(this, known.clock < this.#origin!.clock ? known : this.#origin!);
  }

  get #inbound(): readonly PipelineSpec[] {
    return this.#options.inbound().map(({ spec }) => spec);
  }

  /** What a person has decided is told for the pipelines out of this database. */
  #resolutions({ own }: ReadPart): Extract<ReadPart['own'][number], { kind: 'answer' | 'piece' }>[] {
    const out = new Set(this.#inbound.map(({ reverse }) => reverse));
    return own.flatMap((row) =>
      (row.kind === 'answer' || row.kind === 'piece') && out.has(row.pipeline) ? [row] : [],
    );
  }

  async #resolution(part: ReadPart): Promise<void> {
    await this.#own(part);
    for (const row of this.#resolutions(part)) {
      const shape = row.kind === 'answer' ? await this.#options.target.shape(row.schema, row.table) : null;
      if (row.kind !== 'answer' || shape === null) continue;
      const image = shape.columns.map((): string | null => null);
      for (const [position, index] of shape.primaryKey.entries()) image[index] = row.key[position]!;
      await this.learnt([{ table: shape, image }]);
      const lock = this.keys.row(shape, image);
      this.#try(() => this.#registers?.note({ site: this.site, clock: part.clock }, 'resolution', sha256(lock)));
      // Not waited for: it waits for whoever closes them, who may wait for a window, which waits for this. Where nobody could be
      // asked they count as open until a change meets them, which asks again.
      this.#checking = this.#checking.then(() => this.open.check(lock)).catch(() => undefined);
    }
  }

  #own(part: ReadPart): void | Promise<void> {
    const changes = this.#carried(part);
    if (changes.length === 0) return;
    const note = (): void =>
      this.#try(() => {
        for (const change of changes) this.#note(part, change);
      });
    const rows = rowsOf(changes);
    const learning = this.#known.learn(rows);
    if (learning === null) note();
    else return learning.then(() => this.learnt(rows)).then(note);
  }

  #note({ clock }: ReadPart, change: RowChange): void {
    const before = change.kind === 'insert' ? null : change.before;
    const after = change.kind === 'delete' ? null : change.after;
    const parks = this.#parks;
    for (const { kind, lock } of touches(this.keys, change.table, before, after)) {
      if (parks && kind === 'claim') continue;
      const noted: WriteKind = this.#resolves ? 'resolution' : kind;
      this.#registers?.note({ site: this.site, clock }, noted, sha256(lock));
    }
  }

  get #parks(): boolean {
    return this.#inbound.some(({ parks }) => parks);
  }

  /** Those that pipelines out of this database carry. */
  #carried({ changes, gtid }: ReadPart): readonly RowChange[] {
    const { carries } = this.#options;
    let last: TableShape | null = null;
    let carried = false;
    return this.#routed(changes).filter(({ table }) => {
      if (table === last) return carried;
      last = table;
      carried = carries(table.schema, table.name, gtid);
      if (carried) this.#noted.add(tableName(table).toLowerCase());
      return carried;
    });
  }

  #routed(changes: readonly RowChange[]): readonly RowChange[] {
    return changes.filter(({ table }) => this.#options.routes(table.schema, table.name));
  }

  /** Whose rows a transaction brought; null: this site's own, or what came from outside the mesh. */
  #sourceOf(mark: string | null): string | null {
    return this.#inbound.find(({ name }) => name === mark)?.source ?? null;
  }

  /** What a file refuses is the end of what they hold, whoever asked. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#registers?.broken !== error) throw error;
      this.#giveUpBroken();
    }
  }

  #giveUpBroken(): void {
    const broken = this.#registers?.broken ?? null;
    if (broken !== null) this.#forget(broken);
  }

  #forget(why: OtterError): void {
    this.close();
    this.#lost = why;
    const { code, message: error } = why;
    this.#options.logger.warn('the index of recent writes is emptied', { code, error });
  }
}
