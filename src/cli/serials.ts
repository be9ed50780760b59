/** Which serials a person means: `41`, `41..42`, `HEAD`, `HEAD~2`. */
import { OtterError } from '../model/error.ts';
import type { HistoryRecord } from '../model/records.ts';

/** @throws OtterError OT7001 for what is no serial, OT7002 for one that is not there */
export function serialOf(text: string, history: readonly HistoryRecord[]): number {
  const match = /^(?:(\d+)|(?:HEAD|head)(?:~(\d{1,9}))?)$/.exec(text);
  if (match === null) {
    throw new OtterError('OT7001', `\`${text}\` is not a serial: applied changes are counted 1, 2, 3`, {
      hint: '`otter history` lists them; `otter show 3` says what the third one changed; HEAD is the last, HEAD~1 the one before.',
    });
  }
  const [, number, back] = match;
  const found =
    number === undefined ? history.at(-1 - Number(back ?? 0)) : history.find(({ serial }) => serial === Number(number));
  if (found === undefined) {
    const first = history[0]?.serial ?? 1;
    const gone = number !== undefined && Number(number) > 0 && Number(number) < first;
    const why = gone
      ? `serial ${text} is not kept any more: the first that is, is ${first}`
      : `there is no serial ${text}`;
    throw new OtterError('OT7002', why, { hint: '`otter history` lists them.' });
  }
  return found.serial;
}

/** From one to another; the last where one is left out. */
export function rangeOf(text: string, history: readonly HistoryRecord[]): readonly [from: number, to: number] {
  const [from = '', to = '', ...more] = text.split('..');
  if (more.length > 0 || from === '') serialOf(text, []);
  return [serialOf(from, history), serialOf(to === '' ? 'HEAD' : to, history)];
}
