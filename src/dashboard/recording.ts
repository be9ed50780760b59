/**
 * A session of the dashboard as lines of JSON: the first says what it is, every other when something became known and what.
 * Rows are never in it: conflicts with their values are left out, and so is what a conflict is asked for.
 */
import { OtterError } from '../model/error.ts';
import { isReportForm } from './recorded-form.ts';
import type { DashboardItem } from './store.ts';

export interface Recorded {
  /** ms since 1970. */
  readonly at: number;
  readonly item: DashboardItem;
}

const FORMAT = 1;

/** The first line. */
export function recordingHead(topology: string): string {
  return JSON.stringify({ otter_dashboard: FORMAT, topology });
}

/** Null for what is not to be kept. */
export function recordedLine(item: DashboardItem, at: number): string | null {
  if ('asked' in item) {
    const { answer } = item;
    if ('failed' in answer || answer.kind === 'conflicts' || answer.kind === 'conflict') return null;
  }
  return JSON.stringify({ at, item } satisfies Recorded);
}

/** Items as they are read. @throws OtterError OT8200 for a file that is none; a last line that was cut, as by a kill, is left out */
export function* readRecording(lines: Iterable<string>, file: string): Generator<Recorded, void, void> {
  let number = 0;
  let items = 0;
  /** The line that is no JSON. */
  let cut: number | null = null;
  for (const line of lines) {
    if (line === '') continue;
    number += 1;
    if (cut !== null) throw notUnderstood(file, cut);
    const value = parsed(line);
    if (number === 1) checkHead(value, file);
    else if (value === null) cut = number;
    else if (isRecorded(value)) {
      items += 1;
      yield value;
    } else throw notUnderstood(file, number);
  }
  if (number === 0) checkHead(null, file);
  if (items === 0) throw notOne(file, 'nothing was recorded in it');
}

function checkHead(head: unknown, file: string): void {
  if (!isHead(head)) throw notOne(file, 'its first line does not say that it is one');
  if (head.otter_dashboard !== FORMAT)
    throw notOne(file, `it is of format ${String(head.otter_dashboard)}, and this otter reads ${FORMAT}`);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}

function isHead(value: unknown): value is { readonly otter_dashboard: unknown } {
  return typeof value === 'object' && value !== null && 'otter_dashboard' in value;
}

function isRecorded(value: unknown): value is Recorded {
  if (typeof value !== 'object' || value === null || !('at' in value) || !('item' in value)) return false;
  const { at, item } = value;
  if (typeof at !== 'number' || typeof item !== 'object' || item === null) return false;
  return 'away' in item || 'note' in item || 'asked' in item || isReportForm(item);
}

function notUnderstood(file: string, line: number): OtterError {
  return notOne(file, `line ${line} is not understood`);
}

function notOne(file: string, why: string): OtterError {
  return new OtterError('OT8200', `${file} is no recording of the dashboard: ${why}`, {
    hint: 'One is made with: otter dashboard --record FILE',
  });
}
