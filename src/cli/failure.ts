/** How a command that failed ends: the exit code and what the person reads. */
import { messageOf, OtterError } from '../model/error.ts';
import { printable } from '../render/width.ts';
import { type Context, EXIT } from './context.ts';

/** A command ends with this code; what there is to say was said. */
export class Ended extends Error {
  readonly exit: number;

  constructor(exit: number) {
    super(`exit ${exit}`);
    this.exit = exit;
  }
}

const EXITS: Readonly<Record<string, number>> = {
  OT1090: EXIT.refused,
  OT2001: EXIT.stale,
  OT2002: EXIT.locked,
  OT2003: EXIT.partly,
  OT2004: EXIT.refused,
  OT2005: EXIT.locked,
  OT2045: EXIT.refused,
  OT2046: EXIT.refused,
  OT2008: EXIT.refused,
  OT2011: EXIT.refused,
  OT2031: EXIT.partly,
  OT2032: EXIT.usage,
  OT2033: EXIT.usage,
  OT2034: EXIT.refused,
  OT2035: EXIT.usage,
  OT3011: EXIT.refused,
  OT7008: EXIT.timeout,
  OT7020: EXIT.timeout,
  OT7021: EXIT.usage,
  OT7022: EXIT.timeout,
  OT7040: EXIT.usage,
  OT7041: EXIT.usage,
  OT7006: EXIT.cancelled,
  OT7007: EXIT.usage,
  OT3002: EXIT.usage,
  OT7001: EXIT.usage,
  OT7002: EXIT.usage,
  OT7003: EXIT.usage,
  OT7005: EXIT.usage,
  OT7009: EXIT.usage,
  OT7010: EXIT.usage,
  OT7011: EXIT.usage,
  OT7012: EXIT.stale,
  OT9001: EXIT.bug,
};

export function exitOf(error: unknown): number {
  if (error instanceof Ended) return error.exit;
  if (!(error instanceof OtterError)) return EXIT.bug;
  return EXITS[error.code] ?? (error.code.startsWith('OT1') ? EXIT.usage : EXIT.error);
}

/** @returns the exit code, having said why on stderr. */
export function explainFailure(error: unknown, context: Context): number {
  if (error instanceof Ended) return error.exit;
  if (context.signal.aborted && !(error instanceof OtterError)) {
    context.stderr.write('Cancelled.\n');
    return EXIT.cancelled;
  }
  const debug = context.env['OTTER_DEBUG'] === '1';
  if (error instanceof OtterError) {
    const where = Object.entries(error.where).map(([name, value]) => `${name} ${value}`);
    context.stderr.write(`Error ${error.code}: ${printable(error.message)}\n`);
    if (where.length > 0) context.stderr.write(`  where: ${printable(where.join(', '))}\n`);
    if (error.hint !== undefined) context.stderr.write(`  ${error.hint}\n`);
    context.stderr.write(`  More: otter explain ${error.code}\n`);
  } else {
    context.stderr.write(
      `Error OT9001: this is a bug in otter ${context.version}, not your fault: ${printable(messageOf(error))}\n`,
    );
    if (!debug)
      context.stderr.write(
        '  Run it again with OTTER_DEBUG=1, and open an issue with what it prints where you have otter from.\n',
      );
  }
  if (debug && error instanceof Error)
    context.stderr.write(`${error.stack ?? ''}\n${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
  return exitOf(error);
}
