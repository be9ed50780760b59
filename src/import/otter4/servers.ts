/**
 * The databases of an import: one for each server that Otter 4's data sources and canals name, however many of them name it,
 * with standbys as further endpoints; and the regions they stand in, by which nodes work for them.
 *
 * Rule: one server is one database, since positions, marks and loops hang on that.
 */

import { endpointOf } from '../address.ts';
import type { Item } from '../draft.ts';
import { Names, passwordVariable, slug } from '../names.ts';
import type { Address, Canal, Login, Manager, Pipeline, Source } from './manager.ts';
import { hostAndPort } from './manager-values.ts';

export interface PlacedDatabase {
  readonly name: string;
  readonly type: 'MYSQL' | 'ORACLE';
  readonly endpoints: readonly string[];
  /** Of the first endpoint; null for an Oracle. */
  readonly address: Address | null;
  readonly user: string;
  readonly login: Login;
  readonly notes: readonly string[];
}

export interface Servers {
  readonly databases: readonly PlacedDatabase[];
  /** Data source to the name of its database; those that are none here are missing. */
  readonly bySource: ReadonlyMap<number, string>;
  readonly notes: readonly string[];
}

interface Growing {
  readonly sources: Source[];
  readonly endpoints: string[];
  readonly type: 'MYSQL' | 'ORACLE';
  readonly address: Address | null;
  readonly notes: string[];
}

export function serversOf(manager: Manager): Servers {
  const notes: string[] = [];
  const servers = new Map<string, Growing>();
  const bySource = new Map<number, Growing>();
  for (const source of manager.sources) {
    const found = endpointsOf(source, manager);
    if ('problem' in found) {
      notes.push(`Data source ${source.name} is left out: ${found.problem}`);
      continue;
    }
    const known = servers.get(found.endpoints[0]!);
    const server = known ?? { sources: [], ...found, endpoints: [...found.endpoints], notes: [...found.notes] };
    server.sources.push(source);
    servers.set(found.endpoints[0]!, server);
    bySource.set(source.id, server);
  }
  const taken = new Set(servers.keys());
  for (const server of servers.values()) {
    const [first, ...others] = server.endpoints;
    server.endpoints.splice(0, Infinity, first!, ...others.filter((one) => isFree(one, taken)));
  }
  for (const canal of manager.canals.values()) addStandbys(canal, servers, taken);
  const names = new Names();
  const databases = new Map([...servers.values()].map((server) => [server, placed(server, names)]));
  return {
    databases: [...databases.values()],
    bySource: new Map([...bySource].map(([id, server]) => [id, databases.get(server)!.name])),
    notes,
  };
}

/** A server that is a database, or the standby of one, is no standby of another. */
function isFree(endpoint: string, taken: Set<string>): boolean {
  return !taken.has(endpoint) && taken.add(endpoint) !== undefined;
}

type Found = Pick<Growing, 'endpoints' | 'type' | 'address' | 'notes'> | { readonly problem: string };

function endpointsOf({ type, url }: Source, { matrices }: Manager): Found {
  if (type === 'ORACLE') return oracleEndpoint(url);
  if (type !== 'MYSQL') return { problem: `it is of the type ${type}, which no database here is` };
  const group = /^jdbc:mysql:\/\/groupKey=([^&;?]+)/i.exec(url)?.[1];
  if (group !== undefined) {
    const matrix = matrices.get(group);
    const both = [matrix?.master ?? '', matrix?.slave ?? ''].map(hostAndPort).filter((one) => one !== null);
    if (both[0] === undefined) return { problem: `its group ${group} is in no data matrix` };
    const notes = [`Was the group ${group} of a data matrix; otter tries the endpoints in their order.`];
    return { type, endpoints: both.map(endpointOf), address: both[0], notes };
  }
  const hosts = /^jdbc:(?:mysql|mariadb)(?::[a-z]+)*:\/\/([^/?;]*)/i.exec(url)?.[1] ?? '';
  const addresses = hosts
    .split(',')
    .map(hostAndPort)
    .filter((one) => one !== null);
  if (addresses[0] === undefined) return { problem: 'its address (url) names no host' };
  return { type, endpoints: addresses.map(endpointOf), address: addresses[0], notes: [] };
}

function oracleEndpoint(url: string): Found {
  const service = /^jdbc:oracle:thin:@(?:\/\/)?([^:/]+):(\d+)\/([\w.$]+)/i.exec(url);
  const sid = /^jdbc:oracle:thin:@([^:/]+):(\d+):([\w.$]+)/i.exec(url);
  const [, host, port, name] = service ?? sid ?? [];
  if (host === undefined) return { problem: 'its address (url) is none of a single Oracle' };
  const notes = service === null ? [`${name} was a SID; an endpoint names a service: check that it is one.`] : [];
  return { type: 'ORACLE', endpoints: [`${host}:${port}/${name}`], address: null, notes };
}

function addStandbys({ addresses, name }: Canal, servers: ReadonlyMap<string, Growing>, taken: Set<string>): void {
  const [master, ...standbys] = addresses;
  if (master?.length !== 1) return;
  const server = servers.get(endpointOf(master[0]!));
  if (server === undefined) return;
  for (const standby of standbys.flatMap((group) => (group.length === 1 ? group.map(endpointOf) : []))) {
    if (!isFree(standby, taken)) continue;
    server.endpoints.push(standby);
    server.notes.push(`${standby} was the standby of the canal ${name}.`);
  }
}

