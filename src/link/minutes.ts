/** A node's history on its own port: the question as the path of a request, and the answer. */
import { type MinuteRecord, type MinutesAnswer, type MinutesQuery, NO_COUNTS } from '../model/minutes.ts';
import { ask } from './ask.ts';
import type { Credentials } from './credentials.ts';
import { list, number, parseJson, record, string } from './decode.ts';

export const MINUTES_PATH = '/otter/minutes';

/** @throws as `ask` */
export async function askMinutes(
  advertise: string,
  { channel, pipeline, since, stepMs }: MinutesQuery,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<MinutesAnswer> {
  const query = new URLSearchParams({ channel, since: String(since), step: String(stepMs) });
  if (pipeline !== null) query.set('pipeline', pipeline);
  return ask(advertise, `${MINUTES_PATH}?${query}`, credentials, signal, answerOf);
}

/** Null when it is no such question. */
export function minutesQueryOf(path: string): MinutesQuery | null {
  if (!path.startsWith(`${MINUTES_PATH}?`)) return null;
  const query = new URLSearchParams(path.slice(MINUTES_PATH.length + 1));
  const [since, stepMs] = [Number(query.get('since') ?? Number.NaN), Number(query.get('step') ?? Number.NaN)];
  const channel = query.get('channel');
  if (channel === null || !Number.isFinite(since) || !(stepMs > 0) || !Number.isSafeInteger(Math.floor(stepMs)))
    return null;
  return { channel, pipeline: query.get('pipeline'), since, stepMs };
}

function answerOf(text: string): MinutesAnswer {
  const answer = record(parseJson(text));
  const minutes = list(answer['minutes']).map((one): MinuteRecord => {
    const minute = record(one);
    const sums = [...Object.keys(NO_COUNTS), 'looks', 'failing', 'lagLooks', 'lagSumMs', 'lagMaxMs', 'at'];
    for (const name of sums) number(minute[name]);
    string(minute['pipeline']);
    return minute as unknown as MinuteRecord;
  });
  return { node: string(answer['node']), minutes };
}
