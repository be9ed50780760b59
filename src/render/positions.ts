/** Where pipelines stand, for people: where each has come to, where its source's log ends, and what lies between. */
import type { PlaceJson, PositionJson } from '../model/position-json.ts';
import { printable } from './width.ts';

export function renderPositions(positions: readonly PositionJson[]): string {
  if (positions.length === 0) return 'No such pipeline.\n';
  return positions.map(one).join('\n');
}

function one({ pipeline, source, at, end, behind, lag_ms }: PositionJson): string {
  const lag =
    lag_ms === null ? 'lag not reported' : `lag ${lag_ms < 10_000 ? `${lag_ms} ms` : `${Math.round(lag_ms / 1000)} s`}`;
  const unit = behind?.of === 'bytes' ? 'byte' : 'transaction';
  const between = behind === null ? null : `${behind.count} ${unit}${behind.count === 1 ? '' : 's'}`;
  const facts: [name: string, fact: string][] = [
    ['stands at', at === null ? 'not begun, or not to be asked' : place(at)],
    [`${source} ends at`, end === null ? 'not to be asked' : place(end)],
    ['behind', [between, lag].filter((each) => each !== null).join(', ')],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  return `${[
    pipeline,
    // In one line each: positions are copied from here.
    ...facts.map(([name, fact]) => `  ${name.padEnd(width)}${printable(fact)}`),
  ].join('\n')}\n`;
}

function place({ position, gtid, file, time }: PlaceJson): string {
  const parts = [gtid ?? (file === null ? position : null), file, time];
  return parts.filter((part) => part !== null && part !== '').join(', ');
}
