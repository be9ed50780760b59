/**
 * Otter 4's channels as channels here: two pipelines that mirror each other are one two-way channel, everything else is one-way.
 *
 * Rule: what is written does with rows what Otter 4 did, or is left out with the reason. Channels come out disabled, since Otter 4
 * still carries them.
 */
import type { DraftChannel, DraftTable, Fields, LeftOut } from '../draft.ts';
import { Names } from '../names.ts';
import type { Channel, Manager, Pipeline } from './manager.ts';
import { type PositionFacts, positionNote } from './positions.ts';
import type { Servers } from './servers.ts';
import { inOrder, type PlacedPair, pairsOf, type Table, tableOf } from './tables.ts';

/** Pairs of a pipeline that go from one database to another. */
interface Way {
  readonly pipeline: Pipeline;
  readonly source: string;
  readonly target: string;
  readonly pairs: readonly PlacedPair[];
}

export interface Channels {
  readonly channels: readonly DraftChannel[];
  readonly ends: readonly { readonly pipeline: Pipeline; readonly source: string; readonly target: string }[];
  /** Pipeline to the channels that it became. */
  readonly byPipeline: ReadonlyMap<number, readonly string[]>;
  readonly notes: readonly string[];
}

export interface Known {
  readonly positions: ReadonlyMap<number, PositionFacts>;
  /** Types of the databases that are none of MySQL's family. */
  readonly oracles: ReadonlySet<string>;
}

export function channelsOf(manager: Manager, servers: Servers, known: Known): Channels {
  const names = new Names();
  const channels: DraftChannel[] = [];
  const ends: Way[] = [];
  const notes: string[] = [];
  const byPipeline = new Map<number, string[]>();
  for (const channel of manager.channels) {
    const pipelines = manager.pipelines.filter((one) => one.channel === channel.id);
    const ways = pipelines.flatMap((pipeline) => waysOf(manager, servers, pipeline, notes));
    ends.push(...ways);
    const made = new ChannelMaker(manager, channel, known, names).channels(pipelines, ways);
    if (made.length === 0) notes.push(`Channel ${channel.name} is left out: it has no tables.`);
    for (const { of, draft } of made) {
      channels.push(draft);
      for (const { id } of of) byPipeline.set(id, [...(byPipeline.get(id) ?? []), draft.name]);
    }
  }
  return { channels, ends, byPipeline, notes };
}

function waysOf(manager: Manager, { bySource }: Servers, pipeline: Pipeline, notes: string[]): Way[] {
  const { pairs, problems } = pairsOf(manager, pipeline.id);
  notes.push(...problems);
  const placed = pairs.flatMap((one) => {
    const [source, target] = [bySource.get(one.source.source), bySource.get(one.target.source)];
    if (source !== undefined && target !== undefined) return [{ source, target, one }];
    notes.push(`Pair ${one.pair.id} of the pipeline ${pipeline.name} is left out: its data source is.`);
    return [];
  });
  const groups = Map.groupBy(placed, ({ source, target }) => JSON.stringify([source, target]));
  return [...groups.values()].map((group) => ({
    pipeline,
    source: group[0]!.source,
    target: group[0]!.target,
    pairs: inOrder(group.map(({ one }) => one)),
  }));
}

interface Made {
  readonly of: readonly Pipeline[];
  readonly draft: DraftChannel;
}

class ChannelMaker {
  readonly #manager: Manager;
  readonly #channel: Channel;
  readonly #known: Known;
  readonly #names: Names;

  constructor(manager: Manager, channel: Channel, known: Known, names: Names) {
    this.#manager = manager;
    this.#channel = channel;
    this.#known = known;
    this.#names = names;
  }

