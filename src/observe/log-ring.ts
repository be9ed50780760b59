/**
 * A node's logger: what is said goes on as before, the last lines are kept for who asks for them (`otter logs`), and a condition that is
 * said again and again is said once a minute, with how often it was, unless something has changed for what it is about.
 *
 * Rule: what is kept is bounded in lines and in characters; debug lines are never kept.
 */
import type { LogKeeper, LogLevel, LogLine, LogQuery } from '../model/log-lines.ts';
import type { Fields, Logger } from '../model/ports.ts';
import { besides } from './log.ts';

const LINES_MAX = 2_000;
const CHARS_MAX = 1 << 20;
/** Counted with every line for what stands around its words. */
const LINE_CHARS = 64;
const REPEAT_MS = 60_000;
/** Different conditions that are remembered. */
const CONDITIONS_MAX = 500;

interface Condition {
  /** Until when it is not said again. */
  readonly until: number;
  again: number;
  /** The pipeline that it is about; null: the node. */
  readonly about: string | null;
  readonly say: (again: number) => void;
}

export class LogRing implements LogKeeper {
  readonly #now: () => number;
  #lines: { readonly line: LogLine; readonly chars: number }[] = [];
  #chars = 0;
  #seq = 0;
  readonly #conditions = new Map<string, Condition>();

  constructor(now: () => number) {
    this.#now = now;
  }

  read({ after, limit }: LogQuery): readonly LogLine[] {
    const lines = this.#lines.flatMap(({ line }) => (line.seq > after ? [line] : []));
    return lines.slice(Math.max(0, lines.length - limit));
  }

  remembered(logger: Logger, fields: Fields): Logger {
    const tell = (level: LogLevel, message: string, more: Fields): void => {
      logger[level](message, more);
      this.#keep(level, message, { ...fields, ...besides(fields, more) });
    };
    return {
      debug: (message, more) => logger.debug(message, more),
      info: (message, more = {}) => {
        this.#sweep();
        this.#changed(aboutOf({ ...fields, ...more }));
        tell('info', message, more);
      },
      warn: (message, more = {}) =>
        this.#condition('warn', message, { ...fields, ...more }, (again) =>
          tell('warn', message, counted(more, again)),
        ),
      error: (message, more = {}) =>
        this.#condition('error', message, { ...fields, ...more }, (again) =>
          tell('error', message, counted(more, again)),
        ),
      child: (more) => this.remembered(logger.child(more), { ...fields, ...besides(fields, more) }),
    };
  }

  flush(): void {
    for (const [key, { again, say }] of this.#conditions) {
      this.#conditions.delete(key);
      if (again > 0) say(again);
    }
  }

  #condition(level: LogLevel, message: string, fields: Fields, say: (again: number) => void): void {
    this.#sweep();
    const key = `${level} ${message} ${textOf(fields)}`;
    const known = this.#conditions.get(key);
    if (known !== undefined) {
      known.again += 1;
      return;
    }
    const [oldest] = this.#conditions.keys();
    if (this.#conditions.size >= CONDITIONS_MAX && oldest !== undefined) {
      const { again, say: late } = this.#conditions.get(oldest)!;
      this.#conditions.delete(oldest);
      if (again > 0) late(again);
    }
    this.#conditions.set(key, { until: this.#now() + REPEAT_MS, again: 0, about: aboutOf(fields), say });
    say(0);
  }

  /** What is said next is news, be it in the same words as before. */
  #changed(about: string | null): void {
    for (const [key, condition] of this.#conditions) {
      if (condition.about !== about) continue;
      this.#conditions.delete(key);
      if (condition.again > 0) condition.say(condition.again);
    }
  }

  /** In the order in which they were first said, which is that in which they end. */
  #sweep(): void {
    const now = this.#now();
    for (const [key, { until, again, say }] of this.#conditions) {
      if (until > now) return;
      this.#conditions.delete(key);
      if (again > 0) say(again);
    }
  }

  #keep(level: LogLevel, message: string, fields: Fields): void {
    this.#seq += 1;
    const told = plain(fields);
    const chars = LINE_CHARS + message.length + textOf(told).length;
    this.#lines.push({ line: { seq: this.#seq, at: this.#now(), level, message, fields: told }, chars });
    this.#chars += chars;
    while (this.#lines.length > LINES_MAX || (this.#chars > CHARS_MAX && this.#lines.length > 1))
      this.#chars -= this.#lines.shift()!.chars;
  }
}

function aboutOf({ pipeline }: Fields): string | null {
  return typeof pipeline === 'string' ? pipeline : null;
}

/** How often it was said meanwhile, beside the once that everybody saw. */
function counted(fields: Fields, again: number): Fields {
  return again === 0 ? fields : { ...fields, repeated: again };
}

/** As it will be told: what JSON cannot say is a text. */
function plain(fields: Fields): Fields {
  try {
    return JSON.parse(
      JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ) as Fields;
  } catch {
    return { fields: 'cannot be told' };
  }
}

function textOf(fields: Fields): string {
  return JSON.stringify(plain(fields));
}
