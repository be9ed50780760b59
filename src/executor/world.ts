/**
 * What a node has seen of the state store: desired state, living nodes and owners, as values.
 *
 * All of a topology is followed as one, at one revision, so that a record is never judged by the absence of another
 * that just was not told yet.
 * Rules: it holds the newest version of each record whatever order news arrive in (news of our own writes may come
 * before or after the watch tells them); a record that is not understood is a fault that keeps things as they are;
 * that somebody else once owned a database is remembered, since a site that started before that must stop.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import { type FileSideSpec, type FollowedFiles, followedBy, parseSide, regionsOf, sideName } from '../model/files.ts';
import type { FilesCheckedRecord, FilesCheckRecord } from '../model/files-check.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import type { DesiredPipeline, Entry, SiteSpec, WatchBatch } from '../model/ports.ts';
import type {
  MetaRecord,
  MoveRecord,
  NodeRecord,
  OwnerRecord,
  PauseRecord,
  PlaceRecord,
  SkipRecord,
  SpecRecord,
  VerifiedRecord,
} from '../model/records.ts';
import { STATE_FORMAT } from '../model/records.ts';
import type { Kind } from '../model/topology.ts';
import type { ParsedKey, PausedKind } from '../state/keys.ts';
import {
  checkedKey,
  checkKey,
  metaKey,
  moveKey,
  nodeKey,
  ownerKey,
  parseKey,
  pauseKey,
  placeKey,
  skipKey,
  specKey,
  verifiedKey,
} from '../state/keys.ts';

export interface Seen<T> {
  readonly record: T;
  readonly revision: number;
  /** Revision at which the key came into being. */
  readonly created: number;
}

/** How much a batch may change what is to be done. `beat`: only that a living node still lives. */
export type News = 'nothing' | 'beat' | 'change';

const CONCERNS: ReadonlySet<ParsedKey['at']> = new Set([
  'meta',
  'spec',
  'node',
  'owner',
  'pause',
  'skip',
  'move',
  'place',
  'verified',
  ...(['watch', 'alert', 'silence', 'trial', 'check', 'checked'] as const),
]);
/** Records about alerts and comparisons: no database has anything to do for them, and one that is not understood stops nothing. */
const BESIDE: ReadonlySet<ParsedKey['at']> = new Set(['watch', 'alert', 'silence', 'trial', 'check', 'checked']);

export class World {
  readonly #topology: string;
  readonly #instance: string;
  readonly #entries = new Map<string, Seen<unknown>>();
  readonly #faults = new Map<string, Diagnostic>();
  /** Of the last batch; null before the first. */
  #toldRevision: number | null = null;
  /** Database to the last revision at which somebody else may have owned it. */
  readonly #foreign = new Map<string, number>();
  /** Databases and file sets whose deletion was seen as such, not just their absence after news were lost. */
  readonly #deleted = new Set<string>();
  /** Made when asked for, since every database asks: names of records by their kind, and pipelines by their databases. */
  readonly #names = new Map<string, readonly string[]>();
  #pipelines: ReadonlyMap<string, readonly DesiredPipeline[]> | null = null;

  constructor(topology: string, instance: string) {
    this.#topology = topology;
    this.#instance = instance;
  }

  /** The store has been seen. */
  get ready(): boolean {
    return this.#toldRevision !== null;
  }

  /** A record that this version does not understand; nothing new is begun while there is one. */
  get fault(): Diagnostic | null {
    return this.#faults.values().next().value ?? null;
  }

  get meta(): MetaRecord | null {
    return this.#at<MetaRecord>(metaKey(this.#topology))?.record ?? null;
  }

  spec<K extends Kind>(kind: K, name: string): Seen<SpecRecord<K>> | null {
    return this.#at<SpecRecord<K>>(specKey(this.#topology, kind, name));
  }

  /** Names with a spec, sorted. */
  names(kind: Kind): readonly string[] {
    return this.#namesAt(kind, (key) => (key.at === 'spec' && key.kind === kind ? key.name : null));
  }

  /** Names of the nodes that have a record under a lease. */
  livingNodes(): readonly string[] {
    return this.#namesAt('living', (key) => (key.at === 'node' ? key.name : null));
  }

  node(name: string): Seen<NodeRecord> | null {
    return this.#at<NodeRecord>(nodeKey(this.#topology, name));
  }

