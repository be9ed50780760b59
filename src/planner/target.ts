/**
 * `--target` and `--exclude`: a part of the changes. What a chosen one cannot do without is drawn in; what cannot be without an excluded
 * one stays away with it.
 *
 * Rule: what is left over after the changes never refers to something that is not there.
 */
import { OtterError } from '../model/error.ts';
import { compileChannel } from '../model/pipeline.ts';
import { matches } from '../model/table-pattern.ts';
import { type ChannelSpec, KINDS, type Move, type Topology } from '../model/topology.ts';
import { type AppliedState, addressOf, type Json } from './change.ts';
import type { RawChange } from './diff.ts';
import { refersTo } from './references.ts';

export interface TargetInput {
  readonly desired: Topology;
  readonly applied: AppliedState;
  readonly target: readonly string[];
  readonly exclude: readonly string[];
  readonly moves: readonly Move[];
}

/** @throws OtterError OT7001 */
export function targeted(changes: readonly RawChange[], input: TargetInput): readonly RawChange[] {
  const { target, exclude } = input;
  if (target.length === 0 && exclude.length === 0) return changes;
  const find = finder(input);
  const chosen = target.length === 0 ? changes : withNeeded(changes, new Set(target.map(find)));
  return without(chosen, new Set(exclude.map(find)));
}

/** An address by what a person writes. */
function finder({ desired, applied, moves }: TargetInput): (text: string) => string {
  const known = new Set(applied.specs.map(({ kind, name }) => addressOf(kind, name)));
  for (const kind of KINDS) for (const name of Object.keys(desired[kind])) known.add(addressOf(kind, name));
  // The old name means the object that has a new one, unless another has taken the old one.
  const olds = new Map(moves.filter(({ from }) => !known.has(from)).map(({ from, to }) => [from, to]));
  for (const old of olds.keys()) known.add(old);
  const channels = (name: string): readonly ChannelSpec[] => [
    ...(Object.hasOwn(desired.channel, name) ? [desired.channel[name]!] : []),
    ...applied.specs.flatMap((one) =>
      one.kind === 'channel' && one.name === name ? [one.spec as unknown as ChannelSpec] : [],
    ),
  ];
  return (text) => {
    const address = addressAmong(known, channels, text);
    return olds.get(address) ?? address;
  };
}

/** Until nothing more is drawn in: what a kept object needs, and what refers to a removed one. */
function withNeeded(changes: readonly RawChange[], chosen: Set<string>): readonly RawChange[] {
  const wanted = (change: RawChange): boolean => chosen.has(change.address);
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const change of changes.filter(wanted)) {
      for (const address of refersTo(change.kind, change.after)) chosen.add(address);
    }
    for (const change of changes) {
      const lost = (spec: Json): boolean =>
        refersTo(change.kind, spec).some((address) =>
          changes.some((other) => other.address === address && other.after === null && chosen.has(address)),
        );
      if (lost(change.before)) chosen.add(change.address);
    }
  }
  return changes.filter(wanted);
}

/** Until nothing more stays away: what needs an object that is not made, and what is still used by one that stays as it is. */
function without(changes: readonly RawChange[], excluded: Set<string>): readonly RawChange[] {
  for (let before = -1; before !== excluded.size; ) {
    before = excluded.size;
    const away = changes.filter(({ address }) => excluded.has(address));
    const unmade = new Set(away.flatMap((change) => (change.before === null ? [change.address] : [])));
    const used = new Set(away.flatMap((change) => refersTo(change.kind, change.before)));
    for (const { kind, address, after } of changes) {
      const needs = after === null ? used.has(address) : refersTo(kind, after).some((other) => unmade.has(other));
      if (needs) excluded.add(address);
    }
  }
  return changes.filter(({ address }) => !excluded.has(address));
}

/** `table.CH/...` and `pipeline.CH/...` are planned with their channel, where it has them. */
function addressAmong(
  known: ReadonlySet<string>,
  channels: (name: string) => readonly ChannelSpec[],
  text: string,
): string {
  const [, kind, channel, part] = /^(?:(table|pipeline)\.)?([a-z][a-z0-9_-]*)\/(.+)$/s.exec(text) ?? [];
  const address = channel === undefined ? text : `channel.${channel}`;
  const has = (spec: ChannelSpec): boolean =>
    (kind !== 'pipeline' && hasTable(spec, part!)) || (kind !== 'table' && hasPipeline(channel!, spec, part!));
  if (known.has(address) && (channel === undefined || channels(channel).some(has))) return address;
  const matches = [...known].filter((one) => one.endsWith(`.${address}`));
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1) {
    throw new OtterError('OT7001', `\`${text}\` may be ${matches.sort().join(' or ')}`, {
      hint: 'Write the whole address.',
    });
  }
  throw new OtterError('OT7001', `nothing declared or applied has the address \`${text}\``, {
    hint: `Addresses look like ${[...known].sort()[0] ?? 'channel.shop'}.`,
  });
}

/** As an entry spells it, or a table that an entry means. */
function hasTable({ tables }: ChannelSpec, name: string): boolean {
  const dot = name.indexOf('.');
  const [schema, table] = [name.slice(0, dot), name.slice(dot + 1)];
  return tables.some(({ from, to }) => from === name || to === name || (dot > 0 && matches(from, schema, table)));
}

function hasPipeline(channel: string, spec: ChannelSpec, ends: string): boolean {
  const name = `${channel}/${ends.replace(':', '>')}`;
  return compileChannel(channel, spec).some((pipeline) => pipeline.name === name);
}
