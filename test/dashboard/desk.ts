/** A desk with hand-made answers, for what the dashboard does with them; the real one is tested on real servers. */
import type { Deed, Desk, RunSeen } from '../../src/dashboard/desk.ts';
import type { AlertJson, AlertsJson } from '../../src/model/alerts/alerts-json.ts';
import type { ConflictJson } from '../../src/model/conflict-json.ts';
import { OtterError } from '../../src/model/error.ts';
import type { StatsJson } from '../../src/model/stats-json.ts';

export const OPEN_CONFLICT: ConflictJson = {
  id: 'ca:7',
  database: 'ca',
  channel: 'shop',
  pipeline: 'shop/hz>ca',
  table: 'shop.customer',
  key: { id: '41' },
  kind: 'update/update',
  winner: 'none',
  rule: 'manual',
  state: 'open',
  decided: '2026-11-23T12:03:10.000Z',
  incoming_transaction: '0-1-4711',
  incoming_committed: '2026-11-23T12:03:09.000Z',
  incoming_clock: null,
  local_transaction: '0-2-815',
  local_clock: null,
  images: 'full',
  incoming: { id: '41', name: "'Lee'", city: "'Hangzhou'", points: '12' },
  local: { id: '41', name: "'Lee'", city: "'San Jose'", points: '10' },
  base: { id: '41', name: "'Lee'", city: "'Oakland'", points: '10' },
};

export const RUN: RunSeen = {
  id: '7-abc',
  serial: 7,
  operation: 'apply',
  state: 'done',
  at: '2026-11-23T12:00:00.000Z',
  by: 'ann',
  commit: '0123456789abcdef',
  batches: { done: 2, total: 2 },
  summary: { add: 1, change: 1, destroy: 0 },
  changes: [
    { address: 'channel.shop', symbol: '~', written: true, reason: 'tables differ', effects: ['copies shop.audit'] },
    { address: 'node.ca-1', symbol: '+', written: true, reason: 'is new', effects: [] },
  ],
};

const ALERT: AlertJson = {
  ...{ name: 'lag', on: 'channel.shop', when: 'lag > 30s', state: 'quiet', since: null, fired: null, ended: null },
  ...{ about: [], notice: null, told: [], silenced: null, does: null, past: [] },
};
const SILENCE = { address: 'node.ca-1', until: '2026-11-23T14:00:00.000Z', by: 'ann@desk', why: 'a move' };

export const ALERTS: AlertsJson = {
  topology: 'shop',
  judge: 'hz-1',
  alerts: [
    ALERT,
    { ...ALERT, name: 'away', on: 'node.ca-1', when: 'down', silenced: SILENCE },
    {
      ...{ ...ALERT, name: 'letters', when: 'dead_letters > 0', state: 'firing', since: '2026-11-23T12:03:26.000Z' },
      about: [{ name: 'shop/hz>ca', says: 'dead_letters 2' }],
    },
  ],
  receivers: [
    { name: 'ops', kind: 'slack', error: null },
    { name: 'mail', kind: 'email', error: { alert: 'letters', code: 'OT8154', message: 'answered with 550' } },
  ],
  silences: [SILENCE],
};

/** A day in half hours: nothing before noon, then a lag that comes and goes. */
export function historyOf(pipeline: string, lags: readonly number[] = [20, 40, 120_000, 30]): StatsJson {
  const until = Date.parse('2026-11-23T12:04:31Z');
  const stepMs = 1_800_000;
  const first = Math.floor(until / stepMs) * stepMs - (lags.length - 1) * stepMs;
  const counts = {
    ...{ inserts: 100, updates: 20, deletes: 3, others: 0, bytes: 4_000, transactions: 60, conflicts: 0, windows: 50 },
    ...{ load_s: 1, idle_s: 1_700, stall_s: 0, seen_s: 1_800, failing_s: 0 },
  };
  const worst = Math.max(0, ...lags);
  return {
    ...{ topology: 'shop', of: pipeline, step_s: stepMs / 1000, unread: [] },
    ...{ since: new Date(until - 86_400_000).toISOString(), until: new Date(until).toISOString() },
    pipelines: [
      {
        pipeline,
        total: {
          ...{ ...counts, inserts: counts.inserts * lags.length, failing_s: worst > 60_000 ? 95 : 0 },
          ...{ lag_mean_ms: lags.length === 0 ? null : 45, lag_max_ms: lags.length === 0 ? null : worst },
        },
        steps: lags.map((lag, index) => ({
          ...{ ...counts, at: new Date(first + index * stepMs).toISOString() },
          ...{ lag_mean_ms: lag / 2, lag_max_ms: lag },
        })),
      },
    ],
  };
}

/** What was done, in order. */
export const done: Deed[] = [];

export function pretendDesk(write: boolean): Desk {
  return {
    write,
    past: async () => ({
      runs: [RUN, { ...RUN, id: '8-def', serial: 8, state: 'cut', batches: { done: 1, total: 3 } }],
      audit: [
        {
          at: '2026-11-23T11:59:00.000Z',
          by: 'ann',
          author: null,
          host: 'desk',
          pid: 1,
          version: '0.1.0',
          command: 'pause',
          what: 'channel.shop',
          commit: null,
          result: 'done',
          code: null,
          serial: null,
          planDigest: null,
        },
      ],
    }),
    conflicts: async () => ({
      conflicts: [
        OPEN_CONFLICT,
        { ...OPEN_CONFLICT, id: 'hz:3', state: 'decided', winner: 'local', rule: 'site-priority' },
      ],
      unread: [],
    }),
    conflict: async (id) => {
      if (id === OPEN_CONFLICT.id) return OPEN_CONFLICT;
      throw new OtterError('OT7009', `there is no conflict ${id}`, { hint: 'Look at the list.' });
    },
    tables: async () => ({
      entries: [
        {
          from: 'shop.*',
          to: 'shop.*',
          tables: [
            { database: 'hz', table: 'shop.customer', target: 'shop.customer' },
            { database: 'hz', table: 'shop.orders', target: 'shop.orders' },
          ],
        },
      ],
      away: [],
    }),
    alerts: async () => ALERTS,
    history: async (pipeline) => historyOf(pipeline),
    yaml: async (address) => [`# ${address} as applied`, 'shop:', '  direction:', '    kind: between'],
    perform: async (deed, telling) => {
      telling.say(`about to ${deed.kind}`);
      if (!(await telling.ask(`To ${deed.kind} it`, 'yes'))) return null;
      done.push(deed);
      telling.say('it was done');
      return null;
    },
  };
}
