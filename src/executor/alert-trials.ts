/**
 * Notices that somebody wants sent to see whether they arrive: a record in the state store, which the node that judges the alerts answers as it
 * would send any other, and who asked takes away.
 */
import type { TrialRecord } from '../model/alerts/records.ts';
import type { StateStore } from '../model/ports.ts';
import { trialNotice } from '../observe/alerts/notice.ts';
import type { Rule } from '../observe/alerts/step.ts';
import { trialKey } from '../state/keys.ts';
import { type Tell, toldError } from './telling.ts';
import type { World } from './world.ts';

export interface Trying {
  readonly store: StateStore;
  readonly topology: string;
  readonly node: string;
  readonly world: World;
  readonly tell: Tell;
  readonly now: () => number;
}

/** Who asked has gone without taking its record away. */
const LEFT_MS = 600_000;

/** A trial that nobody has answered yet: its id, and the sending. */
export interface Trial {
  readonly id: string;
  readonly answer: (signal: AbortSignal) => Promise<void>;
}

export function openTrials(trying: Trying, rules: readonly Rule[]): readonly Trial[] {
  return trying.world.all<TrialRecord, 'trial'>('trial').flatMap(({ key: { id }, record, revision }) => {
    if (record.result !== null) return [];
    return [{ id, answer: async (signal) => answer(trying, rules, id, record, revision, signal) }];
  });
}

/** Those that were left behind. */
export function leftTrials({
  world,
  topology,
  now,
}: Trying): readonly { readonly key: string; readonly revision: number }[] {
  return world
    .all<TrialRecord, 'trial'>('trial')
    .flatMap(({ key: { id }, record: { at }, revision }) =>
      now() - Date.parse(at) >= LEFT_MS ? [{ key: trialKey(topology, id), revision }] : [],
    );
}

async function answer(
  { store, topology, node, world, tell, now }: Trying,
  rules: readonly Rule[],
  id: string,
  record: TrialRecord,
  revision: number,
  signal: AbortSignal,
): Promise<void> {
  const rule = rules.find(({ name }) => name === record.alert) ?? null;
  const notice = trialNotice(id, rule, now(), { topology, node });
  const each = await Promise.all(
    record.receivers.map(async (name) => {
      const spec = world.spec('notify', name)?.record.spec;
      const error =
        spec === undefined
          ? { code: 'OT8155', message: `${name} is no receiver any more` }
          : await toldError(tell(spec, notice, signal));
      return [name, error] as const;
    }),
  );
  if (signal.aborted) return;
  const key = trialKey(topology, id);
  const value = JSON.stringify({ ...record, result: Object.fromEntries(each), node } satisfies TrialRecord);
  // Who asked may have given up.
  const result = await store.commit({ conditions: [{ key, revision }], puts: [{ key, value }], deletes: [] });
  if (result.ok) world.wrote({ key, value, revision: result.revision, created: revision });
}
