/**
 * The built-in rules: on the state that a plan makes, and on what it changes. Each has a code that `rules` can make graver, or turn off.
 *
 * Rule: a finding is about an object that the plan touches; what was so before and stays so is not said again with every plan.
 */
import type { Code } from '../model/codes.ts';
import type { ChannelSpec, ConflictSpec, DatabaseSpec, InertSpec } from '../model/topology.ts';
import { addressOf, type Change, nameOf, type SourceOf } from './change.ts';
import { loosened } from './loosened.ts';
import { databasesOf } from './references.ts';
import type { Whole } from './whole.ts';

export interface Found {
  readonly code: Code;
  readonly address: string;
  readonly message: string;
}

export interface Analyzed {
  readonly changes: readonly Change[];
  readonly before: Whole;
  readonly after: Whole;
  readonly sourceOf: SourceOf;
}

export function analyze(plan: Analyzed): Found[] {
  return [
    ...singleNodes(plan),
    ...plan.changes.flatMap((change) => {
      switch (change.kind) {
        case 'channel':
          return ofChannel(change, plan);
        case 'database':
          return ofDatabase(change, plan);
        case 'policy':
          return ofPolicy(change);
        case 'region':
        case 'node':
        case 'files':
        case 'notify':
        case 'alert':
          return [];
        default:
          return change.kind satisfies never;
      }
    }),
  ];
}

function singleNodes({ changes, before, after }: Analyzed): Found[] {
  const touched = new Set(
    changes.flatMap((change) => {
      if (change.kind === 'region') return [nameOf(change.address)];
      const regions = [change.before, change.after].flatMap((spec) => regionIn(spec) ?? []);
      return change.kind === 'node' || change.kind === 'database' ? regions : [];
    }),
  );
  return [...touched].sort().flatMap((region) => {
    const [nodes, databases] = [after.nodesIn(region), after.databasesIn(region)];
    if (nodes.length !== 1 || databases.length === 0) return [];
    // A region that had one and still has: only what came is told.
    if (before.nodesIn(region).length === 1 && databases.every((name) => before.databasesIn(region).includes(name)))
      return [];
    const message = `${nodes[0]!} is its only node: while it is away, pipelines of ${databases.join(', ')} stand still`;
    return [{ code: 'OT2102', address: addressOf('region', region), message }];
  });
}

function regionIn(spec: unknown): string | undefined {
  return (spec as { readonly region?: string } | null)?.region;
}

function ofChannel({ address, before, after }: Change, { sourceOf }: Analyzed): Found[] {
  if (after === null) return [];
  const [was, is] = [before, after] as unknown as [ChannelSpec | null, ChannelSpec];
  const found: Found[] = [];
  const tell = (code: Code, message: string): void => {
    found.push({ code, address, message });
  };
  const twoWay = is.direction.kind === 'two-way';
  if (was === null && twoWay && !isSaid(address, 'conflict', sourceOf)) {
    const [first] = databasesOf(is.direction);
    tell('OT2101', `it does not say how conflicts are decided; by default ${first!} wins`);
  }
  if (was === null && twoWay && is.initial === 'none') {
    tell('OT2104', 'two-way, and nothing is copied: the databases must be equal when it is applied');
  }
  if (is.existing === 'replace' && is.initial === 'copy' && was?.existing !== 'replace') {
    tell('OT2107', 'rows that its target tables have are deleted before they are copied into');
  }
  if (is.ddl === 'ignore' && was?.ddl !== 'ignore') tell('OT2108', 'changes of table structure are passed over');
  if (was !== null) {
    const weaker = weakened(was, is);
    if (weaker.length > 0) tell('OT2105', weaker.join('; '));
  }
  return found;
}

/** Whether it stands in the files; where nobody knows the files, it does. */
function isSaid(address: string, path: string, sourceOf: SourceOf): boolean {
  const [place, whole] = [sourceOf(address, path), sourceOf(address)];
  return place === null || whole === null || JSON.stringify(place) !== JSON.stringify(whole);
}

const LOG_LEVELS = ['none', 'keys', 'full'];

/** What is decided less carefully than before, in words. */
export function weakened(before: ChannelSpec, after: ChannelSpec): string[] {
  const whole = lessCareful(before.conflict, after.conflict);
  const tables = new Map(before.tables.map((table) => [JSON.stringify([table.from, table.to]), table]));
  const single = after.tables.flatMap((table) => {
    const was = tables.get(JSON.stringify([table.from, table.to]));
    if (was === undefined || (was.conflict === null && table.conflict === null)) return [];
    const words = lessCareful(was.conflict ?? before.conflict, table.conflict ?? after.conflict);
    return words.filter((text) => !whole.includes(text)).map((text) => `${table.from}: ${text}`);
  });
  return [...whole, ...single];
}

function lessCareful(was: ConflictSpec | null, is: ConflictSpec | null): string[] {
  if (was === null || is === null) return [];
  const words: string[] = [];
  if (was.policy === 'manual' && is.policy !== 'manual') words.push('no person decides conflicts any more');
  if (was.merge === 'column' && is.merge === 'row') words.push('columns are not merged any more');
  const lost = was.counters.filter((counter) => !is.counters.includes(counter));
  if (lost.length > 0) words.push(`changes of ${lost.join(', ')} do not add up any more`);
  if (was.policy === 'site-priority' && was.priority[0] !== is.priority[0] && is.policy === 'site-priority')
    words.push(`${is.priority[0] ?? 'nobody'} wins in place of ${was.priority[0] ?? 'nobody'}`);
  if (LOG_LEVELS.indexOf(is.log ?? 'full') < LOG_LEVELS.indexOf(was.log ?? 'full'))
    words.push(`the conflict log keeps \`${is.log ?? 'full'}\`, no longer \`${was.log ?? 'full'}\``);
  if (
    was.keep !== undefined &&
    is.keep !== undefined &&
    (is.keep.days < was.keep.days || is.keep.count < was.keep.count)
  )
    words.push('the conflict log is kept for less long');
  return words;
}

function ofDatabase({ address, before, after }: Change, whole: Analyzed): Found[] {
  const [was, is] = [before, after] as unknown as [DatabaseSpec | null, DatabaseSpec | null];
  if (was?.protect === true && is?.protect === false)
    return [{ code: 'OT2106', address, message: 'any plan may destroy it from now on' }];
  if (is === null || is.protect) return [];
  const others = whole.after.all<DatabaseSpec>('database').filter(([, { protect }]) => protect);
  const name = nameOf(address);
  const used = whole.after.channels.some(([, { direction }]) => databasesOf(direction).includes(name));
  if (others.length === 0 || !used) return [];
  const names = others.map(([other]) => other).join(', ');
  return [{ code: 'OT2103', address, message: `not protected, as ${names} ${others.length === 1 ? 'is' : 'are'}` }];
}

function ofPolicy({ address, before, after }: Change): Found[] {
  if (before === null) return [];
  const words = loosened(nameOf(address), before as InertSpec, after as InertSpec | null);
  return words.length === 0 ? [] : [{ code: 'OT2109', address, message: words.join('; ') }];
}
