/**
 * The key layout of the state store: one prefix per topology, one function per kind of key, and the way back.
 *
 * Rule: a name is always exactly one path segment. Pipeline names contain `/` and `>`, so names are percent-encoded
 * as in a URL: `shop/hz>ca` is stored as `shop%2Fhz%3Eca`. `parseKey` inverts every function here.
 */
import type { Kind } from '../model/topology.ts';
import { KINDS } from '../model/topology.ts';

/** What nodes report about; pipelines are what a channel is compiled into. */
export type StatusKind = Kind | 'pipeline';

/** What a person can pause. */
export type PausedKind = 'channel' | 'pipeline';

export type ParsedKey =
  | { readonly at: 'meta'; readonly topology: string }
  | { readonly at: 'lock'; readonly topology: string }
  | { readonly at: 'spec'; readonly topology: string; readonly kind: Kind; readonly name: string }
  | { readonly at: 'status'; readonly topology: string; readonly kind: StatusKind; readonly name: string }
  | { readonly at: 'node'; readonly topology: string; readonly name: string }
  | { readonly at: 'owner'; readonly topology: string; readonly database: string }
  | { readonly at: 'run'; readonly topology: string; readonly id: string; readonly path: readonly string[] }
  | { readonly at: 'history'; readonly topology: string; readonly serial: number }
  | { readonly at: 'pause'; readonly topology: string; readonly kind: PausedKind; readonly name: string }
  | { readonly at: 'skip'; readonly topology: string; readonly pipeline: string }
  | { readonly at: 'move'; readonly topology: string; readonly pipeline: string }
  | { readonly at: 'place'; readonly topology: string; readonly database: string }
  | { readonly at: 'verified'; readonly topology: string; readonly channel: string; readonly database: string }
  | { readonly at: 'check'; readonly topology: string; readonly set: string }
  | { readonly at: 'checked'; readonly topology: string; readonly set: string; readonly region: string }
  | { readonly at: 'audit'; readonly topology: string; readonly id: string }
  | { readonly at: 'watch'; readonly topology: string }
  | { readonly at: 'alert'; readonly topology: string; readonly name: string }
  | { readonly at: 'silence'; readonly topology: string; readonly address: string }
  | { readonly at: 'trial'; readonly topology: string; readonly id: string };

/** For every kind of key its form, the record it holds and who writes it; `docs/reference/state.md` is written from it. */
export const KEY_KINDS: Readonly<
  Record<
    ParsedKey['at'] | 'departure' | 'planPart' | 'batch' | 'change',
    { readonly form: string; readonly record: string | null; readonly writer: string }
  >
> = {
  meta: { form: 'meta', record: 'MetaRecord', writer: 'apply' },
  lock: { form: 'lock', record: 'LockRecord', writer: 'whoever applies, under a lease' },
  spec: { form: 'spec/KIND/NAME', record: 'SpecRecord', writer: 'apply' },
  status: { form: 'status/pipeline/NAME', record: 'PipelineRecord', writer: 'the node that owns the target' },
  departure: { form: 'status/database/NAME', record: 'DepartureRecord', writer: 'the node that gave the database up' },
  node: { form: 'nodes/NAME', record: 'NodeRecord', writer: 'the node, under its lease' },
  owner: { form: 'owner/DATABASE', record: 'OwnerRecord', writer: 'the owner, under its lease' },
  run: { form: 'runs/RUN/...', record: null, writer: 'apply: its journal, see [the plan as JSON](plan-json.md)' },
  planPart: { form: 'runs/RUN/plan/PART', record: 'PlanPartRecord', writer: 'apply' },
  batch: { form: 'runs/RUN/BATCH', record: 'BatchRecord', writer: 'apply' },
  change: { form: 'runs/RUN/BATCH/N', record: 'ChangeRecord', writer: 'apply' },
  history: { form: 'history/SERIAL', record: 'HistoryRecord', writer: 'apply' },
  pause: {
    form: 'pause/KIND/NAME',
    record: 'PauseRecord',
    writer: 'pause and resume; the nodes end one that has its time',
  },
  place: { form: 'place/DATABASE', record: 'PlaceRecord', writer: 'move' },
  skip: { form: 'skip/PIPELINE', record: 'SkipRecord', writer: 'skip, until it is done' },
  move: { form: 'move/PIPELINE', record: 'MoveRecord', writer: 'position set, until it is done' },
  verified: { form: 'verified/CHANNEL/DATABASE', record: 'VerifiedRecord', writer: 'the node that owns the database' },
  check: { form: 'check/SET', record: 'FilesCheckRecord', writer: 'verify of a file set, until it is done' },
  checked: { form: 'checked/SET/REGION', record: 'FilesCheckedRecord', writer: 'the node that serves the side' },
  audit: { form: 'audit/TIME-ID', record: 'AuditRecord', writer: 'every command that changes something' },
  watch: { form: 'watch', record: 'WatchRecord', writer: 'the node that judges the alerts, under its lease' },
  alert: { form: 'alert/NAME', record: 'AlertRecord', writer: 'the node that judges the alerts' },
  silence: { form: 'silence/ADDRESS', record: 'SilenceRecord', writer: 'alerts silence and unsilence' },
  trial: { form: 'trial/ID', record: 'TrialRecord', writer: 'alerts test, until it is answered' },
};

