/** All objects of a topology at once, before or after a plan, to be asked about each other. */
import type { ChannelSpec, DatabaseSpec, Kind, NodeSpec } from '../model/topology.ts';
import { type AppliedState, addressOf, type Change, type Json, nameOf } from './change.ts';

export class Whole {
  readonly #objects: ReadonlyMap<string, { readonly kind: Kind; readonly name: string; readonly spec: Json }>;

  constructor(objects: Iterable<{ readonly kind: Kind; readonly name: string; readonly spec: Json }>) {
    this.#objects = new Map([...objects].map((one) => [addressOf(one.kind, one.name), one]));
  }

  /** @param applied with the new names of what has moved */
  static before({ specs }: Pick<AppliedState, 'specs'>): Whole {
    return new Whole(specs);
  }

  after(changes: readonly Pick<Change, 'kind' | 'address' | 'after'>[]): Whole {
    const objects = new Map(this.#objects);
    for (const { kind, address, after } of changes) {
      if (after === null) objects.delete(address);
      else objects.set(address, { kind, name: nameOf(address), spec: after });
    }
    return new Whole(objects.values());
  }

  get addresses(): readonly string[] {
    return [...this.#objects.keys()];
  }

  get<T>(kind: Kind, name: string): T | null {
    return (this.#objects.get(addressOf(kind, name))?.spec ?? null) as T | null;
  }

  all<T>(kind: Kind): (readonly [name: string, spec: T])[] {
    return [...this.#objects.values()].flatMap((one) =>
      one.kind === kind ? [[one.name, one.spec as T] as const] : [],
    );
  }

  get channels(): (readonly [name: string, spec: ChannelSpec])[] {
    return this.all<ChannelSpec>('channel');
  }

  regionOf(database: string): string | null {
    return this.get<DatabaseSpec>('database', database)?.region ?? null;
  }

  databasesIn(region: string): string[] {
    return this.all<DatabaseSpec>('database').flatMap(([name, spec]) => (spec.region === region ? [name] : []));
  }

  nodesIn(region: string): string[] {
    return this.all<NodeSpec>('node').flatMap(([name, spec]) => (spec.region === region ? [name] : []));
  }
}
