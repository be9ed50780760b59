/**
 * When a write was made, for policies in which the later one wins.
 *
 * Rule kept: stamps decide only between writes of which neither had seen the other; what had seen a write is never
 * compared with it. So a clock that is wrong, or a column that runs backwards, costs nobody the equality of the sites.
 */
import type { Image, Stamp } from '../../model/row.ts';

export type { Stamp } from '../../model/row.ts';

/** Whether `one` is later than `other`; of two equal ones neither is. */
export function isLater(one: Stamp, other: Stamp): boolean {
  return one.order > other.order || (one.order === other.order && one.clock > other.clock);
}

/**
 * The stamp of a change.
 * @param by index of the column that stands in for the time, in the images; null: none does
 */
export function stampOf(clock: number, by: number | null, before: Image | null, after: Image | null): Stamp {
  return { order: by === null ? clock : orderOf((after ?? before)![by] ?? null), clock };
}

const DATE = /^'(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?'$/;
/** Years of 13 months of 32 days, so that a zero month and a zero day have their place, counted from 1970. */
const FIRST_DAY = 1970 * 13 * 32;

/**
 * A number that grows with the value of a literal: of numbers, and of dates and times. NULL comes before everything. Where a
 * double has no room for the difference (integers above 2^53, microseconds after the year 2200) neighbours come out equal.
 */
export function orderOf(value: string | null): number {
  if (value === null) return Number.NEGATIVE_INFINITY;
  const date = DATE.exec(value);
  if (date === null) {
    const number = Number(value);
    return Number.isNaN(number) ? Number.NEGATIVE_INFINITY : number;
  }
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = date;
  const day0 = (Number(year) * 13 + Number(month)) * 32 + Number(day) - FIRST_DAY;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return (day0 * 86_400 + seconds) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}
