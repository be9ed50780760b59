/**
 * What a topology may say and this version does not do yet.
 *
 * Rule kept here: nothing is ignored silently. What would change which rows, values or files are written is an error,
 * which plan and apply refuse; the rest is a warning.
 */
import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import type { FileSetSpec } from '../model/files.ts';
import type { ChannelSpec, ConflictSpec, TableSpec, Topology } from '../model/topology.ts';
import { addressAt, finding } from './finding.ts';
import type { Path } from './tree.ts';

/** Where a key of the file is; from `loadTopology`. */
export type PlaceOf = (path: Path) => SourceRange | null;

export interface UnbuiltKey {
  /** As in the reference: where the key stands. */
  readonly key: string;
  readonly severity: 'error' | 'warning';
  /** What does not happen. */
  readonly missing: string;
}

/** Everything that is not built, in the order of the reference. */
export const UNBUILT = {
  manualCopy: {
    key: 'conflict.policy: manual with initial: copy',
    severity: 'error',
    missing: 'Rows are not copied where a person decides: begin with equal databases and `initial: none`.',
  },
  meshNames: {
    key: 'channels.*.shape: mesh, or policy: manual, with tables[].to or columns',
    severity: 'error',
    missing: 'Where every site decides a table has the same name and columns everywhere.',
  },
  tablePriority: {
    key: 'tables[].conflict.priority',
    severity: 'error',
    missing: 'All tables of a channel have one preferred site.',
  },
  existing: {
    key: 'channels.*.existing: keep | merge | replace, two-way',
    severity: 'error',
    missing: 'Rows that exist at the second database are refused.',
  },
  ddl: {
    key: 'channels.*.ddl: replicate in a mesh, or with policy: manual',
    severity: 'error',
    missing: 'Changes of tables are carried from the site that decides, and there every site does: use `ddl: stop`.',
  },
  ddlRows: {
    key: 'channels.*.ddl: replicate with where, columns.set, columns.mask, process, reread or dry_run',
    severity: 'error',
    missing: 'Changes of tables are carried only where rows travel as they are.',
  },
  oracleDdl: {
    key: 'channels.*.ddl: replicate into engine: oracle',
    severity: 'error',
    missing: 'Changes of tables are not carried into an Oracle database.',
  },
  oracleThrottle: {
    key: 'databases.*.throttle with engine: oracle',
    severity: 'warning',
    missing: 'An Oracle database is not asked how busy it is, and written as fast as it can be.',
  },
  scope: { key: 'channels.*.scope: transaction', severity: 'error', missing: 'Conflicts are decided row by row.' },
  dryRun: { key: 'channels.*.dry_run: true, two-way', severity: 'error', missing: 'A two-way channel always writes.' },
  order: {
    key: 'channels.*.order, tables[].order, two-way',
    severity: 'warning',
    missing: 'Two-way, tables are written in the order in which their rows come.',
  },
  filesFollow: {
    key: 'files.*.follow with delete: mirror',
    severity: 'error',
    missing: 'Files of deleted rows are kept: another row may name them.',
  },
  filesResolver: {
    key: 'files.*.resolver',
    severity: 'error',
    missing: 'Files of a row are told by `follow.path` alone.',
  },
  filesStore: {
    key: 'files.*.roots: s3://...',
    severity: 'error',
    missing: 'A root is a directory: object stores are not read or written.',
  },
  filesConflict: {
    key: 'files.*.conflict: by, merge, groups, counters, log, keep, or policy: manual',
    severity: 'error',
    missing: 'Files are decided whole, by `policy: site-priority` or `last-write-wins` (the later time of the file).',
  },
} as const satisfies Record<string, UnbuiltKey>;

type UnbuiltId = keyof typeof UNBUILT;

/** What this topology says that is not built, errors and warnings, in the order of the topology. */
export function unbuilt(topology: Topology, placeOf: PlaceOf = () => null): Diagnostic[] {
  const found: Diagnostic[] = [];
  const tell = (id: UnbuiltId, what: string, path: Path): void => {
    const { severity, missing } = UNBUILT[id];
    const code = severity === 'error' ? 'OT1090' : 'OT1091';
    const facts = { code, severity, summary: `${what} is not built yet`, detail: missing } as const;
    found.push(finding({ ...facts, range: placeOf(path), address: addressAt(path) }));
  };
  for (const [name, { engine, throttle }] of Object.entries(topology.database))
    if (engine === 'oracle' && throttle !== undefined)
      tell('oracleThrottle', '`throttle` of an Oracle database', ['databases', name, 'throttle']);
  for (const [name, channel] of Object.entries(topology.channel)) {
    ofChannel(channel, ['channels', name], tell);
    if (channel.ddl === 'replicate' && writesOracle(channel, topology))
      tell('oracleDdl', '`ddl: replicate` into an Oracle database', ['channels', name, 'ddl']);
    channel.tables.forEach((table, i) => {
      ofTable(table, channel, ['channels', name, 'tables', i], tell);
    });
  }
  for (const [name, set] of Object.entries(topology.files)) ofFiles(set, ['files', name], tell);
  return found;
}