const ROOT = '/otter/';

/** Everything of a topology begins with this. */
export function topologyPrefix(topology: string): string {
  return `${ROOT}${encode(topology)}/`;
}

export function metaKey(topology: string): string {
  return `${topologyPrefix(topology)}meta`;
}

/** Who applies. */
export function lockKey(topology: string): string {
  return `${topologyPrefix(topology)}lock`;
}

/** All desired state, or that of one kind. */
export function specPrefix(topology: string, kind?: Kind): string {
  return `${topologyPrefix(topology)}spec/${kind === undefined ? '' : `${kind}/`}`;
}

export function specKey(topology: string, kind: Kind, name: string): string {
  return `${specPrefix(topology, kind)}${encode(name)}`;
}

export function statusPrefix(topology: string, kind?: StatusKind): string {
  return `${topologyPrefix(topology)}status/${kind === undefined ? '' : `${kind}/`}`;
}

export function statusKey(topology: string, kind: StatusKind, name: string): string {
  return `${statusPrefix(topology, kind)}${encode(name)}`;
}

export function nodesPrefix(topology: string): string {
  return `${topologyPrefix(topology)}nodes/`;
}

export function nodeKey(topology: string, name: string): string {
  return `${nodesPrefix(topology)}${encode(name)}`;
}

export function ownersPrefix(topology: string): string {
  return `${topologyPrefix(topology)}owner/`;
}

export function ownerKey(topology: string, database: string): string {
  return `${ownersPrefix(topology)}${encode(database)}`;
}

/** The journal of one apply, or of all. */
export function runsPrefix(topology: string, id?: string): string {
  return `${topologyPrefix(topology)}runs/${id === undefined ? '' : `${encode(id)}/`}`;
}

/** A key of an apply's journal; `path` are further segments, at least one. */
export function runKey(topology: string, id: string, ...path: readonly string[]): string {
  return `${runsPrefix(topology, id)}${path.map(encode).join('/')}`;
}

export function historyPrefix(topology: string): string {
  return `${topologyPrefix(topology)}history/`;
}

/** Not padded: readers sort by the number, not by the key. */
export function historyKey(topology: string, serial: number): string {
  return `${historyPrefix(topology)}${serial}`;
}

export function pausesPrefix(topology: string): string {
  return `${topologyPrefix(topology)}pause/`;
}

export function pauseKey(topology: string, kind: PausedKind, name: string): string {
  return `${pausesPrefix(topology)}${kind}/${encode(name)}`;
}

export function skipKey(topology: string, pipeline: string): string {
  return `${topologyPrefix(topology)}skip/${encode(pipeline)}`;
}

export function moveKey(topology: string, pipeline: string): string {
  return `${topologyPrefix(topology)}move/${encode(pipeline)}`;
}

export function placePrefix(topology: string): string {
  return `${topologyPrefix(topology)}place/`;
}

export function placeKey(topology: string, database: string): string {
  return `${placePrefix(topology)}${encode(database)}`;
}

export function verifiedPrefix(topology: string): string {
  return `${topologyPrefix(topology)}verified/`;
}

export function verifiedKey(topology: string, channel: string, database: string): string {
  return `${verifiedPrefix(topology)}${encode(channel)}/${encode(database)}`;
}

