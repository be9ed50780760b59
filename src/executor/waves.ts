/**
 * The changes of a plan in waves: what may be written at once, and what waits until nodes run what was written before.
 *
 * Rules: what others refer to comes first and goes last; channels that have a database in common are never changed in
 * the same wave, those that have none are; a channel that goes ends before or with whatever may take its tables up, and one
 * that gets another name before or with the one that is made under its old name.
 */
import type { ChannelSpec } from '../model/topology.ts';
import type { Change } from '../planner/change.ts';
import { databasesOf } from '../planner/references.ts';

/** Everything at once, as it is without a gate. */
export function oneWave(changes: readonly Change[]): Change[][] {
  return changes.length === 0 ? [] : [[...changes]];
}

/** For `--max-lag`: `changes` in the order of the plan. */
export function wavesOf(changes: readonly Change[]): Change[][] {
  const isChannel = ({ kind }: Change): boolean => kind === 'channel';
  const ends = changes.filter((change) => isChannel(change) && change.after === null);
  const channels = changes.filter((change) => isChannel(change) && change.after !== null);
  const others = changes.filter((change) => !isChannel(change));
  const refersToChannels = ({ kind }: Change): boolean => kind === 'alert' || kind === 'files';
  const before = others.filter((change) => change.after !== null && !refersToChannels(change));
  const afterwards = others.filter((change) => change.after === null || refersToChannels(change));
  // What refers to a channel that goes, goes before it.
  const leaving = afterwards.filter((change) => change.after === null && refersToChannels(change));
  const rest = afterwards.filter((change) => !leaving.includes(change));
  const [first = [], ...more] = apart(channels);
  return [before, [...leaving, ...ends, ...first], ...more, rest].filter((wave) => wave.length > 0);
}

/** Each channel in the first wave in which no database of it is touched yet, its name is free, and those before it in the plan are placed. */
function apart(channels: readonly Change[]): Change[][] {
  const waves: { readonly changes: Change[]; readonly databases: Set<string> }[] = [];
  /** By name, the wave that frees it. */
  const freed = new Map<string, number>();
  for (const change of channels) {
    const from = change.before === null ? (freed.get(change.address) ?? 0) : 0;
    const databases = [change.before, change.after].flatMap((spec) =>
      spec === null ? [] : databasesOf((spec as unknown as ChannelSpec).direction),
    );
    let wave = waves.find((one, at) => at >= from && !databases.some((database) => one.databases.has(database)));
    if (wave === undefined) {
      wave = { changes: [], databases: new Set() };
      waves.push(wave);
    }
    wave.changes.push(change);
    if (change.moved_from !== null) freed.set(change.moved_from, waves.indexOf(wave));
    for (const database of databases) wave.databases.add(database);
  }
  return waves.map(({ changes }) => changes);
}
