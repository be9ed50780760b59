/** A desk with hand-made answers, for what the dashboard does with them; the real one is tested on real servers. */
import type { Deed, Desk, RunSeen } from '../../src/dashboard/desk.ts';
import type { ConflictJson } from '../../src/model/conflict-json.ts';
import { OtterError } from '../../src/model/error.ts';

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
