/** What a plan does in all, in a few lines: how much is copied, which pipelines end, begin anew or pause. */
import type { Copy } from '../planner/copies.ts';
import type { Impact } from '../planner/impact.ts';

export function impactLines({
  ended,
  anew,
  paused,
  positions_lost: lost,
  copies,
  one_copy: oneCopy,
}: Impact): string[] {
  return [
    ...(copies.length === 0 ? [] : [copyLine(copies)]),
    ...pipelineLine('end', ended),
    ...pipelineLine('begin anew', anew),
    ...pipelineLine('pause', paused),
    ...(lost.length === 0 ? [] : [`positions that are lost: ${listed(lost)}`]),
    ...oneCopy.map(({ channel, regions }) =>
      regions.length < 2
        ? `rows of channel ${channel} are kept in ${regions[0] ?? 'no region'} alone from then on`
        : `rows of channel ${channel} are not kept the same in ${regions.join(' and ')} any more`,
    ),
  ];
}

/** `2 pipelines end: ...`. */
function pipelineLine(verb: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const [first, ...rest] = verb.split(' ');
  const does = [names.length === 1 ? `${first!}s` : first!, ...rest].join(' ');
  return [`${names.length} ${names.length === 1 ? 'pipeline' : 'pipelines'} ${does}: ${listed(names)}`];
}

function copyLine(copies: readonly Copy[]): string {
  const ways = listed([...new Set(copies.map(({ source, target }) => `${source} to ${target}`))]);
  const sum = (of: 'rows' | 'bytes' | 'seconds'): number | null =>
    copies.reduce<number | null>((total, copy) => (total === null || copy[of] === null ? null : total + copy[of]), 0);
  const [rows, bytes, seconds] = [sum('rows'), sum('bytes'), sum('seconds')];
  if (rows === null) return `rows are copied from ${ways}; how many, the databases say: --live`;
  const time = seconds === null ? '' : `, ${timeWords(seconds)} at the speed that is measured now`;
  return `about ${count(rows)} rows (${size(bytes ?? 0)}) are copied from ${ways}${time}`;
}

const LISTED_MAX = 8;

function listed(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return rest > 0 ? `${names.slice(0, LISTED_MAX).join(', ')} and ${rest} more` : names.join(', ');
}

/** 1,234,567 */
function count(number: number): string {
  return String(number).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]!}`;
}

function timeWords(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