function placed({ sources, endpoints, type, address, notes }: Growing, names: Names): PlacedDatabase {
  const [first, ...others] = sources;
  const name = names.make(first!.name, `db-${slug(address?.host ?? '') || first!.id}`);
  const users = [...new Set(sources.map(({ user }) => user))];
  const again = others.length === 0 ? [] : [`Also was ${listed(others)}: one server is one database here.`];
  const several = users.length > 1 ? [`Its accounts were ${users.join(', ')}; here one does everything.`] : [];
  const charset =
    type === 'MYSQL' && sources.some(({ encode }) => encode !== '' && !/^utf-?8/i.test(encode))
      ? ['Its character set (encode) is not carried over: otter asks the server for that of each column.']
      : [];
  const { user, login } = first!;
  return { name, type, endpoints, address, user, login, notes: [...notes, ...again, ...several, ...charset] };
}

function listed(sources: readonly Source[]): string {
  return sources.map(({ name }) => name).join(', ');
}

/** The databases as the file has them. */
export function databaseItem(
  { name, type, endpoints, user, notes }: PlacedDatabase,
  region: string,
  family: 'mysql' | 'mariadb' | null,
): Item {
  const engine = type === 'ORACLE' ? 'oracle' : (family ?? 'mysql');
  const unknown =
    type === 'MYSQL' && family === null ? ['Not asked: if it is a MariaDB, write `engine: mariadb`.'] : [];
  return {
    name,
    fields: { region, engine, endpoints, user: user || 'otter', password: { env: passwordVariable(name) } },
    notes: [...notes, ...unknown],
  };
}

export interface Regions {
  readonly regions: readonly Item[];
  readonly ofDatabase: ReadonlyMap<string, string>;
  readonly ofNode: ReadonlyMap<number, string>;
}

/**
 * A node serves the databases of its own region, so databases that a node worked for together stand in one region with it.
 * @param ends of each pipeline that was carried over: the databases that its select and load nodes worked for
 */
export function regionsOf(
  manager: Manager,
  { databases }: Servers,
  ends: readonly { readonly pipeline: Pipeline; readonly source: string; readonly target: string }[],
): Regions {
  const groups = new Groups();
  for (const { name } of databases) groups.add(`d:${name}`);
  for (const { id } of manager.nodes) groups.add(`n:${id}`);
  for (const { pipeline, source, target } of ends) {
    for (const node of pipeline.select) groups.join(`n:${node}`, `d:${source}`);
    for (const node of pipeline.load) groups.join(`n:${node}`, `d:${target}`);
  }
  const clusterOf = new Map(manager.nodes.map(({ id, cluster }) => [`n:${id}`, cluster]));
  const names = new Names();
  const found = groups.all();
  const clusters = found.map((members) => new Set(members.flatMap((one) => clusterOf.get(one) || [])));
  const regions: Item[] = [];
  const of = new Map<string, string>();
  found.forEach((members, i) => {
    const [cluster] = [...clusters[i]!];
    const own = clusters[i]!.size === 1 && clusters.every((other, j) => j === i || !other.has(cluster!));
    const first = members.find((one) => one.startsWith('d:'))?.slice(2);
    // Nodes without a database have nothing to do: they stand where the others are.
    if (first === undefined) return;
    const name = names.make(own ? cluster! : first, 'region');
    regions.push({ name, fields: {}, notes: [] });
    for (const member of members) of.set(member, name);
  });
  const idle = regions[0]?.name;
  return {
    regions,
    ofDatabase: new Map(databases.map(({ name }) => [name, of.get(`d:${name}`)!])),
    ofNode: new Map(
      manager.nodes.flatMap(({ id }) => {
        const region = of.get(`n:${id}`) ?? idle;
        return region === undefined ? [] : [[id, region] as const];
      }),
    ),
  };
}

/** What belongs together, by pairs that do. */
class Groups {
  readonly #parent = new Map<string, string>();

  add(one: string): void {
    if (!this.#parent.has(one)) this.#parent.set(one, one);
  }

  join(one: string, other: string): void {
    this.add(one);
    this.add(other);
    this.#parent.set(this.#root(other), this.#root(one));
  }

  all(): string[][] {
    return [...Map.groupBy(this.#parent.keys(), (one) => this.#root(one)).values()];
  }

  #root(one: string): string {
    const parent = this.#parent.get(one)!;
    return parent === one ? one : this.#root(parent);
  }
}

/** The port of Otter 4's own is in use as long as both run. */
const PORT = 7401;

/** Each region has a node at least: what was not known of it is to be said. */
export function nodeItems(manager: Manager, regions: Regions): Item[] {
  const names = new Names();
  const used = new Map<string, number>();
  const portAt = (host: string): number => {
    const port = PORT + (used.get(host) ?? 0);
    used.set(host, port - PORT + 1);
    return port;
  };
  const there = new Set<string>();
  const known = manager.nodes.flatMap(({ id, name, ip, externalIp }): Item[] => {
    const region = regions.ofNode.get(id);
    const host = hostAndPort(ip)?.host;
    if (region === undefined || host === undefined) return [];
    there.add(region);
    const port = portAt(host);
    const outside = hostAndPort(externalIp)?.host;
    const advertise = outside === undefined ? undefined : endpointOf({ host: outside, port });
    const fields = { region, listen: endpointOf({ host, port }), advertise };
    return [{ name: names.make(name, `node-${id}`), fields, notes: [] }];
  });
  const missing = regions.regions.flatMap(({ name: region }): Item[] => {
    if (there.has(region)) return [];
    const fields = { region, listen: `127.0.0.1:${portAt('127.0.0.1')}` };
    return [{ name: names.make(`${region}-1`, 'node'), fields, notes: [`Decide: where the node of ${region} runs.`] }];
  });
  return [...known, ...missing];
}
