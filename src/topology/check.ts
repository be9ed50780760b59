/**
 * The meaning of a topology: names, references, places. Channels and tables have rooms of their own.
 *
 * Rule kept here: nothing is said about an object whose shape is already wrong, and a name counts as declared also
 * when its object is wrong, so that one mistake makes one finding.
 */

import { durationMs } from '../model/alerts/times.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { didYouMean, onlyNearest } from '../model/suggest.ts';
import type { DatabaseSpec, NodeSpec, Topology } from '../model/topology.ts';
import { NAME_PATTERN } from '../model/topology.ts';
import { checkAlerts } from './check-alerts.ts';
import { checkChannels } from './check-channels.ts';
import { checkLanes } from './check-lanes.ts';
import { checkPark } from './check-park.ts';
import { checkPolicy } from './check-policy.ts';
import { checkReplace } from './check-replace.ts';
import { checkRings } from './check-rings.ts';
import { checkTables } from './check-tables.ts';
import type { Checked } from './checked.ts';
import type { TreeFindingFacts } from './finding.ts';
import { findingAt } from './finding.ts';
import type { MapTree, Path } from './tree.ts';
import { child, locate, valuePlace } from './tree.ts';

export function check(topology: Topology, root: MapTree, broken: ReadonlySet<string>): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const report = (facts: TreeFindingFacts): void => {
    findings.push(findingAt(root, facts));
  };
  const named = new Map<string, readonly string[]>();
  const names = (section: string): readonly string[] => {
    const tree = child(root, section);
    const found = named.get(section) ?? (tree?.kind === 'map' ? tree.entries.map((entry) => entry.key) : []);
    named.set(section, found);
    return found;
  };
  const refer = (section: string, noun: string, name: string, path: Path): boolean => {
    const known = names(section);
    if (broken.has(section) || known.includes(name)) return true;
    report({
      code: 'OT1031',
      summary: `no ${noun} is called \`${name}\``,
      detail: didYouMean(name, known),
      path,
      at: 'value',
      instead: besides(root, path, onlyNearest(name, known)),
    });
    return false;
  };
  const checked: Checked = { topology, root, broken, report, names, refer };
  checkName(checked);
  checkNodes(checked);
  checkDatabases(checked);
  checkChannels(checked);
  checkLanes(checked);
  checkPark(checked);
  checkTables(checked);
  checkRings(checked);
  checkReplace(checked);
  checkFiles(checked);
  checkAlerts(checked);
  checkPolicy(checked);
  return findings;
}

/** Not a word that the list has already. */
function besides(root: MapTree, path: Path, word: string | null): string | null {
  const { tree } = locate(root, path.slice(0, -1));
  const there = tree.kind === 'list' && tree.items.some((item) => item.kind === 'scalar' && item.value === word);
  return there ? null : word;
}

/** The schema lets a variable stand here; what it gives has to be a name too. */
function checkName({ topology, broken, report }: Checked): void {
  if (broken.has('name') || topology.name === '' || NAME_PATTERN.test(topology.name)) return;
  report({
    code: 'OT1030',
    summary: `\`${topology.name}\` cannot be the name of a topology`,
    path: ['name'],
    at: 'value',
  });
}

function checkNodes(checked: Checked): void {
  const { topology, root, report, refer } = checked;
  const nodes = Object.entries(topology.node);
  const seen = new Map<string, Path>();
  let open: Path | null = null;
  for (const [name, node] of nodes) {
    refer('regions', 'region', node.region, ['nodes', name, 'region']);
    const listen: Path = ['nodes', name, 'listen'];
    const advertise: Path = node.advertise === node.listen ? listen : ['nodes', name, 'advertise'];
    const address = networkAddress(checked, node.listen, listen);
    checkHttp(checked, name, node);
    if (address !== null && !isLoopback(address.host)) open ??= listen;
    const peers = advertise === listen ? address : networkAddress(checked, node.advertise, advertise);
    if (address === null || peers === null) continue;
    if (isEveryInterface(peers.host) && nodes.length > 1) {
      const summary = `node \`${name}\` tells its peers to dial \`${node.advertise}\``;
      const detail = 'Add `advertise` with the address under which the other nodes reach this one.';
      report({ code: 'OT1035', severity: 'warning', summary, detail, path: advertise, at: 'value' });
    }
    // Two machines may both listen on every interface; what peers dial is one node's alone.
    const own = [
      ...new Set([
        isEveryInterface(address.host) ? '' : node.listen,
        isEveryInterface(peers.host) ? '' : node.advertise,
      ]),
    ];
    for (const text of own.filter((one) => one !== '')) {
      const first = seen.get(text);
      if (first === undefined) {
        seen.set(text, listen);
        continue;
      }
      const related = [{ message: 'first used here', range: valuePlace(root, first) }];
      report({ code: 'OT1034', summary: `two nodes have the address \`${text}\``, path: listen, at: 'value', related });
    }
  }
  if (open !== null) checkLink(checked, open);
}

