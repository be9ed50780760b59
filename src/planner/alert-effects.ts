/** What a change of an alert, or of a receiver, does. */
import type { AlertSpec, ReceiverSpec } from '../model/topology.ts';
import type { Effect } from './change.ts';
import type { RawChange } from './diff.ts';

export function alertEffects({ before, after }: RawChange): Effect[] {
  if (after === null) return [{ risk: 'low', text: 'nobody is told any more, nor that an incident under way is over' }];
  const { when, notify, do: does } = after as unknown as AlertSpec;
  const told =
    notify.length === 0
      ? 'it is seen with `otter alerts`'
      : `${notify.join(', ')} ${notify.length === 1 ? 'is' : 'are'} told`;
  const effects: Effect[] = [{ risk: 'low', text: `when ${when}: ${told}` }];
  if (does === undefined || (before as unknown as AlertSpec | null)?.do === does) return effects;
  const text =
    does === 'resume'
      ? 'what somebody has paused goes on by itself when it fires'
      : 'pipelines are stopped and go on by themselves when it fires';
  return [...effects, { risk: 'medium', text }];
}

export function receiverEffects({ after }: RawChange): Effect[] {
  if (after === null) return [{ risk: 'low', text: 'is told nothing any more' }];
  return 'command' in (after as unknown as ReceiverSpec)
    ? [{ risk: 'medium', text: 'the node that judges the alerts runs this program' }]
    : [];
}
