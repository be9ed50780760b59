/** Lines of nodes' logs as text for people, like those that a node writes to a terminal. */
import type { LogLine } from '../model/log-lines.ts';
import { printable } from './width.ts';

const LEVELS = { info: 'info ', warn: 'warn ', error: 'error' } as const;
const COLOURS = { info: 0, warn: 33, error: 31 } as const;

/** Anything else is quoted, so that a field is one word and moves no cursor. */
const PLAIN = /^[^\s"=\p{Cc}]+$/u;

export interface LogLineStyle {
  readonly colour: boolean;
  /** Of several nodes, which one said it; null: there is one. */
  readonly nodeWidth: number | null;
}

export function renderLogLine(node: string, line: LogLine, { colour, nodeWidth }: LogLineStyle): string {
  const { at, level, message, fields } = line;
  const facts = Object.entries(fields).flatMap(([name, value]) =>
    name === 'node'
      ? []
      : [`${name}=${typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value)}`],
  );
  const who = nodeWidth === null ? '' : `${node.padEnd(nodeWidth)} `;
  const text = `${new Date(at).toISOString().slice(0, 23).replace('T', ' ')} ${who}${LEVELS[level]} ${printable(message)}${facts.length > 0 ? `  ${printable(facts.join(' '))}` : ''}`;
  return colour && COLOURS[level] !== 0 ? `\u001b[${COLOURS[level]}m${text}\u001b[0m\n` : `${text}\n`;
}