  owner(database: string): Seen<OwnerRecord> | null {
    return this.#at<OwnerRecord>(ownerKey(this.#topology, database));
  }

  /** The node that somebody wants to own the database; null: nobody cares. */
  place(database: string): string | null {
    return this.#at<PlaceRecord>(placeKey(this.#topology, database))?.record.node ?? null;
  }

  /** Whether somebody wants the pipeline to stand elsewhere. */
  isMoved(pipeline: string): boolean {
    return this.#entries.has(moveKey(this.#topology, pipeline));
  }

  /** What somebody has paused. */
  pauses(): readonly { readonly kind: PausedKind; readonly name: string; readonly seen: Seen<PauseRecord> }[] {
    const addresses = this.#namesAt('paused', (key) => (key.at === 'pause' ? `${key.kind}.${key.name}` : null));
    return addresses.flatMap((address) => {
      const [kind, name] = [
        address.slice(0, address.indexOf('.')) as PausedKind,
        address.slice(address.indexOf('.') + 1),
      ];
      const seen = this.#at<PauseRecord>(pauseKey(this.#topology, kind, name));
      return seen === null ? [] : [{ kind, name, seen }];
    });
  }

  /** How a channel was last compared at a database by itself. */
  verified(channel: string, database: string): VerifiedRecord | null {
    return this.#at<VerifiedRecord>(verifiedKey(this.#topology, channel, database))?.record ?? null;
  }

  /** That somebody wants a file set compared. */
  filesCheck(set: string): Seen<FilesCheckRecord> | null {
    return this.#at<FilesCheckRecord>(checkKey(this.#topology, set));
  }

  /** How the flows into a region compared, as far as they have. */
  filesChecked(set: string, region: string): FilesCheckedRecord | null {
    return this.#at<FilesCheckedRecord>(checkedKey(this.#topology, set, region))?.record ?? null;
  }

  /** Databases that have an owner, sorted. */
  ownedDatabases(): readonly string[] {
    return this.#namesAt('owned', (key) => (key.at === 'owner' ? key.database : null));
  }

