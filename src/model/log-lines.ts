/** Lines of a node's log as it keeps the last of them, and the question for them. */
import type { Fields, Logger } from './ports.ts';

export type LogLevel = 'info' | 'warn' | 'error';

export interface LogLine {
  /** Counts up from 1 with each line of the process. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Fields;
}

export interface LogQuery {
  /** Only lines behind this one; 0: from the oldest that is kept. */
  readonly after: number;
  /** Not more than so many, the newest. */
  readonly limit: number;
}

export interface LogAnswer {
  readonly node: string;
  /** Of the process: another one counts anew. */
  readonly instance: string;
  readonly lines: readonly LogLine[];
}

/** Keeps the last lines of a logger. */
export interface LogKeeper {
  /** The same logger, whose lines are kept. @param fields those that it puts into every line already */
  remembered(logger: Logger, fields: Fields): Logger;
  read(query: LogQuery): readonly LogLine[];
  /** Says what was held back; nothing is held back any more then. */
  flush(): void;
}
