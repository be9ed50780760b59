/**
 * An object that was renamed is *kept* under the name it was made with: in the state store, at the nodes, in otter's own tables and in
 * the marks in logs, which nobody can rename. People see the name it has now.
 *
 * Rule: only who reads or writes the desired state for a person translates; nodes know kept names only, so a rename disturbs nothing
 * that runs. Two objects are never kept under one name.
 */
import { strict as assert } from 'node:assert';
import type { KeptName, NodeRecord } from './records.ts';
import type { Kind, Move } from './topology.ts';

/** What can be renamed: nothing else has a position. */
export const RENAMABLE = ['channel', 'database'] as const satisfies Kind[];
export type Renamable = (typeof RENAMABLE)[number];

type Rename = (kind: Renamable, name: string) => string;

const NAME_CHARS_MAX = 63;

export class Names {
  readonly #shown = new Map<string, string>();
  readonly #kept = new Map<string, string>();
  /** Nothing is kept under another name than its own. */
  readonly plain: boolean;

  constructor(names: Iterable<KeptName>) {
    let plain = true;
    for (const { kind, kept, shown } of names) {
      plain &&= kept === shown;
      this.#shown.set(`${kind}.${kept}`, shown);
      this.#kept.set(`${kind}.${shown}`, kept);
    }
    this.plain = plain;
  }

  /** A name that nothing is kept under is shown as it is: of what left, for instance. */
  shown(kind: Kind, kept: string): string {
    return this.#shown.get(`${kind}.${kept}`) ?? kept;
  }

  /** Of what is there, or is made (`with`); never a name under which something else is kept. */
  kept(kind: Kind, shown: string): string {
    const known = this.#kept.get(`${kind}.${shown}`);
    if (known !== undefined) return known;
    assert(!this.#shown.has(`${kind}.${shown}`), `another ${kind} is kept under the name ${shown}`);
    return shown;
  }

  /** With objects that are made: each is kept under its own name, or one beside it where another object is kept under that. */
  with(made: readonly { readonly kind: Kind; readonly name: string }[]): Names {
    const all: KeptName[] = [...this.#kept].map(([address, kept]) => ({
      kind: kindIn(address),
      kept,
      shown: nameIn(address),
    }));
    const taken = new Set(this.#shown.keys());
    const isNew = ({ kind, name }: (typeof made)[number]): boolean => !this.#kept.has(`${kind}.${name}`);
    const isFree = ({ kind, name }: (typeof made)[number]): boolean => !taken.has(`${kind}.${name}`);
    // Those that can have their own name first, so that no other is given it.
    for (const one of made.filter((each) => isNew(each) && isFree(each))) {
      all.push({ kind: one.kind, kept: one.name, shown: one.name });
      taken.add(`${one.kind}.${one.name}`);
    }
    const settled = new Set(all.map(({ kind, shown }) => `${kind}.${shown}`));
    for (const { kind, name } of made.filter((one) => !settled.has(`${one.kind}.${one.name}`))) {
      let kept = name;
      for (let n = 2; taken.has(`${kind}.${kept}`); n++)
        kept = `${name.slice(0, NAME_CHARS_MAX - String(n).length - 1)}-${n}`;
      all.push({ kind, kept, shown: name });
      taken.add(`${kind}.${kept}`);
    }
    return new Names(all);
  }

  keptPipeline(shown: string): string {
    return pipelineNamed(shown, (kind, name) => this.kept(kind, name));
  }

  shownPipeline(kept: string): string {
    return pipelineNamed(kept, (kind, name) => this.shown(kind, name));
  }

  /** What a record of the state store has, as people say it. */
  shownSpec<T>(kind: Kind, spec: T): T {
    return this.plain ? spec : specNamed(kind, spec, (of, name) => this.shown(of, name));
  }

  keptSpec<T>(kind: Kind, spec: T): T {
    return this.plain ? spec : specNamed(kind, spec, (of, name) => this.kept(of, name));
  }

  /** The same objects after renames, by address. */
  renamed(moves: readonly Move[]): Names {
    const to = new Map(moves.map((move) => [move.from, nameIn(move.to)]));
    return new Names(
      [...this.#kept].map(([address, kept]) => {
        const kind = kindIn(address);
        return { kind, kept, shown: to.get(address) ?? nameIn(address) };
      }),
    );
  }
}

function kindIn(address: string): Kind {
  return address.slice(0, address.indexOf('.')) as Kind;
}

function nameIn(address: string): string {
  return address.slice(address.indexOf('.') + 1);
}

/** `channel/source>target`. */
export function pipelineNamed(pipeline: string, rename: Rename): string {
  const [, channel, source, target] = /^([^/]+)\/([^>]+)>(.+)$/s.exec(pipeline) ?? [];
  if (channel === undefined) return pipeline;
  return `${rename('channel', channel)}/${rename('database', source!)}>${rename('database', target!)}`;
}

/** A node's record, with the databases and pipelines that it tells of under other names. */
export function nodeNamed(node: NodeRecord, rename: Rename): NodeRecord {
  const pipelines = Object.entries(node.pipelines).map(([name, figures]) => {
    const { index, error } = figures;
    const other = {
      ...(index == null ? {} : { index: { ...index, waitsFor: pipelineNamed(index.waitsFor, rename) } }),
      ...(error?.database == null ? {} : { error: { ...error, database: rename('database', error.database) } }),
    };
    return [pipelineNamed(name, rename), { ...figures, ...other }] as const;
  });
  return {
    ...node,
    databases: node.databases.map((name) => rename('database', name)),
    ...(node.endpoints === undefined
      ? {}
      : {
          endpoints: Object.fromEntries(
            Object.entries(node.endpoints).map(([name, endpoint]) => [rename('database', name), endpoint]),
          ),
        }),
    pipelines: Object.fromEntries(pipelines),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** An object with other names for the databases and channels that it refers to; nothing else of it changes. */
export function specNamed<T>(kind: Kind, spec: T, rename: Rename): T {
  if (typeof spec !== 'object' || spec === null) return spec;
  const database = (name: unknown): unknown => (typeof name === 'string' ? rename('database', name) : name);
  const databases = (names: unknown): unknown => (Array.isArray(names) ? (names as unknown[]).map(database) : names);
  const conflict = (rule: unknown): unknown => mapped(rule, { priority: databases });
  const channel = (name: unknown): unknown => (typeof name === 'string' ? rename('channel', name) : name);
  switch (kind) {
    case 'channel':
      return mapped(spec, {
        direction: (ends) => mapped(ends, { between: databases, from: databases, to: databases }),
        conflict,
        tables: (tables) =>
          Array.isArray(tables) ? (tables as unknown[]).map((table) => mapped(table, { conflict })) : tables,
      }) as T;
    case 'files':
      return mapped(spec, { follow: (follow) => mapped(follow, { channel }) }) as T;
    case 'alert':
      return mapped(spec, { channel, database }) as T;
    case 'region':
    case 'node':
    case 'database':
    case 'notify':
    case 'policy':
      return spec;
    default:
      return kind satisfies never;
  }
}

/** Fields that are there, each by its function. */
function mapped(value: unknown, by: Readonly<Record<string, (value: unknown) => unknown>>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value as Fields).map(([key, one]) => [
    key,
    Object.hasOwn(by, key) ? by[key]!(one) : one,
  ]);
  return Object.fromEntries(fields);
}