  /** All records of a kind, whatever they are about. */
  all<T, A extends ParsedKey['at']>(at: A): readonly (Seen<T> & { readonly key: Extract<ParsedKey, { at: A }> })[] {
    const texts = this.#namesAt(`all ${at}`, (key, text) => (key.at === at ? text : null));
    return texts.map((text) => ({
      ...(this.#entries.get(text) as Seen<T>),
      key: parseKey(text) as Extract<ParsedKey, { at: A }>,
    }));
  }

  /** Last revision at which another process may have owned the database; 0 when none was seen. */
  foreignRevision(database: string): number {
    return this.#foreign.get(database) ?? 0;
  }

  /** Of a database, or of the set of a side. */
  wasDeleted(name: string): boolean {
    const side = parseSide(name);
    return this.#deleted.has(side === null ? name : setMark(side.set));
  }

  /** What is there to be owned: databases and sides of file sets. */
  ownable(): readonly string[] {
    return [...this.names('database'), ...this.#sides()];
  }

  /** Where the owner of a database or side stands; undefined when it is not declared. */
  regionOf(name: string): string | undefined {
    const side = parseSide(name);
    if (side === null) return this.spec('database', name)?.record.spec.region;
    const spec = this.spec('files', side.set)?.record.spec;
    return spec !== undefined && regionsOf(spec).includes(side.region) ? side.region : undefined;
  }

  /** What the owner of a database or side has to do; null when it, or the first apply, is not there. */
  ownedSpec(name: string): SiteSpec | FileSideSpec | null {
    const side = parseSide(name);
    if (side === null) return this.siteSpec(name);
    const { meta } = this;
    const record = this.spec('files', side.set)?.record;
    if (meta === null || record === undefined || this.regionOf(name) === undefined) return null;
    const { generation, spec } = record;
    return { lineage: meta.lineage, topology: this.#topology, name, ...side, generation, spec };
  }

  #sides(): readonly string[] {
    return this.names('files').flatMap((set) =>
      regionsOf(this.spec('files', set)!.record.spec).map((region) => sideName(set, region)),
    );
  }

  /** What the owner of the database has to do; null when it, or the first apply, is not there. */
  siteSpec(database: string): SiteSpec | null {
    const { meta } = this;
    const spec = this.spec('database', database)?.record.spec;
    if (meta === null || spec === undefined) return null;
    this.#pipelines ??= this.#compiled();
    const pipelines = this.#pipelines.get(database) ?? [];
    return { lineage: meta.lineage, topology: this.#topology, name: database, database: spec, pipelines };
  }

  /** All channels, by each of the two databases of a pipeline. */
  #compiled(): Map<string, DesiredPipeline[]> {
    const all = new Map<string, DesiredPipeline[]>();
    for (const channel of this.names('channel')) {
      const { record, created } = this.spec('channel', channel)!;
      const came = record.created ?? created + (this.meta?.revisionBase ?? 0);
      for (const pipeline of compileChannel(channel, record.spec, record.stays)) {
        const { source, target } = pipeline;
        if (this.spec('database', source) === null || this.spec('database', target) === null) continue;
        const stayed = record.stays?.pipelines?.[pipeline.name] ?? 0;
        const born = came + Math.max(stayed, ...this.#sinceOf(pipeline));
        const enabled = pipeline.enabled && !this.#isPaused(channel, pipeline.name);
        const skip = this.#at<SkipRecord>(skipKey(this.#topology, pipeline.name))?.record.transaction;
        const move = enabled ? null : this.#moveOf(pipeline.name, record.generation);
        const wanted = { ...(skip === undefined ? {} : { skip }), ...(move === null ? {} : { move }) };
        const follows = this.#followsOf(channel, pipeline);
        const spec = { ...pipeline, enabled, ...wanted, ...(follows.length === 0 ? {} : { follows }) };
        const desired = { spec, generation: record.generation, born };
        for (const database of new Set([source, target])) {
          const known = all.get(database);
          if (known === undefined) all.set(database, [desired]);
          else known.push(desired);
        }
      }
    }
    return all;
  }

  #followsOf(channel: string, { source, target }: PipelineSpec): readonly FollowedFiles[] {
    const [from, to] = [source, target].map((database) => this.regionOf(database)!);
    const sets = this.names('files').map((name) => [name, this.spec('files', name)!.record.spec] as const);
    return followedBy(channel, from!, to!, sets);
  }

  /** Where somebody wants it to stand, as the channel is now. */
  #moveOf(pipeline: string, generation: number): { from: string | null; to: string } | null {
    const record = this.#at<MoveRecord>(moveKey(this.#topology, pipeline))?.record;
    return record?.generation === generation ? { from: record.from, to: record.to } : null;
  }

  /** By a person, as a whole or this pipeline alone: it rests and keeps its place, as one that is not enabled. */
  #isPaused(channel: string, pipeline: string): boolean {
    const topology = this.#topology;
    const keys = [pauseKey(topology, 'channel', channel), pauseKey(topology, 'pipeline', pipeline)];
    return keys.some((key) => this.#entries.has(key) || this.#faults.has(key));
  }

  /** Since when its two databases are the ones that they are. */
  #sinceOf({ source, target }: PipelineSpec): number[] {
    return [source, target].map((database) => this.spec('database', database)?.record.since ?? 0);
  }

  /** What a watch of the topology, or a first list in the form of a reset, has told. */
  apply(batch: WatchBatch): News {
    let news: News = this.#toldRevision === null ? 'change' : 'nothing';
    const worse = (other: News): void => {
      if (other === 'change' || news === 'nothing') news = other;
    };
    if (batch.reset) worse(this.#reset(batch));
    for (const event of batch.events) {
      worse(event.kind === 'put' ? this.#put(event.entry) : this.#remove(event.key, batch.revision, 'seen'));
    }
    this.#toldRevision = batch.revision;
    return news;
  }

  /** Something this node has just written itself. */
  wrote(entry: Entry): void {
    this.#put(entry);
  }

  /** Something this node has just deleted itself. */
  deleted(key: string, revision: number): void {
    this.#remove(key, revision, 'seen');
  }

  #at<T>(key: string): Seen<T> | null {
    return (this.#entries.get(key) as Seen<T> | undefined) ?? null;
  }

  #namesAt(of: string, nameOf: (key: ParsedKey, text: string) => string | null): readonly string[] {
    const known = this.#names.get(of);
    if (known !== undefined) return known;
    const names: string[] = [];
    for (const key of this.#entries.keys()) {
      const parsed = parseKey(key);
      const name = parsed === null ? null : nameOf(parsed, key);
      if (name !== null) names.push(name);
    }
    names.sort();
    this.#names.set(of, names);
    return names;
  }

  #put({ key, value, revision, created }: Entry): News {
    const before = this.#entries.get(key);
    if (before !== undefined && before.revision >= revision) return 'nothing';
    const parsed = parseKey(key);
    if (parsed === null || !CONCERNS.has(parsed.at)) return 'nothing';
    const record = recordOf(parsed.at, value);
    if (record === null && BESIDE.has(parsed.at)) return this.#remove(key, revision, 'seen');
    if (record === null) {
      this.#faults.set(key, notUnderstood(key));
      return 'change';
    }
    this.#faults.delete(key);
    this.#entries.set(key, { record, revision, created });
    this.#forget(parsed.at, before === undefined);
    if (parsed.at === 'owner' && (record as OwnerRecord).instance !== this.#instance) {
      this.#sawForeign(parsed.database, revision);
    }
    if (parsed.at === 'spec') this.#deleted.delete(markOf(parsed));
    if (parsed.at === 'verified') return 'nothing';
    return (parsed.at === 'node' && before !== undefined) || BESIDE.has(parsed.at) ? 'beat' : 'change';
  }

