/**
 * Dates and times as the log stores them since MySQL 5.6, written as the server prints them, in UTC.
 * Source: MySQL `my_time.cc` (packed formats), which MariaDB shares with `mysql56_temporal_format=ON`.
 */
import type { Cursor } from './cursor.ts';

const TWO: readonly string[] = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'));

/** DATE: three bytes. */
export function readDate(c: Cursor): string {
  const v = c.uint(3);
  return `'${dateText(v >>> 9, (v >>> 5) & 15, v & 31)}'`;
}

/**
 * DATETIME(fsp): 40 bits big endian, then the fraction. Year and month share a number in base 13. What was printed last of a column,
 * up to the minute, is kept: rows that follow each other in a log are mostly near each other in time too.
 */
export function datetimeDecoder(fsp: number): (c: Cursor) => string {
  const fractionBytes = (fsp + 1) >> 1;
  let lastYearMonth = -1;
  let lastMinute = -1;
  let text = '';
  return (c) => {
    const high = c.uintBE(2) - 0x8000;
    const low = c.uintBE(3);
    // 17 bits of year and month, of which the upper 16 - 1 lie in `high`: 40 = sign + 17 + 5 + 5 + 6 + 6.
    const yearMonth = high * 4 + (low >>> 22);
    const minute = (low >>> 6) & 0xffff;
    if (yearMonth !== lastYearMonth || minute !== lastMinute) {
      text = `'${minuteText(yearMonth, low)}:`;
      lastYearMonth = yearMonth;
      lastMinute = minute;
    }
    const fraction = fractionBytes === 0 ? '' : fractionText(c.uintBE(fractionBytes), fsp);
    return `${text}${TWO[low & 63]!}${fraction}'`;
  };
}

/**
 * @param yearMonth year times 13, and month
 * @param low 5 bits of day, 5 of hour, 6 of minute, 6 of second, below others
 * @param fraction in as many digits as `fsp` says, rounded up to even
 */
export function datetimeText(yearMonth: number, low: number, fraction: number, fsp: number): string {
  return `${minuteText(yearMonth, low)}:${TWO[low & 63]}${fractionText(fraction, fsp)}`;
}

function minuteText(yearMonth: number, low: number): string {
  const date = dateText(Math.floor(yearMonth / 13), yearMonth % 13, (low >>> 17) & 31);
  return `${date} ${TWO[(low >>> 12) & 31]}:${TWO[(low >>> 6) & 63]}`;
}

/** TIMESTAMP(fsp): seconds since 1970, big endian; zero is the zero date. MariaDB 11.5 uses all 32 bits. Kept as `datetimeDecoder` does. */
export function timestampDecoder(fsp: number): (c: Cursor) => string {
  let lastMinute = -1;
  let text = '';
  return (c) => {
    const seconds = c.uintBE(4);
    const fraction = readFraction(c, fsp);
    if (seconds === 0) return `'0000-00-00 00:00:00${fraction}'`;
    const minute = Math.floor(seconds / 60);
    if (minute !== lastMinute) {
      // Of `2026-01-31T23:59:00.000Z`.
      const iso = new Date(minute * 60_000).toISOString();
      text = `'${iso.slice(0, 10)} ${iso.slice(11, 16)}:`;
      lastMinute = minute;
    }
    return `${text}${TWO[seconds - minute * 60]!}${fraction}'`;
  };
}

/** TIME(fsp): hours, minutes, seconds and fraction as one offset number, so negative ones borrow from the fraction. */
export function readTime(c: Cursor, fsp: number): string {
  const fractionBytes = (fsp + 1) >> 1;
  const total = c.uintBE(3) * 256 ** fractionBytes + (fractionBytes === 0 ? 0 : c.uintBE(fractionBytes));
  const value = total - 0x80_0000 * 256 ** fractionBytes;
  const size = Math.abs(value);
  const whole = Math.floor(size / 256 ** fractionBytes);
  return `'${timeText(value < 0, whole, size % 256 ** fractionBytes, fsp)}'`;
}

/** @param whole 10 bits of hour, 6 of minute, 6 of second */
export function timeText(negative: boolean, whole: number, fraction: number, fsp: number): string {
  const hour = (whole >>> 12) & 0x3ff;
  const text = `${hour < 100 ? TWO[hour] : hour}:${TWO[(whole >>> 6) & 63]}:${TWO[whole & 63]}`;
  return `${negative ? '-' : ''}${text}${fractionText(fraction, fsp)}`;
}

/** 1 or 2 digits take a byte, 3 or 4 two, 5 or 6 three. */
function readFraction(c: Cursor, fsp: number): string {
  return fsp === 0 ? '' : fractionText(c.uintBE((fsp + 1) >> 1), fsp);
}

/** @param value in hundredths, ten thousandths or millionths, by how many bytes `fsp` takes */
function fractionText(value: number, fsp: number): string {
  if (fsp === 0) return '';
  const pairs = (fsp + 1) >> 1;
  let text = `.${TWO[pairs === 1 ? value : pairs === 2 ? Math.floor(value / 100) : Math.floor(value / 10_000)]!}`;
  if (pairs === 3) text += TWO[Math.floor(value / 100) % 100]!;
  if (pairs > 1) text += TWO[value % 100]!;
  return text.length > fsp + 1 ? text.slice(0, fsp + 1) : text;
}

function dateText(year: number, month: number, day: number): string {
  const years = year < 1000 ? String(year).padStart(4, '0') : year;
  return `${years}-${TWO[month]}-${TWO[day]}`;
}
