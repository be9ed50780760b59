/**
 * What values of commands may be at the moment, out of the topology's files and the state: one entry for each value that a command looks up,
 * from the room that looks it up, so that nothing is offered that the command refuses.
 *
 * Rule kept here: it is quick and silent; a topology that is wrong and a state that does not answer give what they give.
 */
import { alertAddresses } from '../executor/alert-desk.ts';
import { type ReadState, readApplied } from '../executor/applied.ts';
import { pausedAddresses, restAddresses } from '../executor/pausing.ts';
import { readHistory } from '../executor/snapshot.ts';
import { CODES } from '../model/codes.ts';
import { NOTHING_DECLARED } from '../model/topology.ts';
import { objectAddresses, pipelineAddresses } from '../planner/addresses.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { nameOf } from '../planner/change.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { environments } from '../topology/read.ts';
import { conflictAddresses } from './conflicts.ts';
import { type CommonOptions, type Context, sources, stateUrl, topologyPath } from './context.ts';

export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** How long the state may take to answer. */
const STATE_MS = 1_500;

type Offer = (seen: Seen) => Promise<readonly Candidate[]>;

/** By command and value (`plan --target`, `pause address`); by the value alone for all other commands. */
const OFFERS: Readonly<Record<string, Offer>> = {
  '--env': async ({ context, options }) =>
    environments(topologyPath(context, options)).map((word) => ({ word, about: 'environment' })),
  '--target': (seen) => planned(seen, true),
  '--exclude': (seen) => planned(seen, true),
  '--allow-destroy': (seen) => planned(seen, false),
  // These read no files.
  'destroy --target': (seen) => applied(seen, true),
  'destroy --exclude': (seen) => applied(seen, true),
  'destroy --allow-destroy': (seen) => applied(seen, false),
  'rollback --target': (seen) => applied(seen, true),
  'rollback --exclude': (seen) => applied(seen, true),
  'rollback --allow-destroy': (seen) => applied(seen, false),
  'state --allow-destroy': (seen) => applied(seen, false),
  'node name': nodes,
  'move database': async (seen) =>
    (await applied(seen, false)).flatMap(({ word, about }) =>
      word.startsWith('database.') ? [{ word: nameOf(word), about }] : [],
    ),
  // What reads or moves what runs takes a channel or a pipeline.
  address: (seen) => resting(seen),
  'logs address': async (seen) => [...(await nodes(seen)), ...(await resting(seen))],
  'resume address': async (seen) => (await seen.state()).flatMap(({ live }) => told(pausedAddresses(live), 'paused')),
  // Can be tested as well as silenced.
  'alerts address': async (seen) =>
    (await seen.state()).flatMap((state) => told(alertAddresses(state.applied), 'alert')),
  'conflicts address': async (seen) =>
    told(seen.files?.topology == null ? [] : conflictAddresses(seen.files.topology), ''),
  channel: async (seen) =>
    (await applied(seen, false)).flatMap(({ word, about }) =>
      word.startsWith('channel.') ? [{ word: nameOf(word), about }] : [],
    ),
  serial: serials,
  serials,
  code: async () => Object.entries(CODES).map(([word, { title }]) => ({ word, about: title })),
};

/** Null where nothing is known of such a value. */
export async function offered(
  context: Context,
  options: CommonOptions,
  command: string | null,
  value: string,
): Promise<readonly Candidate[] | null> {
  const key = [`${command ?? ''} ${value}`, value].find((one) => Object.hasOwn(OFFERS, one));
  if (key === undefined) return null;
  const found = await OFFERS[key]!(new Seen(context, options)).catch(() => []);
  return [...found].sort((a, b) => (a.word < b.word ? -1 : a.word > b.word ? 1 : 0));
}

/** What there is to see, looked at once. */
class Seen {
  readonly context: Context;
  readonly options: CommonOptions;
  /** Null where there are none, or they cannot be found. */
  readonly files: LoadedTopology | null;

  constructor(context: Context, options: CommonOptions) {
    [this.context, this.options] = [context, options];
    this.files = quietly(() => loadTopology(topologyPath(context, options), sources(context, options)));
  }

  /** The name of the topology. */
  get name(): string | undefined {
    return this.files?.name ?? this.options.topology;
  }

  /** What is applied, or nothing. */
  async state(): Promise<[] | [ReadState]> {
    const { name } = this;
    if (name === undefined) return [];
    const found = await this.read((store, signal) => readApplied(store, name, signal));
    return found === null ? [] : [found];
  }

  /** Null when the state is not there, or does not answer in time. */
  async read<T>(read: (store: Store, signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const { context, options } = this;
    const url = stateUrl(context, options);
    if (url.startsWith('file:') && !context.parts.exists(url.slice('file:'.length))) return null;
    try {
      await using store = context.parts.openStore(url, { make: false });
      const late = new Promise<null>((resolve) => {
        setTimeout(() => resolve(null), STATE_MS).unref();
      });
      return await Promise.race([read(store, AbortSignal.timeout(STATE_MS)).catch(() => null), late]);
    } catch {
      return null;
    }
  }
}

type Store = ReturnType<Context['parts']['openStore']>;

/** What the files declare, or an apply has made; of files that are not valid as much as can be read. */
async function planned(seen: Seen, parts: boolean): Promise<Candidate[]> {
  const { files } = seen;
  const there = await applied(seen, parts);
  const desired = files?.topology ?? NOTHING_DECLARED;
  const none = { specs: [] };
  const declared = [...(files?.addresses ?? []), ...(parts ? pipelineAddresses({ desired, applied: none }) : [])];
  const also = new Set(declared);
  return [...told(declared, 'declared'), ...there.filter(({ word }) => !also.has(word))];
}

async function applied(seen: Seen, parts: boolean): Promise<Candidate[]> {
  return (await seen.state()).flatMap((state) => {
    const known = { desired: NOTHING_DECLARED, applied: state.applied };
    return told([...objectAddresses(known), ...(parts ? pipelineAddresses(known) : [])], 'applied');
  });
}

async function resting(seen: Seen): Promise<Candidate[]> {
  return (await seen.state()).flatMap((state) => told(restAddresses(state.applied), ''));
}

/** A process has the name of an applied node; before the first apply it waits for one that is declared. */
async function nodes(seen: Seen): Promise<Candidate[]> {
  const there = (await seen.state()).flatMap((state) => Object.keys(appliedTopology(state.applied).node));
  const declared = (seen.files?.addresses ?? []).filter((one) => one.startsWith('node.')).map(nameOf);
  return told(there.length > 0 ? there : declared, 'node');
}

async function serials(seen: Seen): Promise<Candidate[]> {
  const { name } = seen;
  if (name === undefined) return [];
  const records = await seen.read((store) => readHistory(store, name));
  return (records ?? []).map(({ serial, at, by }) => ({ word: String(serial), about: `${at} ${by}` }));
}

function told(words: readonly string[], about: string): Candidate[] {
  return words.map((word) => ({ word, about: about === 'declared' && word.includes('/') ? 'pipeline' : about }));
}

function quietly<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
