/**
 * File sets: what a person declared of files, and what it is compiled into.
 *
 * A set has a *side* in each of its regions, which one node of the region serves as another serves a database, and a *flow* for
 * each direction, which the side of its target pulls.
 */
/** As it is written, with defaults. */
export interface FileSetSpec {
  /** Regions; `from` and `to` in its place. */
  readonly between?: readonly string[];
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  /** Directory by region. */
  readonly roots: Readonly<Record<string, string>>;
  readonly follow?: FollowSpec;
  /** Patterns of paths below the root. */
  readonly watch?: readonly string[];
  readonly exclude: readonly string[];
  readonly order: 'file-first' | 'row-first';
  readonly missing: 'continue' | 'wait' | 'stop';
  readonly delete: 'keep' | 'mirror';
  readonly conflict?: { readonly policy?: string; readonly priority?: readonly string[] };
  readonly resolver?: string;
  /** As `5MB/s`, of what one side sends. */
  readonly bandwidth?: string;
}

export interface FollowSpec {
  readonly channel: string;
  readonly table: string;
  /** `{column}` stands for a value of the row, `{column[]}` for each of a list. */
  readonly path: string | readonly string[];
}

/** What a pipeline must know of a set whose files its rows name. */
export interface FollowedFiles {
  readonly set: string;
  /** Regions. */
  readonly from: string;
  readonly to: string;
  /** As the channel's entry has it. */
  readonly table: string;
  readonly paths: readonly string[];
  readonly order: FileSetSpec['order'];
  readonly missing: FileSetSpec['missing'];
}

/** One direction of a set. */
export interface FileFlow {
  /** `files.set/source>target`. */
  readonly name: string;
  readonly set: string;
  /** Regions. */
  readonly source: string;
  readonly target: string;
}

/** What the node that serves a side has to do. */
export interface FileSideSpec {
  readonly lineage: string;
  readonly topology: string;
  /** As `sideName` gives it. */
  readonly name: string;
  readonly set: string;
  readonly region: string;
  /** Of the set, as it was applied. */
  readonly generation: number;
  readonly spec: FileSetSpec;
}

const SIDE = /^files\.([^@]+)@(.+)$/;

/** The name under which a side is owned: no database is called so. */
export function sideName(set: string, region: string): string {
  return `files.${set}@${region}`;
}

/** Null for what is no side. */
export function parseSide(name: string): { readonly set: string; readonly region: string } | null {
  const [, set, region] = SIDE.exec(name) ?? [];
  return set === undefined || region === undefined ? null : { set, region };
}

/** Where files come from and go to, each region once. */
export function endsOf({ between, from, to }: Pick<FileSetSpec, 'between' | 'from' | 'to'>): {
  readonly from: readonly string[];
  readonly to: readonly string[];
} {
  if (between !== undefined) return { from: between, to: between };
  return { from: [...new Set([from ?? []].flat())], to: [...new Set([to ?? []].flat())] };
}

/** Every pair of a region that files come from and another that they go to. */
export function compileFiles(set: string, spec: Pick<FileSetSpec, 'between' | 'from' | 'to'>): FileFlow[] {
  const { from, to } = endsOf(spec);
  return from.flatMap((source) =>
    to.flatMap((target) =>
      source === target ? [] : [{ name: `files.${set}/${source}>${target}`, set, source, target }],
    ),
  );
}

/** Of a pipeline of a channel between databases of these regions: the sets that bring files of its rows. */
export function followedBy(
  channel: string,
  from: string,
  to: string,
  sets: readonly (readonly [name: string, spec: FileSetSpec])[],
): FollowedFiles[] {
  return sets.flatMap(([set, spec]) => {
    const { follow, order, missing } = spec;
    const flows = compileFiles(set, spec).some(({ source, target }) => source === from && target === to);
    if (follow?.channel !== channel || !flows) return [];
    return [{ set, from, to, table: follow.table, paths: [follow.path].flat(), order, missing }];
  });
}

/** Regions that have a side, sorted. */
export function regionsOf(spec: Pick<FileSetSpec, 'between' | 'from' | 'to'>): string[] {
  const { from, to } = endsOf(spec);
  return [...new Set([...from, ...to])].sort();
}
