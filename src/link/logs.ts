/** The last lines of a node's log on its own port: the question as the path of a request, and the answer. */
import type { LogAnswer, LogLine, LogQuery } from '../model/log-lines.ts';
import { ask } from './ask.ts';
import type { Credentials } from './credentials.ts';
import { list, number, parseJson, record, string } from './decode.ts';

export const LOGS_PATH = '/otter/logs';
const LINES_MAX = 2_000;

/** @throws as `ask` */
export async function askLogs(
  advertise: string,
  { after, limit }: LogQuery,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<LogAnswer> {
  const query = new URLSearchParams({ after: String(after), limit: String(limit) });
  return ask(advertise, `${LOGS_PATH}?${query}`, credentials, signal, answerOf);
}

/** Null when it is no such question. */
export function logQueryOf(path: string): LogQuery | null {
  if (!path.startsWith(`${LOGS_PATH}?`)) return null;
  const query = new URLSearchParams(path.slice(LOGS_PATH.length + 1));
  const [after, limit] = [Number(query.get('after') ?? Number.NaN), Number(query.get('limit') ?? Number.NaN)];
  if (!Number.isSafeInteger(after) || !Number.isSafeInteger(limit) || after < 0 || limit < 0) return null;
  return { after, limit: Math.min(limit, LINES_MAX) };
}

function answerOf(text: string): LogAnswer {
  const answer = record(parseJson(text));
  const lines = list(answer['lines']).map((one): LogLine => {
    const line = record(one);
    const level = string(line['level']);
    return {
      seq: number(line['seq']),
      at: number(line['at']),
      level: level === 'error' || level === 'warn' ? level : 'info',
      message: string(line['message']),
      fields: record(line['fields']),
    };
  });
  return { node: string(answer['node']), instance: string(answer['instance']), lines };
}