/** That somebody wants a file set compared. */
export function checkKey(topology: string, set: string): string {
  return `${topologyPrefix(topology)}check/${encode(set)}`;
}

export function checkedPrefix(topology: string): string {
  return `${topologyPrefix(topology)}checked/`;
}

export function checkedKey(topology: string, set: string, region: string): string {
  return `${checkedPrefix(topology)}${encode(set)}/${encode(region)}`;
}

export function auditPrefix(topology: string): string {
  return `${topologyPrefix(topology)}audit/`;
}

/** In the order of time, for times of this age of the world. */
export function auditKey(topology: string, atMs: number, id: string): string {
  return `${auditPrefix(topology)}${String(Math.max(0, Math.trunc(atMs))).padStart(13, '0')}-${encode(id)}`;
}

/** Which node judges the alerts. */
export function watchKey(topology: string): string {
  return `${topologyPrefix(topology)}watch`;
}

export function alertsPrefix(topology: string): string {
  return `${topologyPrefix(topology)}alert/`;
}

export function alertKey(topology: string, name: string): string {
  return `${alertsPrefix(topology)}${encode(name)}`;
}

export function silencesPrefix(topology: string): string {
  return `${topologyPrefix(topology)}silence/`;
}

export function silenceKey(topology: string, address: string): string {
  return `${silencesPrefix(topology)}${encode(address)}`;
}

export function trialKey(topology: string, id: string): string {
  return `${topologyPrefix(topology)}trial/${encode(id)}`;
}

/** The inverse of every key function above; null for what is none of them. */
export function parseKey(key: string): ParsedKey | null {
  if (!key.startsWith(ROOT)) return null;
  const segments = key.slice(ROOT.length).split('/').map(decode);
  if (!segments.every((segment) => segment !== null)) return null;
  const [topology, room, ...rest] = segments;
  if (topology === undefined || room === undefined) return null;
  const [first, second] = rest;
  switch (room) {
    case 'meta':
    case 'lock':
    case 'watch':
      return first === undefined ? { at: room, topology } : null;
    case 'spec':
      return rest.length === 2 && isKind(first) ? { at: 'spec', topology, kind: first, name: second! } : null;
    case 'status':
      return rest.length === 2 && (isKind(first) || first === 'pipeline')
        ? { at: 'status', topology, kind: first, name: second! }
        : null;
    case 'nodes':
      return rest.length === 1 ? { at: 'node', topology, name: first! } : null;
    case 'place':
      return rest.length === 1 ? { at: 'place', topology, database: first! } : null;
    case 'owner':
      return rest.length === 1 ? { at: 'owner', topology, database: first! } : null;
    case 'runs':
      return rest.length >= 2 ? { at: 'run', topology, id: first!, path: rest.slice(1) } : null;
    case 'history':
      return rest.length === 1 && /^[1-9]\d{0,14}$/.test(first!)
        ? { at: 'history', topology, serial: Number(first) }
        : null;
    case 'pause':
      return rest.length === 2 && (first === 'channel' || first === 'pipeline')
        ? { at: 'pause', topology, kind: first, name: second! }
        : null;
    case 'skip':
    case 'move':
      return rest.length === 1 ? { at: room, topology, pipeline: first! } : null;
    case 'verified':
      return rest.length === 2 ? { at: 'verified', topology, channel: first!, database: second! } : null;
    case 'check':
      return rest.length === 1 ? { at: 'check', topology, set: first! } : null;
    case 'checked':
      return rest.length === 2 ? { at: 'checked', topology, set: first!, region: second! } : null;
    case 'audit':
    case 'trial':
      return rest.length === 1 ? { at: room, topology, id: first! } : null;
    case 'alert':
      return rest.length === 1 ? { at: 'alert', topology, name: first! } : null;
    case 'silence':
      return rest.length === 1 ? { at: 'silence', topology, address: first! } : null;
    default:
      return null;
  }
}

function isKind(text: string | undefined): text is Kind {
  return (KINDS as readonly string[]).includes(text ?? '');
}

function encode(name: string): string {
  return encodeURIComponent(name);
}

/** Null for a segment that `encode` never writes, so that two keys never parse to the same name. */
function decode(segment: string): string | null {
  try {
    const name = decodeURIComponent(segment);
    return encode(name) === segment ? name : null;
  } catch {
    return null;
  }
}