  channels(pipelines: readonly Pipeline[], ways: readonly Way[]): Made[] {
    const made: Made[] = [];
    const mirrored = new Set<PlacedPair>();
    const [one, other] = pipelines;
    if (one !== undefined && other !== undefined) {
      const [first, second] = other.home && !one.home ? [other, one] : [one, other];
      for (const there of ways.filter(({ pipeline }) => pipeline === first)) {
        const back = ways.find((w) => w.pipeline === second && w.source === there.target && w.target === there.source);
        if (back === undefined) continue;
        const twins = twinsOf(there, back);
        if (twins.length === 0) continue;
        for (const twin of twins) for (const pair of twin) mirrored.add(pair);
        made.push(this.#twoWay(there, back, twins));
      }
    }
    for (const way of ways) {
      const pairs = way.pairs.filter((pair) => !mirrored.has(pair));
      if (pairs.length > 0) made.push(...this.#oneWay({ ...way, pairs }, ways.length === 1));
    }
    return made;
  }

  #twoWay(there: Way, back: Way, twins: readonly (readonly [PlacedPair, PlacedPair])[]): Made {
    const between = [there.source, there.target];
    const context = {
      twoWay: true,
      rereads: this.#rereads,
      weighed: false,
      canal: this.#manager.canals.get(there.pipeline.destination),
    };
    const seen = new Set<string>();
    const tables = twins.map(([one, other]): Table => {
      const made = tableOf(one, context);
      // Code of the way back changes rows just so.
      const returned = tableOf(other, { ...context, canal: this.#manager.canals.get(back.pipeline.destination) });
      if ('leftOut' in made) return made;
      const { fields } = made.table;
      if ('leftOut' in returned) return { leftOut: { fields, why: returned.leftOut.why } };
      if (!areMirrored(one, other)) {
        return {
          leftOut: {
            fields,
            why: ['the two pipelines carry different columns, and a two-way table has the same both ways.'],
          },
        };
      }
      if (seen.has(fields.from)) {
        return { leftOut: { fields, why: ['the table goes to several tables, and a two-way table has one partner.'] } };
      }
      seen.add(fields.from);
      return made;
    });
    const pipelines = [there.pipeline, back.pipeline];
    const ddl = this.#ddlTwoWay(there.pipeline, back.pipeline);
    const draft = this.#draft(this.#channel.name, pipelines, tables, {
      fields: {
        between,
        conflict: { policy: 'site-priority', priority: between },
        initial: 'none',
        ddl: ddl.value,
        enabled: false,
      },
      notes: [
        this.#channel.remedy
          ? `Conflicts: Otter 4 let ${between[0]} win (remedy, home), column by column and after a while; here it wins at once.`
          : `Decide: Otter 4 had no rule for rows that both sites change at once (enableRemedy was off), and they could differ for ever. Here ${between[0]} wins; docs/conflicts.md has other rules.`,
        ...ddl.notes,
        ...(new Set([...there.pairs, ...back.pairs].map(({ pair }) => pair.weight)).size > 1
          ? ['Weights (pushWeight) have no equal two-way: rows are written in the order in which they come.']
          : []),
        ...(pipelines.some(({ dryRun }) => dryRun)
          ? ['One of its pipelines was a dry run, which a two-way channel cannot be: it will write.']
          : []),
        ...(this.#rereads
          ? [
              'Rows were read from their source again (MEDIA). Here every change carries the whole row, and the order is kept.',
            ]
          : []),
      ],
    });
    return { of: pipelines, draft };
  }

  #oneWay(way: Way, alone: boolean): Made[] {
    const { pipeline, source, target } = way;
    const context = {
      twoWay: false,
      rereads: this.#rereads,
      weighed: new Set(way.pairs.map(({ pair }) => pair.weight)).size > 1,
      canal: this.#manager.canals.get(pipeline.destination),
    };
    // A channel has one entry for a source table: further targets of one go into channels of their own.
    const shares: Table[][] = [];
    for (const pair of way.pairs) {
      const made = tableOf(pair, context);
      const from = fromOf(made);
      const share = shares.find((one) => !one.some((table) => fromOf(table) === from));
      if (share === undefined) shares.push([made]);
      else share.push(made);
    }
    const base = alone ? this.#channel.name : `${this.#channel.name}-${source}-${target}`;
    return shares.map((tables, i) => ({
      of: [pipeline],
      draft: this.#draft(base, [pipeline], tables, {
        fields: {
          from: source,
          to: target,
          initial: 'none',
          ddl: this.#ddlOneWay(pipeline, target, tables),
          dry_run: pipeline.dryRun ? true : undefined,
          enabled: false,
        },
        notes: [
          ...(i === 0 ? [] : ['Tables of the channel before this one that also go elsewhere.']),
          ...(pipeline.ddlSync && this.#ddlOneWay(pipeline, target, tables) !== 'replicate'
            ? [
                'Changes of tables (ddlSync) are not carried here, since rows do not travel as they are, or into an Oracle: the channel stops and says so.',
              ]
            : []),
        ],
      }),
    }));
  }

  #draft(
    base: string,
    pipelines: readonly Pipeline[],
    tables: readonly Table[],
    { fields, notes }: { readonly fields: Fields; readonly notes: readonly string[] },
  ): DraftChannel {
    const { name, description } = this.#channel;
    const was = `Was channel ${name}${description === '' ? '' : ` (${description})`}, ${pipelines.length === 1 ? 'pipeline' : 'pipelines'} ${pipelines.map((one) => one.name).join(' and ')}. It is off until Otter 4's is: docs/from-otter4.md.`;
    const made = this.#names.make(base, `channel-${this.#channel.id}`);
    // Two-way, a position is not moved.
    const ends = fields['between'] === undefined ? `${made}/${String(fields['from'])}:${String(fields['to'])}` : null;
    return {
      name: made,
      fields,
      notes: [was, ...notes, ...pipelines.flatMap((pipeline) => this.#pipelineNotes(pipeline, ends))],
      tables: tables.flatMap((one): DraftTable[] => ('table' in one ? [one.table] : [])),
      leftOut: tables.flatMap((one): LeftOut[] => ('leftOut' in one ? [one.leftOut] : [])),
    };
  }

  #pipelineNotes(pipeline: Pipeline, made: string | null): string[] {
    const canal = this.#manager.canals.get(pipeline.destination);
    const position = this.#known.positions.get(pipeline.id);
    return [
      ...(position === undefined ? [] : [positionNote(position, pipeline.name, made)]),
      ...(pipeline.skips.length === 0
        ? []
        : [
            `Pipeline ${pipeline.name} passed over errors (${pipeline.skips.join(', ')}). Nothing is passed over here: what cannot be written stops the pipeline, and says so.`,
          ]),
      ...(/_sync$/i.test(pipeline.channelInfo)
        ? [
            `Its rows were marked ${pipeline.channelInfo}: no other channel carried them on. That has no equal: a channel out of their target carries them.`,
          ]
        : []),
      ...(canal === undefined || /^MYSQL$/i.test(canal.sourcing)
        ? []
        : [`The canal ${canal.name} read ${canal.sourcing}; here the log is read from the server itself.`]),
      ...((canal?.addresses[0]?.length ?? 0) > 1
        ? [
            `The canal ${canal!.name} merged the logs of several servers. Here each is a database of its own, and \`from\` may list them.`,
          ]
        : []),
    ];
  }

  /** The site that decides makes the changes of tables. */
  #ddlTwoWay(first: Pipeline, second: Pipeline): { readonly value: string; readonly notes: readonly string[] } {
    if (first.ddlSync) return { value: 'replicate', notes: [] };
    if (!second.ddlSync) return { value: 'ignore', notes: [] };
    const note =
      'Changes of tables came from the other site (ddlSync of the second pipeline); here they are carried from the one that decides. So a change stops the channel, until it is made on both sides.';
    return { value: 'stop', notes: [note] };
  }

  #ddlOneWay({ ddlSync, dryRun }: Pipeline, target: string, tables: readonly Table[]): string {
    if (!ddlSync) return 'ignore';
    const plain = tables.every((one) => 'leftOut' in one || one.table.fields['reread'] === undefined);
    return plain && !dryRun && !this.#known.oracles.has(target) ? 'replicate' : 'stop';
  }

  get #rereads(): boolean {
    return this.#channel.consistency.toUpperCase() === 'MEDIA';
  }
}

function fromOf(made: Table): string {
  return 'table' in made ? made.table.fields.from : String(made.leftOut.fields['from']);
}

/** Pairs of two ways that lead from a table to another and back. */
function twinsOf(there: Way, back: Way): [PlacedPair, PlacedPair][] {
  const left = new Set(back.pairs);
  return there.pairs.flatMap((one): [PlacedPair, PlacedPair][] => {
    const twin = [...left].find((other) => isSame(one.source, other.target) && isSame(one.target, other.source));
    if (twin === undefined) return [];
    left.delete(twin);
    return [[one, twin]];
  });
}

type Named = PlacedPair['source'];

function isSame(a: Named, b: Named): boolean {
  return a.namespace === b.namespace && a.name === b.name;
}

/** The same columns in both directions, under the same two names. */
function areMirrored({ pair: one }: PlacedPair, { pair: other }: PlacedPair): boolean {
  if (one.columns.length === 0 && other.columns.length === 0) return true;
  const key = (columns: readonly (readonly [string, string])[]): string => JSON.stringify([...columns].sort());
  if (one.mode !== other.mode) return false;
  return key(one.columns) === key(other.columns.map(([from, to]) => [to, from] as const));
}