type Tell = (id: UnbuiltId, what: string, path: Path) => void;

function ofFiles(set: FileSetSpec, base: Path, tell: Tell): void {
  const { follow, resolver, roots, conflict = {} } = set;
  if (follow !== undefined && set.delete === 'mirror')
    tell('filesFollow', '`delete: mirror` with `follow`', [...base, 'delete']);
  if (resolver !== undefined) tell('filesResolver', '`resolver`', [...base, 'resolver']);
  for (const [region, root] of Object.entries(roots))
    if (/^[a-z0-9]+:\/\//i.test(root)) tell('filesStore', `the root \`${root}\``, [...base, 'roots', region]);
  const { policy, priority: _, ...others } = conflict;
  for (const key of Object.keys(others)) tell('filesConflict', `\`${key}\` of files`, [...base, 'conflict', key]);
  if (policy === 'manual') tell('filesConflict', '`policy: manual` of files', [...base, 'conflict', 'policy']);
}

function ofChannel(channel: ChannelSpec, base: Path, tell: Tell): void {
  const { direction, conflict, inert } = channel;
  const twoWay = direction.kind === 'two-way';
  if (conflict !== null) ofConflict(conflict, null, [...base, 'conflict'], tell);
  if (conflict?.policy === 'manual' && channel.initial === 'copy')
    tell('manualCopy', '`initial: copy` with `policy: manual`', [...base, 'initial']);
  if (twoWay && channel.existing !== 'refuse') {
    tell('existing', `\`existing: ${channel.existing}\` in a two-way channel`, [...base, 'existing']);
  }
  const everySite = everySiteDecides(channel);
  if (twoWay && everySite !== null && channel.ddl === 'replicate')
    tell('ddl', `\`ddl: replicate\` ${everySite}`, [...base, 'ddl']);
  const asTheyAre = channel.dryRun !== true && channel.tables.every(({ rows }) => rows === undefined);
  if (channel.ddl === 'replicate' && !asTheyAre)
    tell('ddlRows', '`ddl: replicate` where rows do not travel as they are', [...base, 'ddl']);
  if (inert['scope'] === 'transaction') tell('scope', '`scope: transaction`', [...base, 'scope']);
  if (twoWay && channel.dryRun === true) tell('dryRun', '`dry_run` of a two-way channel', [...base, 'dry_run']);
  if (twoWay && channel.order !== undefined) tell('order', '`order` of a two-way channel', [...base, 'order']);
}

function writesOracle({ direction }: ChannelSpec, { database }: Topology): boolean {
  return direction.kind === 'one-way' && direction.to.some((name) => database[name]?.engine === 'oracle');
}

/** In words; null where one site decides. */
function everySiteDecides({ shape, conflict }: ChannelSpec): string | null {
  if (conflict?.policy === 'manual') return 'with `policy: manual`';
  return shape === 'mesh' ? 'in a mesh' : null;
}

function ofTable(table: TableSpec, channel: ChannelSpec, base: Path, tell: Tell): void {
  const { only, omit, rename } = table.columns;
  const travelsWhole = only === null && omit.length === 0 && Object.keys(rename).length === 0;
  const everySite = everySiteDecides(channel);
  if (everySite !== null && (table.to !== null || !travelsWhole))
    tell('meshNames', `another name, or a choice of columns, ${everySite}`, base);
  if (table.conflict !== null) ofConflict(table.conflict, channel.conflict, [...base, 'conflict'], tell);
  if (channel.direction.kind === 'two-way' && table.order !== undefined)
    tell('order', '`order` in a two-way channel', [...base, 'order']);
}

/** `above` is the channel's rule for a table's: what comes from there was told there. */
function ofConflict(conflict: ConflictSpec, above: ConflictSpec | null, base: Path, tell: Tell): void {
  const differs = (key: keyof ConflictSpec): boolean =>
    above === null || JSON.stringify(above[key]) !== JSON.stringify(conflict[key]);
  if (above !== null && differs('priority'))
    tell('tablePriority', 'a `priority` of a single table', [...base, 'priority']);
}
