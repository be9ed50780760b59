import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecording, recordedLine, recordingHead } from '../../src/dashboard/recording.ts';
import type { DashboardItem } from '../../src/dashboard/store.ts';
import { OPEN_CONFLICT, pretendDesk } from './desk.ts';
import { FAILED, HEALTHY } from './reports.ts';

const recorded = (...items: readonly DashboardItem[]): string =>
  [recordingHead('shop'), ...items.flatMap((item, at) => recordedLine(item, at) ?? [])].join('\n');

describe('a recording', () => {
  it('gives back what was known and when', async () => {
    const past = { kind: 'past' as const, value: await pretendDesk(false).past(new AbortController().signal) };
    const items: DashboardItem[] = [
      HEALTHY,
      { away: 'no answer' },
      FAILED,
      { note: 'n' },
      { asked: 'past', answer: past },
    ];
    expect(readRecording(recorded(...items), 'f')).toEqual(items.map((item, at) => ({ at, item })));
  });

  it('holds no row', () => {
    const conflict: DashboardItem = { asked: 'conflict ca:7', answer: { kind: 'conflict', value: OPEN_CONFLICT } };
    const conflicts: DashboardItem = {
      asked: 'conflicts',
      answer: { kind: 'conflicts', value: { conflicts: [OPEN_CONFLICT], unread: [] } },
    };
    const failed: DashboardItem = { asked: 'conflicts', answer: { failed: "duplicate entry 'Lee'" } };
    expect(recorded(HEALTHY, conflict, conflicts, failed)).not.toMatch(/Hangzhou|Lee/);
  });

  it('that was cut in its last line is read up to there', () => {
    const text = recorded(HEALTHY, FAILED, HEALTHY);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: text.split('\n').at(-1)!.length - 1 }), (cut) => {
        expect(readRecording(text.slice(0, -cut), 'f')).toHaveLength(2);
      }),
    );
  });

  it.each([
    ['', 'its first line does not say'],
    ['{}', 'its first line does not say'],
    ['not json\n{}', 'its first line does not say'],
    ['{"otter_dashboard":2}', 'it is of format 2'],
    ['{"otter_dashboard":1}', 'nothing was recorded'],
    ['{"otter_dashboard":1}\n{"at":"x","item":{}}\n{"at":1,"item":{"note":"n"}}', 'line 2 is not understood'],
    ['{"otter_dashboard":1}\n{"at":1,"item":{"note":"n"}}\n{"at":1,"item":null}', 'line 3 is not understood'],
  ])('is not %j', (text, why) => {
    expect(() => readRecording(text, 'f')).toThrowError(
      expect.objectContaining({ code: 'OT8200', message: expect.stringContaining(why) }),
    );
  });
});
