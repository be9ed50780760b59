/** A change explained: why it is there, what it does to rows, positions and running pipelines, and how grave that is. */
import { UnreachableError } from '../model/error.ts';
import type { FileSetSpec } from '../model/files.ts';
import { opsAddress } from '../model/ops-address.ts';
import { compileChannel } from '../model/pipeline.ts';
import { isAnother } from '../model/stays.ts';
import {
  type ChannelSpec,
  type DatabaseSpec,
  HISTORY_KEPT,
  type HistorySpec,
  type InertSpec,
  type NodeSpec,
  type Topology,
} from '../model/topology.ts';
import { alertEffects, receiverEffects } from './alert-effects.ts';
import {
  type AppliedState,
  addressOf,
  type Change,
  type Effect,
  type LiveState,
  RISKS,
  type SourceOf,
} from './change.ts';
import { channelEffects } from './channel-effects.ts';
import type { RawChange } from './diff.ts';
import { filesEffects } from './files-effects.ts';
import { irrevocable } from './irrevocable.ts';
import { loosened } from './loosened.ts';
import { databasesOf } from './references.ts';

export interface EffectInput {
  readonly raw: readonly RawChange[];
  readonly desired: Topology;
  readonly applied: AppliedState;
  readonly live: LiveState;
  readonly destroy: boolean;
  readonly sourceOf: SourceOf;
}

export function describe(change: RawChange, input: EffectInput): Change {
  const effects = ranked(effectsOf(change, input));
  const { address, kind, actions, movedFrom, before, after, attributes } = change;
  return {
    address,
    kind,
    actions,
    moved_from: movedFrom,
    before,
    after,
    reason: reasonOf(change, input),
    risk: effects[0]?.risk ?? 'low',
    effects: effects.map(({ text }) => text),
    effect_risks: effects.map(({ risk }) => risk),
    irrevocable: irrevocable(change, input.live),
    attributes,
    source: sourceOfChange(change, input.sourceOf),
  };
}

/** The first changed attribute of a changed object, else the object. */
function sourceOfChange({ address, actions, attributes, after }: RawChange, sourceOf: SourceOf): Change['source'] {
  if (after === null) return null;
  const only = actions.includes('update') && attributes.length === 1 ? attributes[0]! : null;
  const table = only === null ? null : /^tables\[(.+)\]$/s.exec(only.path)?.[1];
  const place = table == null ? null : sourceOf(`table.${address.slice('channel.'.length)}/${table}`);
  return place ?? sourceOf(address, only === null || only.path.startsWith('tables') ? undefined : only.path);
}

function ranked(effects: readonly Effect[]): Effect[] {
  return [...effects].sort((a, b) => RISKS.indexOf(b.risk) - RISKS.indexOf(a.risk));
}

function reasonOf({ actions, attributes, movedFrom }: RawChange, { destroy }: EffectInput): string {
  if (actions.length > 1) {
    return 'another engine means another database: positions in the log of the old one mean nothing to the new';
  }
  if (actions.includes('create')) return 'declared, and not applied yet';
  if (actions.includes('delete')) return destroy ? 'everything is destroyed' : 'applied, and not declared any more';
  if (movedFrom !== null && attributes.length === 1) return `renamed from ${movedFrom}`;
  const names = attributes.map(({ path }) => path);
  const shown = names.slice(0, 3).join(', ');
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${shown}${rest} ${names.length === 1 ? 'differs' : 'differ'} from what was applied`;
}

function effectsOf(change: RawChange, input: EffectInput): Effect[] {
  return [...renameEffects(change, input.applied), ...ownEffects(change, input)];
}

function renameEffects({ kind, name, movedFrom }: RawChange, { names }: AppliedState): Effect[] {
  if (movedFrom === null) return [];
  const kept = names.kept(kind, name);
  const what =
    kind === 'channel' ? 'its pipelines go on with their positions' : 'its pipelines go on, and its conflict log stays';
  return [
    {
      risk: 'low',
      text:
        kept === name
          ? `has the name again under which it was made; ${what}`
          : `only the name that people see changes; ${what}; nodes' logs, metrics and otter's own tables say \`${kept}\` as before`,
    },
  ];
}

