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
    case 'PROCESSTIMEOUT': {
      if (!isTime) return { problem: `${value} is no time` };
      const note =
        monitor === 'DELAYTIME'
          ? []
          : [`Was ${monitor}: here a position that does not move is lag, since beats are written all the time.`];
      return { name: monitor === 'DELAYTIME' ? 'lag' : 'stuck', when: `lag > ${Math.round(seconds)}s`, notes: note };
    }
    case 'EXCEPTION':
      return {
        name: 'failed',
        when: 'phase = failed',
        notes: [`Was EXCEPTION for messages with ${value}: here every error has a code and stops its pipeline.`],
      };
    case 'PIPELINETIMEOUT':
      return { problem: 'that a table is quiet is no fault, and that a pipeline stands still is lag here' };
    default:
      return { problem: 'nothing here measures that' };
  }
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
