/**
 * A validated tree to the topology that everything else works with: defaults applied, shorthand spelled out.
 *
 * Rule kept here: the result is plain JSON with every default present, so that two ways of writing the same are the
 * same value; keys that are not built yet are kept only where they say something else than the default.
 */
import { DEFAULT_CONFLICT_LOG } from '../model/conflict.ts';
import type { FileSetSpec } from '../model/files.ts';
import {
  type ChannelSpec,
  type ConflictSpec,
  type DatabaseSpec,
  HISTORY_KEPT,
  type InertSpec,
  type LinkSpec,
  type MaskKind,
  type Move,
  type NodeSpec,
  type ReceiverSpec,
  type RowSpec,
  type SecretRef,
  type TableSpec,
  type Topology,
} from '../model/topology.ts';
import type {
  WrittenChannel,
  WrittenConflict,
  WrittenDatabase,
  WrittenNode,
  WrittenRule,
  WrittenTable,
  WrittenTopology,
} from './written.ts';

/** Sections of a topology file and the kinds of object they hold. */
export const SECTIONS = {
  region: 'regions',
  node: 'nodes',
  database: 'databases',
  channel: 'channels',
  files: 'files',
  notify: 'notify',
  alert: 'alerts',
} as const;

type Section = (typeof SECTIONS)[keyof typeof SECTIONS] | 'rules';
type Written<K extends Section> = NonNullable<WrittenTopology[K]>[string];

/** `broken` objects (`section/name`) are left out; the rest is as the schema wants it. */
export function resolve(value: Readonly<Record<string, unknown>>, broken: ReadonlySet<string>): Topology {
  const section = <K extends Section, S>(name: K, spell: (written: Written<K>) => S): Record<string, S> => {
    const written = broken.has(name) ? null : (value[name] as Record<string, Written<K>> | null | undefined);
    const kept = Object.entries(written ?? {}).filter(([key]) => !broken.has(`${name}/${key}`));
    return Object.fromEntries(kept.map(([key, one]) => [key, spell(one)]));
  };
  const whole = (key: string): unknown => (isSaid(value[key]) && !broken.has(key) ? json(value[key]) : undefined);
  const kept = whole('history') as InertSpec | undefined;
  const moved = whole('moved') as readonly Move[] | undefined;
  const link = isSaid(value['link']) && !broken.has('link') ? (json(value['link']) as LinkSpec) : null;
  return {
    name: typeof value['name'] === 'string' ? value['name'] : '',
    region: section('regions', (region) => ({
      description: region?.description ?? '',
    })),
    node: section('nodes', (node) => resolveNode(node, link)),
    database: section('databases', resolveDatabase),
    channel: section('channels', resolveChannel),
    files: section('files', resolveFiles),
    notify: section('notify', (one) => json(one) as ReceiverSpec),
    alert: section('alerts', (one) => ({ for: '0s', notify: [], ...(json(one) as { readonly when: string }) })),
    policy: said({
      guards: filled(guardsOf(whole('guards'))),
      rules: filled(section('rules', resolveRule)),
      history: kept === undefined ? undefined : { ...HISTORY_KEPT, ...kept },
    }) as Record<string, InertSpec>,
    ...(moved === undefined ? {} : { moved }),
  };
}

function filled<T extends object>(map: T): T | undefined {
  return Object.keys(map).length === 0 ? undefined : map;
}

/** What is not said, or is the default, is no limit. */
function guardsOf(written: unknown): InertSpec {
  const limits = Object.entries((written ?? {}) as InertSpec).filter(([, limit]) => limit !== false);
  return Object.fromEntries(limits);
}

/** A severity alone is the short form. */
function resolveRule(written: string | WrittenRule): InertSpec {
  if (typeof written === 'string') return { severity: written };
  const rule = json(written) as InertSpec;
  return rule['when'] === undefined ? rule : { severity: 'error', on: 'change', ...rule };
}

function resolveNode({ region, listen, advertise = listen, http }: WrittenNode, link: LinkSpec | null): NodeSpec {
  return { region, listen, advertise, ...(http === undefined ? {} : { http }), ...(link === null ? {} : { link }) };
}

function resolveDatabase(database: WrittenDatabase): DatabaseSpec {
  return {
    region: database.region,
    engine: database.engine,
    endpoints: [...database.endpoints],
    user: database.user,
    password: json(database.password) as SecretRef,
    tls: database.tls === undefined ? null : (json(database.tls) as DatabaseSpec['tls']),
    schema: database.schema ?? 'otter',
    protect: database.protect ?? false,
    // Without a limit it says nothing.
    ...(Object.keys(database.throttle ?? {}).length === 0 ? {} : { throttle: { ...database.throttle } }),
  };
}

