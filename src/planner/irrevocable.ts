/**
 * What no later plan brings back: positions of pipelines that nodes have run, and rows that are deleted before a copy. Such a change wants
 * more than a yes: its name.
 */
import { compileChannel } from '../model/pipeline.ts';
import { isAnother } from '../model/stays.ts';
import type { ChannelSpec, DatabaseSpec } from '../model/topology.ts';
import type { LiveState } from './change.ts';
import { copiesOf, NOBODY_ASKED } from './copies.ts';
import type { RawChange } from './diff.ts';
import { settledOf } from './settled.ts';

/** Why, without a full stop; null when another plan undoes it. */
export function irrevocable({ kind, name, before, after }: RawChange, live: LiveState): string | null {
  if (kind === 'channel') return ofChannel(name, before as ChannelSpec | null, after as ChannelSpec | null, live);
  if (kind !== 'database' || before === null) return null;
  const [was, is] = [before, after] as unknown as [DatabaseSpec, DatabaseSpec | null];
  if (is !== null && !isAnother(was, is) && was.schema === is.schema) return null;
  const run = pipelinesOf(name, live);
  return run.length === 0 ? null : `positions of ${run.join(', ')} and the conflict log kept in it are lost`;
}

function ofChannel(
  name: string,
  before: ChannelSpec | null,
  after: ChannelSpec | null,
  live: LiveState,
): string | null {
  const reasons: string[] = [];
  if (before !== null) {
    const stay = new Set(after === null ? [] : compileChannel(name, after).map((one) => one.name));
    const begins = after !== null && after.dryRun !== before.dryRun && before.dryRun !== true;
    const lost = compileChannel(name, before)
      .map((one) => one.name)
      .filter((one) => (begins || !stay.has(one)) && settledOf(one, live) !== Number.POSITIVE_INFINITY);
    if (lost.length > 0) reasons.push(`positions of ${lost.join(', ')} are lost`);
  }
  if (after !== null && after.existing === 'replace') {
    // What was to be replaced before, and is copied already, is not touched.
    const was = before?.existing === 'replace' ? before : null;
    const copies = copiesOf(name, was, after, new Set(), live, NOBODY_ASKED);
    const targets = [...new Set(copies.map(({ target }) => target))];
    if (targets.length > 0) reasons.push(`rows that its tables have in ${targets.join(', ')} are deleted`);
  }
  return reasons.length === 0 ? null : reasons.join('; ');
}

/** Those that nodes have run, from or to it. */
function pipelinesOf(database: string, { nodes, pipelines }: LiveState): string[] {
  const known = new Set([
    ...Object.keys(pipelines),
    ...Object.values(nodes).flatMap((node) => Object.keys(node.pipelines)),
  ]);
  return [...known].filter((name) => (name.split('/')[1] ?? '').split('>').includes(database)).sort();
}
