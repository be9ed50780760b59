/** Commands that prove that databases are the same, and make them so. */
import { Option } from 'commander';
import type { Context } from './context.ts';
import { countOf, timeOf } from './flag-values.ts';
import type { Add } from './keeping.ts';
import { type ResyncFlags, resync } from './resync.ts';
import { type VerifyFlags, verify } from './verify.ts';
import { verifyFiles } from './verify-files.ts';

export function addVerifying(add: Add, context: Context): void {
  add(
    'verify [channel]',
    'compare databases row by row, or the trees of a file set (files.X), while they take writes; ends with 2 when they differ',
    'otter verify shop --rate 20MB/s',
    (options, [address]) =>
      address?.startsWith('files.') === true
        ? verifyFiles(context, options as VerifyFlags, address)
        : verify(context, options as VerifyFlags, address),
  )
    .option('--table <table>', 'only this table, schema.table; `*` stands for any text; may be repeated', more)
    .option('--repair', 'have what differs sent again from where it counts, and look again')
    .option('--hash', 'of a file set: read every file whole at both sides, which finds what a disk has damaged')
    .option('--resume', 'go on with a run that was cut')
    .option('--rate <rate>', 'read no faster than this: 20MB/s, "5000 rows/s"')
    .option('--limit <n>', 'how many differences of a table are shown [100]', countOf)
    .option('--no-extra', 'do not look for rows that only a target has')
    .option('--timeout <time>', 'how long a pipeline may stand still that must come on [60s]', timeOf)
    .addOption(new Option('--format <format>', 'how the result is shown').choices(['text', 'json']).default('text'));
  add(
    'resync <channel> <table>',
    'send the present rows of a table again, in their place in the stream',
    'otter resync shop shop.orders --where "id BETWEEN 100 AND 200"',
    (options, [channel, table]) => resync(context, options as ResyncFlags, channel!, table!),
  )
    .option('--where <condition>', 'only rows for which this holds; written as `where` of a topology')
    .option('--from <database>', 'whose rows, where a channel has several sources')
    .option('--timeout <time>', 'how long a pipeline may stand still with it [60s]', timeOf);
}

function more(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
