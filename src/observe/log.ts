/** pino behind the Logger port: JSON lines off a terminal, short readable lines on one. */
import { pino } from 'pino';
import type { Fields, Logger } from '../model/ports.ts';

export interface LogOptions {
  readonly stream: { write(text: string): unknown };
  /** pino's names: debug, info, warn, error, silent. */
  readonly level: string;
  /** Readable lines instead of JSON. */
  readonly readable: boolean;
}

const LEVELS: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

export function createLogger({ stream, level, readable }: LogOptions): Logger {
  const target = readable ? { write: (line: string) => stream.write(readableLine(line)) } : stream;
  const log = pino(
    { level: LEVELS.has(level) ? level : 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    target as { write(line: string): void },
  );
  return wrap(log, {});
}

function wrap(log: pino.Logger, own: Fields): Logger {
  return {
    debug: (message, fields = {}) => log.debug(besides(own, fields), message),
    info: (message, fields = {}) => log.info(besides(own, fields), message),
    warn: (message, fields = {}) => log.warn(besides(own, fields), message),
    error: (message, fields = {}) => log.error(besides(own, fields), message),
    child: (fields) => {
      const more = besides(own, fields);
      return wrap(log.child(more), { ...own, ...more });
    },
  };
}

/**
 * What is told beside the fields that a line has already, so that none is there twice: the line of a node about another node is its own,
 * and the other is `other_node`.
 */
export function besides(own: Fields, fields: Fields): Fields {
  const more = Object.entries(fields).flatMap(([name, value]) => {
    if (!Object.hasOwn(own, name)) return [[name, value] as const];
    return own[name] === value ? [] : [[`other_${name}`, value] as const];
  });
  return Object.fromEntries(more);
}

const NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error' };

/** Anything else is quoted, so that a field is one word and moves no cursor. */
const PLAIN = /^[^\s"=\p{Cc}]+$/u;

function readableLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Fields & { level: number; time: string; msg: string };
  const facts = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value)}`,
  );
  return `${time.slice(11, 23)} ${NAMES[level] ?? level} ${msg}${facts.length > 0 ? `  ${facts.join(' ')}` : ''}\n`;
}