function checkHttp(checked: Checked, name: string, { listen, http }: NodeSpec): void {
  if (http === undefined || http === 'off') return;
  const path: Path = ['nodes', name, 'http'];
  if (networkAddress(checked, http, path) === null || http !== listen) return;
  const summary = `node \`${name}\` has one address for its peers and for metrics`;
  checked.report({ code: 'OT8100', summary, detail: 'Give `http` another port.', path, at: 'value' });
}

/** `open`: the first address that other machines reach. */
function checkLink({ topology, broken, report }: Checked, open: Path): void {
  const link = Object.values(topology.node).find((node) => node.link !== undefined)?.link;
  if (broken.has('link') || (link !== undefined && 'tls' in link)) return;
  const summary =
    link === undefined
      ? 'nodes listen where other machines reach them, and ask nobody who they are'
      : 'nodes listen where other machines reach them, and rows travel unencrypted';
  const detail = 'Add `link: { tls: { ca, cert, key } }`, or listen on 127.0.0.1.';
  report({ code: 'OT1036', severity: 'warning', summary, detail, path: open, at: 'value' });
}

/** A limit that nobody could go over, or everybody does; and what a variable gave. */
function checkThrottle({ report }: Checked, name: string, { endpoints, throttle }: DatabaseSpec): void {
  const lag = throttle?.replica_lag;
  if (lag === undefined) return;
  const path: Path = ['databases', name, 'throttle', 'replica_lag'];
  if (durationMs(lag) === 0) {
    const detail = 'Write a duration like `10s`; for no limit leave it out.';
    report({ code: 'OT1014', summary: `\`${lag}\` is no time to be behind`, detail, path, at: 'value' });
  }
  if (endpoints.length > 1) return;
  const summary = '`replica_lag` has no meaning with a single endpoint';
  const detail = 'The replicas that are asked are the other `endpoints`.';
  report({ code: 'OT1015', summary, detail, path, at: 'key' });
}

function checkDatabases(checked: Checked): void {
  const { topology, root, broken, report, refer, names } = checked;
  const staffed = new Set(Object.values(topology.node).map((node) => node.region));
  // A node that is wrong in itself may be the one that is missing.
  const nodesKnown =
    ![...broken].some((address) => address === 'nodes' || address.startsWith('nodes/')) &&
    [...staffed].every((region) => names('regions').includes(region));
  const servers = new Map<string, { name: string; path: Path }>();
  for (const [name, database] of Object.entries(topology.database)) {
    const region: Path = ['databases', name, 'region'];
    if (refer('regions', 'region', database.region, region) && nodesKnown && !staffed.has(database.region)) {
      const summary = `no node stands in region \`${database.region}\`, where database \`${name}\` is`;
      const detail = `Add one: \`nodes: { NAME: { region: ${database.region}, listen: "HOST:PORT" } }\`.`;
      report({ code: 'OT1032', summary, detail, path: region, at: 'value' });
    }
    checkThrottle(checked, name, database);
    database.endpoints.forEach((endpoint, i) => {
      const path: Path = ['databases', name, 'endpoints', i];
      if (database.engine === 'oracle') oracleEndpoint(checked, endpoint, path);
      else networkAddress(checked, endpoint, path);
      const first = servers.get(endpoint);
      if (first !== undefined && first.name !== name) {
        const related = [{ message: `database \`${first.name}\``, range: valuePlace(root, first.path) }];
        const summary = `databases \`${first.name}\` and \`${name}\` are the same server`;
        report({ code: 'OT1034', summary, path, at: 'value', related });
      } else servers.set(endpoint, { name, path });
    });
  }
}

