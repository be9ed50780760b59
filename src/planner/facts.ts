/** What rules can ask about an object of a plan (`model/rule-facts.ts`). */
import type { Facts, ObjectFacts } from '../model/rule-facts.ts';
import type { ChannelSpec, DatabaseSpec, Kind, NodeSpec } from '../model/topology.ts';
import type { Change, Json } from './change.ts';
import { nameOf } from './change.ts';
import { databasesOf } from './references.ts';
import type { Whole } from './whole.ts';

/** @param before,after all objects, before and after the plan */
export function factsOf(change: Change, before: Whole, after: Whole): Facts {
  const { kind, address, actions, moved_from: movedFrom, risk, attributes } = change;
  const name = nameOf(address);
  const renamed = movedFrom !== null && attributes.length === 1;
  const facts: Record<string, Facts[string]> = {
    kind,
    name,
    address,
    action: renamed ? 'rename' : actions.length > 1 ? 'replace' : actions[0]!,
    risk,
    changed: `,${attributes.map(({ path }) => path).join(',')},`,
    irrevocable: change.irrevocable !== null,
    // Of what goes, the facts are those of before, so that a condition need not tell the two apart.
    ...objectFacts(kind, name, change.after ?? change.before, change.after === null ? before : after),
  };
  for (const [key, value] of Object.entries(objectFacts(kind, name, change.before, before)))
    facts[`was_${key}`] = value;
  return facts;
}

function objectFacts(kind: Kind, name: string, spec: Json, whole: Whole): ObjectFacts {
  if (spec === null) return {};
  switch (kind) {
    case 'region':
      return { databases: whole.databasesIn(name).length, nodes: whole.nodesIn(name).length };
    case 'node': {
      const { region, link } = spec as unknown as NodeSpec;
      return { region, encrypted: link !== undefined && 'tls' in link };
    }
    case 'database': {
      const { region, engine, protect, endpoints, tls } = spec as unknown as DatabaseSpec;
      const nodes = whole.nodesIn(region).length;
      return { region, engine, protect, endpoints: endpoints.length, encrypted: tls !== null, nodes };
    }
    case 'channel':
      return channelFacts(spec as unknown as ChannelSpec, whole);
    case 'files':
    case 'notify':
    case 'alert':
    case 'policy':
      return {};
    default:
      return kind satisfies never;
  }
}

function channelFacts(spec: ChannelSpec, whole: Whole): ObjectFacts {
  const { direction, conflict, initial, existing, ddl, onError, apply, enabled, tables } = spec;
  const databases = databasesOf(direction);
  const regions = new Set(databases.map((name) => whole.regionOf(name)));
  return {
    two_way: direction.kind === 'two-way',
    mesh: spec.shape === 'mesh',
    databases: databases.length,
    regions: regions.size,
    tables: tables.length,
    policy: conflict?.policy ?? null,
    merge: conflict?.merge ?? null,
    initial,
    existing,
    ddl,
    on_error: onError,
    lanes: apply.lanes,
    enabled,
    dry_run: spec.dryRun === true,
  };
}
