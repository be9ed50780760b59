import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Controller } from '../../src/dashboard/controller.ts';
import { frameText } from '../../src/dashboard/plain.ts';
import { type Recorded, readRecording, recordedLine, recordingHead } from '../../src/dashboard/recording.ts';
import type { DashboardItem } from '../../src/dashboard/store.ts';
import { glyphs } from '../../src/dashboard/theme.ts';
import { OPEN_CONFLICT, pretendDesk } from './desk.ts';
import { COPYING, FAILED, HEALTHY, NOW_MS } from './reports.ts';

const recorded = (...items: readonly DashboardItem[]): string =>
  [recordingHead('shop'), ...items.flatMap((item, at) => recordedLine(item, at) ?? [])].join('\n');

const read = (text: string): readonly Recorded[] => [...readRecording(text.split('\n'), 'f')];

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
    expect(read(recorded(...items))).toEqual(items.map((item, at) => ({ at, item })));
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
        expect(read(text.slice(0, -cut))).toHaveLength(2);
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
    expect(() => read(text)).toThrowError(
      expect.objectContaining({ code: 'OT8200', message: expect.stringContaining(why) }),
    );
  });

  it('whose reports lack anything, or have something else in its place, is refused or drawn all the same', () => {
    const places = ['overview', 'channels', 'pipelines', 'nodes', 'alerts', 'pipeline shop/ca:hz', 'node ca-1'];
    const drawn = (item: DashboardItem): void => {
      for (const place of places) {
        const controller = new Controller(null, () => NOW_MS, place);
        controller.push(item);
        controller.end();
        frameText(controller.getSnapshot(), { glyphs: glyphs(false), columns: 130, nowMs: NOW_MS });
      }
    };
    let refused = 0;
    for (const report of [FAILED, COPYING]) {
      for (const path of pathsOf(report)) {
        for (const put of [undefined, null, 5, {}]) {
          const text = recorded(changed(report, path, put));
          let items: readonly { readonly item: DashboardItem }[];
          try {
            items = read(`${text}\n${JSON.stringify({ at: 9, item: { note: 'the end' } })}`);
          } catch (error) {
            expect(error, path.join('.')).toMatchObject({ code: 'OT8200' });
            refused += 1;
            continue;
          }
          expect(() => drawn(items[0]!.item), `${path.join('.')} = ${String(put)}`).not.toThrow();
        }
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});

function pathsOf(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...pathsOf(inner).map((path) => [key, ...path])]);
}

/** @param put undefined: taken away */
function changed<T>(value: T, [key, ...rest]: readonly string[], put: unknown): T {
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  const inner = rest.length === 0 ? put : changed(copy[key!], rest, put);
  if (inner === undefined && !Array.isArray(copy)) delete copy[key!];
  else copy[key!] = inner;
  return copy as T;
}