function ownEffects(change: RawChange, input: EffectInput): Effect[] {
  switch (change.kind) {
    case 'region':
      return [];
    case 'policy':
      return change.name === 'history'
        ? historyEffects(change, input.applied.meta.record?.serial ?? 0)
        : policyEffects(change);
    case 'node':
      return nodeEffects(change, input);
    case 'database':
      return databaseEffects(change, input);
    case 'channel':
      return channelEffects(
        change.name,
        change.before as ChannelSpec | null,
        change.after as ChannelSpec | null,
        input.desired,
      );
    case 'files':
      return filesEffects(change.before as FileSetSpec | null, change.after as FileSetSpec | null, input.desired);
    case 'alert':
      return alertEffects(change);
    case 'notify':
      return receiverEffects(change);
    default:
      throw new UnreachableError(change.kind satisfies never);
  }
}

/** @param serial of what is applied */
function historyEffects({ before, after }: RawChange, serial: number): Effect[] {
  const [was, is] = [before, after].map((spec) => ({ ...HISTORY_KEPT, ...(spec as Partial<HistorySpec> | null) }));
  const { serials, audit } = is!;
  if (serials >= was!.serials && audit >= was!.audit)
    return [{ risk: 'low', text: `the last ${serials} serials and ${audit} entries of the audit are kept` }];
  const gone = serial > serials ? `; those before serial ${serial - serials + 2} go with a later apply` : '';
  return [
    { risk: 'medium', text: `only the last ${serials} serials and ${audit} entries of the audit are kept${gone}` },
  ];
}

function policyEffects({ name, before, after }: RawChange): Effect[] {
  const what = name === 'guards' ? 'limits' : 'rules';
  if (before === null) return [{ risk: 'low', text: `plans are held against these ${what}, this one too` }];
  const words = loosened(name, before as InertSpec, after as InertSpec | null);
  return words.length === 0
    ? [{ risk: 'low', text: `plans are held against the new ${what}, this one too` }]
    : [{ risk: 'medium', text: `later plans are held against less: ${words.join('; ')}` }];
}

function nodeEffects({ name, before, after }: RawChange, { raw, desired, applied, destroy }: EffectInput): Effect[] {
  const [old, young] = [before as NodeSpec | null, after as NodeSpec | null];
  const effects: Effect[] = [];
  if (old !== null && !destroy && old.region !== young?.region) {
    const served = applied.specs.flatMap(({ kind, name: database, spec }) =>
      kind === 'database' &&
      (spec as unknown as DatabaseSpec).region === old.region &&
      !raw.some((other) => other.address === `database.${database}` && other.after === null)
        ? [database]
        : [],
    );
    const others = Object.entries(desired.node).flatMap(([other, { region }]) =>
      region === old.region && other !== name ? [other] : [],
    );
    if (served.length > 0) {
      effects.push(
        others.length > 0
          ? { risk: 'medium', text: `databases it serves move to ${others.join(', ')}: ${served.join(', ')}` }
          : {
              risk: 'high',
              text: `no node is left in region ${old.region}: pipelines from and to ${served.join(', ')} stop`,
            },
      );
    }
  }
  if (young === null) effects.push({ risk: 'low', text: 'its process gives up its databases and can be ended' });
  else if (old === null)
    effects.push({
      risk: 'low',
      text: `serves databases of region ${young.region} once it is started: otter node ${name}`,
    });
  else {
    if (old.region !== young.region)
      effects.push({ risk: 'medium', text: `serves databases of region ${young.region} from now on` });
    if (old.listen !== young.listen)
      effects.push({ risk: 'medium', text: 'listens on the new address after it is started again' });
    if (old.advertise !== young.advertise)
      effects.push({
        risk: 'low',
        text: 'other nodes connect to it under the new address; pipelines pause for seconds',
      });
    if (old.http !== young.http) effects.push({ risk: 'low', text: httpEffect(young) });
    if (JSON.stringify(old.link) !== JSON.stringify(young.link))
      effects.push({ risk: 'medium', text: linkEffect(young) });
  }
  return effects;
}

function httpEffect({ listen, http }: NodeSpec): string {
  const address = opsAddress({ listen, http });
  return address === null
    ? 'serves no metrics and health from now on'
    : `serves metrics and health at ${address} from now on`;
}

function linkEffect({ link }: NodeSpec): string {
  const pause = 'pipelines pause for seconds, and go on where they were';
  if (link === undefined) return `answers whoever reaches its port, unencrypted, from now on; ${pause}`;
  const wanted = 'tls' in link ? 'certificates' : 'the token';
  return `asks its peers for ${wanted} from now on, which must be there before; ${pause}`;
}