  /** `unseen`: it is not there any more, and what happened in between was not told. */
  #remove(key: string, revision: number, how: 'seen' | 'unseen'): News {
    const before = this.#entries.get(key);
    const known = this.#faults.delete(key) || before !== undefined;
    if (!known || (before !== undefined && before.revision > revision)) return 'nothing';
    this.#entries.delete(key);
    const parsed = parseKey(key);
    if (parsed !== null) this.#forget(parsed.at, true);
    if (parsed?.at === 'spec' && how === 'seen') this.#deleted.add(markOf(parsed));
    return parsed !== null && BESIDE.has(parsed.at) ? 'beat' : 'change';
  }

  #reset({ revision, events }: WatchBatch): News {
    let news: News = 'nothing';
    if (revision < (this.#toldRevision ?? 0)) {
      // Another store, or an older copy of it: revisions of before mean nothing any more.
      this.#entries.clear();
      this.#forget('spec', true);
      this.#faults.clear();
      this.#foreign.clear();
      news = 'change';
    }
    const present = new Set(events.map((event) => (event.kind === 'put' ? event.entry.key : event.key)));
    for (const key of [...this.#entries.keys(), ...this.#faults.keys()]) {
      if (!present.has(key) && this.#remove(key, revision, 'unseen') === 'change') news = 'change';
    }
    // Owners may have come and gone without being told: whoever is not owner now may have been followed by another.
    for (const name of this.ownable()) {
      if (!present.has(ownerKey(this.#topology, name))) this.#sawForeign(name, revision);
    }
    return news;
  }

  /** @param named whether a record came or went */
  #forget(at: ParsedKey['at'], named: boolean): void {
    if (named) this.#names.clear();
    if (at === 'spec' || at === 'meta' || at === 'pause' || at === 'skip' || at === 'move') this.#pipelines = null;
  }

  #sawForeign(database: string, revision: number): void {
    this.#foreign.set(database, Math.max(revision, this.foreignRevision(database)));
  }
}

function setMark(set: string): string {
  return `files.${set}`;
}

/** Of a deletion that is remembered; what is not owned is never asked for. */
function markOf({ kind, name }: Extract<ParsedKey, { at: 'spec' }>): string {
  if (kind === 'database') return name;
  return kind === 'files' ? setMark(name) : `${kind}:${name}`;
}

/** The value, if it is what this version writes there; null if not. */
function recordOf(at: ParsedKey['at'], value: string): object | null {
  let record: unknown;
  try {
    record = JSON.parse(value);
  } catch {
    return null;
  }
  if (typeof record !== 'object' || record === null) return null;
  if (at === 'meta') {
    const { format, lineage } = record as Partial<MetaRecord>;
    return typeof lineage === 'string' && format === STATE_FORMAT ? record : null;
  }
  if (at === 'spec') {
    const { spec, generation } = record as Partial<SpecRecord>;
    return typeof generation === 'number' && typeof spec === 'object' && spec !== null ? record : null;
  }
  return record;
}

function notUnderstood(key: string): Diagnostic {
  return {
    code: 'OT3007',
    severity: 'error',
    summary: `the record ${key} of the state store is not understood`,
    detail: 'A newer otter may have written it. What runs goes on as it is; nothing new is begun.',
    range: null,
    related: [],
  };
}