function resolveChannel(channel: WrittenChannel): ChannelSpec {
  const { between } = channel;
  const conflict =
    between === undefined ? null : resolveConflict(channel.conflict ?? {}, { ...NO_CONFLICT, priority: between });
  return {
    direction:
      between === undefined
        ? { kind: 'one-way', from: [channel.from ?? []].flat(), to: [channel.to ?? []].flat() }
        : { kind: 'two-way', between: [...between] },
    conflict,
    ...(isMesh(channel, conflict) ? { shape: 'mesh' } : {}),
    initial: channel.initial ?? 'copy',
    existing: channel.existing ?? 'refuse',
    ddl: channel.ddl ?? 'stop',
    onError: channel.on_error ?? 'stop',
    apply: { lanes: channel.apply?.lanes ?? 1, atomic: channel.apply?.atomic ?? true },
    enabled: channel.enabled ?? true,
    ...(channel.priority === undefined || channel.priority === 0 ? {} : { priority: channel.priority }),
    ...(channel.rate === undefined ? {} : { rate: channel.rate }),
    ...(channel.verify === undefined ? {} : { verify: { ...channel.verify } }),
    ...(channel.order === undefined ? {} : { order: { ...channel.order } }),
    ...(channel.dry_run === true ? { dryRun: true } : {}),
    tables: channel.tables.map((table) => resolveTable(table, conflict)),
    ...(channel.mask_key === undefined ? {} : { maskKey: json(channel.mask_key) as SecretRef }),
    inert: said({
      scope: channel.scope === 'transaction' ? channel.scope : undefined,
    }),
  };
}

/** Where it is not said, three or more databases are a mesh where the later write wins, and two are none. */
function isMesh({ between = [], shape }: WrittenChannel, conflict: ConflictSpec | null): boolean {
  return (shape ?? (between.length > 2 && conflict?.policy === 'last-write-wins' ? 'mesh' : 'star')) === 'mesh';
}

function resolveTable(written: string | WrittenTable, channel: ConflictSpec | null): TableSpec {
  const table: WrittenTable = typeof written === 'string' ? { from: written } : written;
  const { only, omit, rename, set, mask } = table.columns ?? {};
  const rows = rowsOf(table, set ?? {}, mask ?? {});
  return {
    from: table.from,
    to: table.to === undefined || table.to === table.from ? null : table.to,
    columns: { only: only === undefined ? null : [...only], omit: [...(omit ?? [])], rename: { ...rename } },
    conflict: table.conflict === undefined || channel === null ? null : resolveConflict(table.conflict, channel),
    ...(Object.keys(rows).length === 0 ? {} : { rows }),
    ...(table.order === undefined ? {} : { order: table.order }),
  };
}

function rowsOf(
  { where, process, reread }: WrittenTable,
  set: Readonly<Record<string, string | number | boolean | null>>,
  mask: Readonly<Record<string, MaskKind>>,
): RowSpec {
  return {
    ...(where === undefined ? {} : { where }),
    ...(Object.keys(set).length === 0 ? {} : { set: mapValues(set, expressionOf) }),
    ...(Object.keys(mask).length === 0 ? {} : { mask: { ...mask } }),
    // Its digest is known when it is read: see `processors.ts`.
    ...(process === undefined ? {} : { process: { module: process, digest: '' } }),
    ...(reread === true ? { reread } : {}),
  };
}

/** YAML's own constants are the same in SQL. */
function expressionOf(written: string | number | boolean | null): string {
  return typeof written === 'string' ? written : String(written).toUpperCase();
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, make: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value)]));
}

const NO_CONFLICT: ConflictSpec = {
  policy: 'site-priority',
  priority: [],
  by: null,
  merge: 'row',
  groups: [],
  counters: [],
};

/** What a table does not say is as the channel says. */
function resolveConflict(written: WrittenConflict, base: ConflictSpec): ConflictSpec {
  const policy = written.policy ?? base.policy;
  const merge = written.merge ?? base.merge;
  // What belongs to another policy, or another way of merging, is not taken over.
  const by = policy === 'last-write-wins' ? base.by : null;
  const groups = merge === 'column' ? base.groups : [];
  return {
    policy,
    priority: [...(written.priority ?? base.priority)],
    by: written.by === undefined ? by : written.by,
    merge,
    groups: (written.groups ?? groups).map((group) => [...group]),
    counters: [...(written.counters ?? base.counters)],
    log: written.log ?? base.log ?? DEFAULT_CONFLICT_LOG.log,
    keep: { ...(base.keep ?? DEFAULT_CONFLICT_LOG.keep), ...written.keep },
  };
}

function resolveFiles(written: object): FileSetSpec {
  const defaults = { exclude: [], order: 'file-first', missing: 'wait', delete: 'keep' } as const;
  return { ...defaults, ...(json(written) as Pick<FileSetSpec, 'roots'> & Partial<FileSetSpec>) };
}

/** Only what is set, as plain JSON. */
function said(keys: Readonly<Record<string, unknown>>): InertSpec {
  return Object.fromEntries(
    Object.entries(keys)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, json(value)]),
  );
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== 'object' || Object.keys(value).length > 0);
}

function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
