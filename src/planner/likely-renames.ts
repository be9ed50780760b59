/** An object that goes while another comes that is the same but for its name: most likely it was renamed, and nobody said so. */
import type { ChannelSpec, DatabaseSpec } from '../model/topology.ts';
import { canonicalText } from './canonical.ts';
import type { RawChange } from './diff.ts';

/** Hints, each a whole text. */
export function likelyRenames(changes: readonly RawChange[]): string[] {
  const gone = changes.filter(({ after }) => after === null);
  const come = changes.filter(({ before }) => before === null);
  const taken = new Set<string>();
  return gone.flatMap((old) => {
    const young = come.find((one) => one.kind === old.kind && !taken.has(one.address) && alike(old, one));
    if (young === undefined) return [];
    taken.add(young.address);
    return [
      `${old.address} goes and ${young.address} comes, with the same ${old.kind === 'channel' ? 'tables' : 'endpoints'}. If that is a new name, say so, and positions stay: moved: [{ from: ${old.address}, to: ${young.address} }]`,
    ];
  });
}

function alike({ kind, before }: RawChange, { after }: RawChange): boolean {
  if (kind === 'database') {
    const [was, is] = [before, after] as unknown as [DatabaseSpec, DatabaseSpec];
    return was.engine === is.engine && was.endpoints.some((endpoint) => is.endpoints.includes(endpoint));
  }
  if (kind !== 'channel') return false;
  const [was, is] = [before, after] as unknown as [ChannelSpec, ChannelSpec];
  if (was.direction.kind !== is.direction.kind) return false;
  const names = new Set(was.tables.map(({ from, to }) => canonicalText([from, to])));
  const shared = is.tables.filter(({ from, to }) => names.has(canonicalText([from, to]))).length;
  return shared > 0 && 2 * shared >= Math.max(was.tables.length, is.tables.length);
}
