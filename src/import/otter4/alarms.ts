/** Otter 4's alarm rules as alerts, and the people whom it told. */
import type { Item, Value } from '../draft.ts';
import { Names } from '../names.ts';
import type { Alarm, Manager } from './manager.ts';

export interface Alarms {
  readonly alerts: readonly Item[];
  readonly notify: readonly Item[];
  readonly notes: readonly string[];
}

/** @param channelsOf the channels that a pipeline became */
export function alarmsOf(manager: Manager, channelsOf: ReadonlyMap<number, readonly string[]>): Alarms {
  const names = new Names();
  const receivers = receiversOf(manager);
  const notes: string[] = [];
  const off = manager.alarms.filter(({ status }) => status !== 'ENABLE').length;
  if (off > 0)
    notes.push(
      `${off} alarm ${off === 1 ? 'rule that was' : 'rules that were'} off ${off === 1 ? 'is' : 'are'} left out.`,
    );
  const alerts = manager.alarms.flatMap((alarm): Item[] => {
    if (alarm.status !== 'ENABLE') return [];
    const rule = ruleOf(alarm);
    const [channel] = channelsOf.get(alarm.pipeline) ?? [];
    if ('problem' in rule || channel === undefined) {
      const why = 'problem' in rule ? rule.problem : 'its pipeline is';
      notes.push(`The alarm ${alarm.monitor} ${alarm.value} of pipeline ${alarm.pipeline} is left out: ${why}.`);
      return [];
    }
    const receiver = receivers.byKey.get(alarm.receiver);
    return [
      {
        name: names.make(`${channel}-${rule.name}`, 'alarm'),
        fields: {
          channel,
          when: rule.when,
          between: timesOf(alarm.times),
          repeat: `${Math.max(1, Math.round(alarm.intervalSeconds))}s`,
          notify: receiver === undefined ? undefined : [receiver],
          do: alarm.recovers ? 'restart' : undefined,
        },
        notes: [
          ...rule.notes,
          ...(receiver === undefined
            ? [`Its receiver (${alarm.receiver || 'none'}) is not known: name one under \`notify\`.`]
            : []),
        ],
      },
    ];
  });
  return { alerts, notify: receivers.items, notes };
}

interface Rule {
  readonly name: string;
  readonly when: string;
  readonly notes: readonly string[];
}

function ruleOf({ monitor, value }: Alarm): Rule | { readonly problem: string } {
  const seconds = Number(value);
  const isTime = Number.isFinite(seconds) && seconds > 0;
  switch (monitor) {
    case 'DELAYTIME':
    case 'POSITIONTIMEOUT':
    case 'PROCESSTIMEOUT':
    case 'PIPELINETIMEOUT': {
      if (!isTime) return { problem: `${value} is no time` };
      const { name, fact, note } = TIMEOUTS[monitor];
      return {
        name,
        when: `${fact} > ${Math.round(seconds)}s`,
        notes: note === null ? [] : [`Was ${monitor}: ${note}`],
      };
    }
    case 'EXCEPTION':
      return exceptionOf(value);
    default:
      return { problem: 'nothing here measures that' };
  }
}

const TIMEOUTS = {
  DELAYTIME: { name: 'lag', fact: 'lag', note: null },
  POSITIONTIMEOUT: { name: 'stuck', fact: 'idle', note: 'here beats move the position, also when nobody writes.' },
  PROCESSTIMEOUT: { name: 'slow', fact: 'lag', note: 'what is in flight for long is late.' },
  PIPELINETIMEOUT: { name: 'quiet', fact: 'quiet', note: 'a quiet table is no fault; take it out if nobody minds.' },
} as const;

/** Words that every error there had, and none has here. */
const ANY_ERROR = new Set(['error', 'exception']);

function exceptionOf(value: string): Rule {
  const words = value.split(',').map((word) => word.trim());
  const wanted = words.filter((word) => word !== '');
  if (wanted.length === 0 || wanted.some((word) => ANY_ERROR.has(word.toLowerCase()))) {
    const notes = [`Was EXCEPTION for messages with ${value}: here what needs somebody stops its pipeline.`];
    return { name: 'failed', when: 'phase = failed', notes };
  }
  const pattern = wanted.map((word) => word.replace(/[\\^$.*+?()[\]{}|"]/g, '\\$&')).join('|');
  return { name: 'error', when: `error ~ "${pattern}"`, notes: [`Was EXCEPTION for messages with ${value}.`] };
}

/** Undefined: always, as times were taken that could not be understood. */
function timesOf(text: string): Value | undefined {
  const times = text.split(',').flatMap((one) => {
    const [, from, to] = /^\s*(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s*$/.exec(one) ?? [];
    return from === undefined || to === undefined ? [] : [`${from.padStart(5, '0')}-${to.padStart(5, '0')}`];
  });
  const valid = times.filter((one) => /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$/.test(one));
  return valid.length === 0 ? undefined : valid;
}

function receiversOf({ system, alarms }: Manager): { readonly items: Item[]; readonly byKey: Map<string, string> } {
  const names = new Names();
  const byKey = new Map<string, string>();
  const used = new Set(alarms.filter(({ status }) => status === 'ENABLE').map(({ receiver }) => receiver));
  const items = [...system.receivers].flatMap(([key, addresses]): Item[] => {
    if (!used.has(key) || addresses.length === 0) return [];
    const name = names.make(key, 'ops');
    byKey.set(key, name);
    return [{ name, fields: { email: { to: addresses } }, notes: [] }];
  });
  return { items, byKey };
}