/** Its pipelines that were there before. Those of a channel that is made in this plan are told with it. */
function anewEffects(
  name: string,
  old: DatabaseSpec,
  { raw, desired }: Pick<EffectInput, 'raw' | 'desired'>,
): Effect[] {
  const channels = Object.entries(desired.channel).sort(([a], [b]) => (a < b ? -1 : 1));
  const anew = channels.flatMap(([channel, spec]) => {
    const made = raw.some(({ address, before }) => address === addressOf('channel', channel) && before === null);
    return made ? [] : compileChannel(channel, spec).filter(({ source, target }) => source === name || target === name);
  });
  const effects: Effect[] = [
    {
      risk: 'low',
      text: `otter's own tables of before stay in the schema \`${old.schema}\` there; drop them yourself`,
    },
  ];
  if (anew.length === 0) return effects;
  effects.push({ risk: 'high', text: `pipelines begin anew: ${anew.map((one) => one.name).join(', ')}` });
  const copying = anew.filter(({ initial, enabled }) => initial === 'copy' && enabled);
  if (copying.length > 0) {
    const ways = copying.map(({ source, target }) => `from ${source} to ${target}`).join(', ');
    effects.push({ risk: 'high', text: `existing rows are copied again, as the first time: ${ways}` });
  }
  return effects;
}

function databaseEffects({ name, before, after, actions }: RawChange, { raw, desired }: EffectInput): Effect[] {
  const [old, young] = [before as DatabaseSpec | null, after as DatabaseSpec | null];
  const effects: Effect[] = [];
  if (old !== null && (young === null || actions.length > 1)) {
    effects.push(
      {
        risk: 'high',
        text: `positions, bookkeeping and the conflict log in the schema \`${old.schema}\` of ${name} are lost`,
      },
      { risk: 'low', text: 'tables of users are not touched' },
    );
  }
  if (young === null) return effects;
  if (old !== null && isAnother(old, young)) effects.push(...anewEffects(name, old, { raw, desired }));
  if (old === null || actions.length > 1) {
    effects.push({
      risk: 'low',
      text:
        young.engine === 'oracle'
          ? `otter's own tables are created in the schema of its user \`${young.schema}\` when its node starts`
          : `the schema \`${young.schema}\` for otter's own tables is created in it when its node starts`,
    });
  } else {
    if (old.schema !== young.schema)
      effects.push({
        risk: 'high',
        text: `positions in the schema \`${old.schema}\` are not taken over: pipelines into it begin anew`,
      });
    if (old.region !== young.region)
      effects.push({
        risk: 'medium',
        text: `served by nodes of region ${young.region} from now on; its pipelines pause until one takes over`,
      });
    if (JSON.stringify(old.endpoints) !== JSON.stringify(young.endpoints)) {
      effects.push({
        risk: 'medium',
        text: 'its pipelines connect again; every endpoint must be the same database with the same log',
      });
    }
    if (
      old.user !== young.user ||
      JSON.stringify([old.password, old.tls]) !== JSON.stringify([young.password, young.tls])
    ) {
      effects.push({ risk: 'medium', text: 'its pipelines connect again with the new credentials' });
    }
    if (JSON.stringify(old.throttle) !== JSON.stringify(young.throttle))
      effects.push({ risk: 'low', text: `${throttleWords(young)}; nothing pauses` });
    if (old.protect && !young.protect) effects.push({ risk: 'medium', text: 'a plan may destroy it from now on' });
  }
  const served = Object.values(desired.node).some(({ region }) => region === young.region);
  const used = Object.values(desired.channel).some(({ direction }) => databasesOf(direction).includes(name));
  if (!served && used)
    effects.push({ risk: 'medium', text: `no node is declared in region ${young.region}: its pipelines do not start` });
  return effects;
}

function throttleWords({ throttle }: DatabaseSpec): string {
  if (throttle === undefined) return 'it is written as fast as it can be, however busy it is';
  const { threads_running: threads, replica_lag: lag } = throttle;
  const limits = [
    ...(threads === undefined ? [] : [`more than ${threads} threads run there`]),
    ...(lag === undefined ? [] : [`a replica is more than ${lag} behind`]),
  ];
  return `it is written more slowly while ${limits.join(', or ')}`;
}
