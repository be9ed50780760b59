/** What a person writes for an object of a plan, and the address that it means: bare names, parts of channels, names of before. */
import { OtterError } from '../model/error.ts';
import { compileChannel } from '../model/pipeline.ts';
import { didYouMean, nearest } from '../model/suggest.ts';
import { matches } from '../model/table-pattern.ts';
import { type ChannelSpec, KINDS, type Kind, type Move, type Topology } from '../model/topology.ts';
import { type AppliedState, addressOf, nameOf } from './change.ts';

/** What is declared, and what is applied with its new names. */
export interface Known extends There {
  readonly moves: readonly Move[];
}

interface There {
  readonly desired: Pick<Topology, Kind>;
  readonly applied: Pick<AppliedState, 'specs'>;
}

/** Of what is planned as one: a table and a pipeline mean their channel. The result throws OT7001 for what is nowhere, or in two places. */
export function plannedAddress(known: Known): (text: string) => string {
  const { desired, applied } = known;
  const find = objectAddress(known);
  const channels = (name: string): readonly ChannelSpec[] => [
    ...(Object.hasOwn(desired.channel, name) ? [desired.channel[name]!] : []),
    ...applied.specs.flatMap((one) =>
      one.kind === 'channel' && one.name === name ? [one.spec as unknown as ChannelSpec] : [],
    ),
  ];
  return (text) => {
    const [, kind, channel, part] = /^(?:(table|pipeline)\.)?([a-z][a-z0-9_-]*)\/(.+)$/s.exec(text) ?? [];
    if (channel === undefined) return find(text);
    const has = (spec: ChannelSpec): boolean =>
      (kind !== 'pipeline' && hasTable(spec, part!)) || (kind !== 'table' && hasPipeline(channel, spec, part!));
    if (channels(channel).some(has)) return addressOf('channel', channel);
    throw new OtterError('OT7001', `nothing declared or applied has the address \`${text}\``, {
      hint: 'A pipeline is written `shop/hz:ca`, a table `table.shop/schema.table`, as an entry of its channel has it.',
    });
  };
}

/** Whole objects that are declared, or applied. */
export function objectAddresses({ desired, applied }: There): string[] {
  const known = new Set(applied.specs.map(({ kind, name }) => addressOf(kind, name)));
  for (const kind of KINDS) for (const name of Object.keys(desired[kind])) known.add(addressOf(kind, name));
  return [...known];
}

/** Pipelines of the channels that are declared, or applied, as a shell takes them. */
export function pipelineAddresses({ desired, applied }: There): string[] {
  const declared = Object.entries(desired.channel);
  const there = applied.specs.flatMap(({ kind, name, spec }): [string, ChannelSpec][] =>
    kind === 'channel' ? [[name, spec as unknown as ChannelSpec]] : [],
  );
  return [
    ...new Set([...declared, ...there].flatMap(([name, spec]) => compileChannel(name, spec).map((one) => one.name))),
  ].map((name) => name.replace('>', ':'));
}

/** Of whole objects only. The result throws OT7001 for what is nowhere, or in two places. */
export function objectAddress({ moves, ...where }: Known): (text: string) => string {
  const known = new Set(objectAddresses(where));
  // The old name means the object that has a new one, unless another has taken the old one.
  const olds = new Map(moves.filter(({ from }) => !known.has(from)).map(({ from, to }) => [from, to]));
  for (const old of olds.keys()) known.add(old);
  return (text) => {
    const address = known.has(text) ? text : addressOfName(known, text);
    return olds.get(address) ?? address;
  };
}

function addressOfName(known: ReadonlySet<string>, text: string): string {
  const all = [...known].sort();
  const named = all.filter((one) => nameOf(one) === text);
  if (named.length === 1) return named[0]!;
  if (named.length > 1) {
    throw new OtterError('OT7001', `\`${text}\` may be ${named.join(' or ')}`, { hint: 'Write the whole address.' });
  }
  const near = nearest(text, [...all, ...all.map(nameOf)]);
  throw new OtterError('OT7001', `nothing declared or applied has the address \`${text}\``, {
    hint: near === null ? `Addresses look like ${all[0] ?? 'channel.shop'}.` : didYouMean(text, [near]),
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
