/** Times of alerts: durations as they are written and as they are said, and hours of a day in a time zone. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };

/** Milliseconds of `30s`, `5m`, `24h`; 0 for what is none, which the schema refuses. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return count === undefined ? 0 : Number(count) * UNITS_MS[unit!]!;
}

/** `850ms`, `3.2s`, `3m 12s`, `2h 5m`, `4d 3h`. */
export function saidDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${Math.floor(ms / 100) / 10}s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const parts: readonly [number, string][] =
    seconds < 3600
      ? [
          [Math.floor(seconds / 60), 'm'],
          [seconds % 60, 's'],
        ]
      : seconds < 86_400
        ? [
            [Math.floor(seconds / 3600), 'h'],
            [Math.floor((seconds % 3600) / 60), 'm'],
          ]
        : [
            [Math.floor(seconds / 86_400), 'd'],
            [Math.floor((seconds % 86_400) / 3600), 'h'],
          ];
  return parts
    .filter(([count], i) => i === 0 || count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

export function isZone(name: string): boolean {
  return formatOf(name) !== null;
}

/**
 * Whether the moment lies in one of the hours (`09:00-18:00`; `22:00-06:00` goes over midnight), by the clocks of the zone.
 * The end does not belong to them.
 */
export function isWithin(between: readonly string[], zone: string, nowMs: number): boolean {
  const format = formatOf(zone) ?? formatOf('UTC')!;
  const [hour, minute] = format.format(nowMs).split(':').map(Number);
  const now = hour! * 60 + minute!;
  return between.some((hours) => {
    const [from, to] = minutesOf(hours);
    return from < to ? now >= from && now < to : now >= from || now < to;
  });
}

/** Minutes since midnight. */
export function minutesOf(hours: string): [from: number, to: number] {
  const [, h1, m1, h2, m2] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(hours) ?? [];
  return [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
}

const formats = new Map<string, Intl.DateTimeFormat | null>();

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  let format: Intl.DateTimeFormat | null;
  try {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    format = null;
  }
  formats.set(zone, format);
  return format;
}
