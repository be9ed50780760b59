/** Commands by which people settle what a pipeline could not: dead letters, the transaction before which it stands; and where it stands. */
import { Argument } from 'commander';
import type { Context } from './context.ts';
import { type DeadLetterOptions, deadletter } from './deadletter.ts';
import { countOf, timeOf } from './flag-values.ts';
import type { Add } from './keeping.ts';
import { position } from './position.ts';
import type { PositionSetOptions } from './position-set.ts';
import { type SkipOptions, skip } from './skip.ts';

export function addSettling(add: Add, context: Context): void {
  add(
    'deadletter <what> [address]',
    'changes that pipelines have set aside (`on_error: park`): list them, show one with its row, apply them after all, or give them up',
    'otter deadletter list shop/hz:dw',
    (options, args) => deadletter(context, options as DeadLetterOptions, args),
  )
    .option('--limit <n>', 'list: how many [50]', countOf)
    .option('--lose <n>', 'drop: do not ask, if so many changes are given up and no others', countOf)
    .addHelpText(
      'after',
      '  otter deadletter show dw:12\n  otter deadletter retry shop/hz:dw\n  otter deadletter drop dw:12\n',
    );
  add(
    'skip <pipeline>',
    'pass over the one transaction before which a one-way pipeline has stopped',
    'otter skip shop/hz:dw --reason "the row was a test"',
    (options, [pipeline]) => skip(context, options as SkipOptions, pipeline!),
  )
    .option('--transaction <id>', 'do not ask, if it is this one')
    .option('--reason <text>', 'why; the audit says it')
    .option('--timeout <time>', 'how long to wait for the node [60s]', timeOf);
  add(
    'position <what> [address]',
    'where pipelines stand, and where the logs of their sources end; or move one that rests',
    'otter position show shop/hz:ca',
    (options, args) => position(context, options as PositionSetOptions, args),
  )
    .option('--to <place>', 'set: a GTID position as the server spells it, file:offset, a time, or how long ago (30m)')
    .option('--allow-lost-changes', 'set: do not ask about changes that are passed over')
    .option('--allow-repeated-changes', 'set: do not ask about changes that come again')
    .option('--reason <text>', 'set: why; the audit says it')
    .option('--timeout <time>', 'set: how long to wait for the node [60s]', timeOf)
    .addHelpText('after', '  otter position set shop/hz:dw --to binlog.000007:4711\n');
}

/** See `keeping.ts`. */
export const SETTLING_WORDS: Readonly<Record<string, Argument>> = {
  'position <what>': new Argument('<what>').choices(['show', 'set']),
  'deadletter <what>': new Argument('<what>').choices(['list', 'show', 'retry', 'drop']),
};
