/** Commands that ask nodes for what they have kept: history and logs. */
import type { Context } from './context.ts';
import { ageOf, countOf } from './flag-values.ts';
import type { Add } from './keeping.ts';
import { type LogsOptions, logs } from './logs.ts';
import { type StatsOptions, stats } from './stats.ts';

export function addWatching(add: Add, context: Context): void {
  add(
    'stats <address>',
    'what the pipelines of a channel did over time: rows, lag, conflicts; as nodes have kept it, minute by minute, for 7 days',
    'otter stats shop --since 24h',
    (options, [address]) => stats(context, options as StatsOptions, address!),
  )
    .option('--since <time>', 'how far back: 30m, 24h, 7d [24h]', ageOf)
    .option('--every <time>', 'a line for each 1m, 15m, 1h [some thirty lines]', ageOf)
    .option('--ascii', 'only ASCII characters');
  add(
    'logs [address]',
    'the logs of the nodes, and what they say from now on; of one node, or what is said of a channel or pipeline',
    'otter logs hz-1',
    (options, [address]) => logs(context, options as LogsOptions, address),
  )
    .option('--last <n>', 'how many lines of before [50]', countOf)
    .option('--no-follow', 'only what was said until now')
    .addHelpText('after', '  otter logs shop/hz:ca --no-follow --last 200\n');
}