function checkFiles(checked: Checked): void {
  const { topology, report, refer } = checked;
  for (const [name, set] of Object.entries(topology.files)) {
    const base: Path = ['files', name];
    const regions = (['between', 'from', 'to'] as const).flatMap((key) =>
      [set[key] ?? []].flat().map((region, i) => ({ region, path: [...base, key, i] as Path })),
    );
    for (const { region, path } of regions) {
      if (!refer('regions', 'region', region, path)) continue;
      if (Object.hasOwn(set.roots, region)) continue;
      report({
        code: 'OT1011',
        summary: `\`files.${name}.roots\` has no \`${region}\``,
        path: [...base, 'roots'],
        at: 'key',
      });
    }
    for (const [region, root] of Object.entries(set.roots)) {
      if (!/^(\/|[a-z0-9]+:\/\/)/i.test(root)) {
        const summary = `the root \`${root}\` does not begin with \`/\``;
        const detail = 'Nodes run where they like: only a whole path means the same directory to each of them.';
        report({ code: 'OT1037', summary, detail, path: [...base, 'roots', region], at: 'value' });
      }
      if (regions.some((one) => one.region === region)) continue;
      const summary = `the file set does not reach region \`${region}\``;
      const known = regions.map((one) => one.region);
      const missing = known.filter((one) => !Object.hasOwn(set.roots, one));
      report({
        code: 'OT1031',
        summary,
        detail: didYouMean(region, known),
        path: [...base, 'roots', region],
        at: 'key',
        instead: onlyNearest(region, missing),
      });
    }
    const { follow, watch } = set;
    if (follow !== undefined) refer('channels', 'channel', follow.channel, [...base, 'follow', 'channel']);
    if ((follow === undefined) === (watch === undefined)) {
      const summary = `\`files.${name}\` wants exactly one of \`follow\` and \`watch\``;
      report({ code: 'OT1015', summary, path: follow === undefined ? base : [...base, 'watch'], at: 'key' });
    }
    const priority = (set.conflict?.priority ?? []).entries();
    for (const [i, region] of priority) refer('regions', 'region', region, [...base, 'conflict', 'priority', i]);
  }
}

interface NetworkAddress {
  readonly host: string;
  readonly port: number;
}

function networkAddress({ report }: Checked, text: string, path: Path): NetworkAddress | null {
  const address = splitAddress(text);
  if (address === null) {
    const secret = /[@?=]/.test(text);
    const summary = secret ? 'the address holds a user, a password or settings' : `\`${text}\` is not \`host:port\``;
    const port = /^[^:\s/@]+$/.test(text)
      ? 'The port is missing.'
      : 'Write for example `db.example.com:3306` or `[fd00::1]:3306`.';
    report({
      code: 'OT1033',
      summary,
      detail: secret ? '`host:port` only; `user` and `password` have keys of their own.' : port,
      path,
      at: 'value',
    });
  }
  return address;
}

function oracleEndpoint({ report }: Checked, text: string, path: Path): void {
  const slash = text.indexOf('/');
  if (splitAddress(slash < 0 ? text : text.slice(0, slash)) !== null && /^\/[A-Za-z0-9_.$#-]+$/.test(text.slice(slash)))
    return;
  const shown = /[@?=]/.test(text) ? 'the address' : `\`${text}\``;
  report({ code: 'OT1033', summary: `${shown} is not \`host:port/SERVICE\``, path, at: 'value' });
}

/** `host:port`, IPv6 in brackets. */
export function splitAddress(text: string): NetworkAddress | null {
  const parts = /^(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})?)):(\d{1,5})$/.exec(
    text,
  );
  const port = Number(parts?.[3]);
  return parts === null || port < 1 || port > 65535 ? null : { host: (parts[1] ?? parts[2])!, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function isEveryInterface(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}
