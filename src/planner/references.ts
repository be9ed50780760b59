/** What an object refers to by name. */
import { UnreachableError } from '../model/error.ts';
import type { ChannelSpec, DatabaseSpec, Direction, Kind, NodeSpec } from '../model/topology.ts';
import { addressOf, type Json } from './change.ts';

/** Addresses of the objects without which this one cannot be; none for null. */
export function refersTo(kind: Kind, spec: Json): string[] {
  if (spec === null) return [];
  switch (kind) {
    case 'node':
    case 'database':
      return [addressOf('region', (spec as unknown as NodeSpec | DatabaseSpec).region)];
    case 'channel':
      return databasesOf((spec as unknown as ChannelSpec).direction).map((name) => addressOf('database', name));
    case 'alert': {
      const { channel, database, node, files, notify } = spec as Readonly<Record<string, Json>>;
      const of = (kind: Kind, name: Json | undefined): string[] =>
        typeof name === 'string' ? [addressOf(kind, name)] : [];
      return [
        ...of('channel', channel),
        ...of('database', database),
        ...of('node', node),
        ...of('files', files),
        ...(Array.isArray(notify) ? (notify as Json[]).flatMap((name) => of('notify', name)) : []),
      ];
    }
    case 'files': {
      const { follow, between, from, to } = spec as Readonly<Record<string, Json>>;
      const channel = (follow as { readonly channel?: Json } | null | undefined)?.channel;
      return [
        ...[between, from, to]
          .flatMap((ends) => ends ?? [])
          .flatMap((name) => (typeof name === 'string' ? [addressOf('region', name)] : [])),
        ...(typeof channel === 'string' ? [addressOf('channel', channel)] : []),
      ];
    }
    case 'region':
    case 'notify':
    case 'policy':
      return [];
    default:
      throw new UnreachableError(kind satisfies never);
  }
}

export function databasesOf(direction: Direction): string[] {
  return direction.kind === 'two-way' ? [...direction.between] : [...new Set([...direction.from, ...direction.to])];
}
