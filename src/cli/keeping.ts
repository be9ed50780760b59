/** Commands about what is kept in the state store: the lock, pauses, alerts, the way back, the audit, backup and formats. */
import { Argument, type Command } from 'commander';
import { type AlertsOptions, alerts } from './alerts.ts';
import type { ApplyOptions } from './apply.ts';
import type { CommonOptions, Context } from './context.ts';
import { ageOf, collect, countOf, spanOf, timeOf } from './flag-values.ts';
import { type AuditOptions, audit, differences } from './history.ts';
import { type LockOptions, lock } from './lock.ts';
import { type MoveOptions, move } from './move.ts';
import { type PauseOptions, pause, restart, resume } from './pause.ts';
import { rollback } from './rollback.ts';
import { migrate, type StateOptions, state } from './state.ts';

type Run = (options: CommonOptions, args: readonly string[]) => number | Promise<number>;
export type Add = (usage: string, summary: string, example: string, action: Run) => Command;

/** @param applyFlags adds those of a command that carries out a plan */
export function addKeeping(add: Add, context: Context, applyFlags: (command: Command) => Command): void {
  const restFlags = (command: Command): Command =>
    command
      .option('--no-wait', 'do not wait for the nodes')
      .option('--timeout <time>', 'how long to wait for the nodes [30s]', timeOf);
  restFlags(
    add(
      'pause <address>',
      'let a channel or pipeline rest; it keeps its place',
      'otter pause shop/hz:ca --reason "index is built"',
      (options, [address]) => pause(context, options as PauseOptions, address!),
    ),
  )
    .option('--reason <text>', 'why; status and plan say it')
    .option('--for <time>', 'it goes on by itself after 90s, 30m, 2h, 7d', spanOf);
  restFlags(
    add('resume <address>', 'continue a channel or pipeline', 'otter resume shop/hz:ca', (options, [address]) =>
      resume(context, options as PauseOptions, address!),
    ),
  );
  add(
    'restart <address>',
    'let a channel or pipeline stop and go on',
    'otter restart shop/hz:ca',
    (options, [address]) => restart(context, options as PauseOptions, address!),
  )
    .option('--reason <text>', 'why')
    .option('--timeout <time>', 'how long to wait for the nodes [30s]', timeOf);
  restFlags(
    add(
      'move <database> [node]',
      'have a database owned by a node, wherever that lives',
      'otter move hz hz-2 --reason "hz-1 gets more memory"',
      (options, [database, node]) => move(context, options as MoveOptions, database!, node),
    ),
  )
    .option('--reason <text>', 'why')
    .option('--anywhere', 'take back what was wanted: it stays where it is, and goes wherever a node lives');
  add(
    'alerts [what] [address]',
    'what fires, and who was told; send a notice to see whether it arrives; or let nobody be told for a while',
    'otter alerts',
    (options, args) => alerts(context, options as AlertsOptions, args),
  )
    .option('--for <time>', 'silence: how long, 30m, 2h, 7d', spanOf)
    .option('--why <text>', 'silence: why; `otter alerts` and the audit say it')
    .option('--timeout <time>', 'test: how long to wait for a node [60s]', timeOf)
    .addHelpText(
      'after',
      '  otter alerts test ops\n  otter alerts silence channel.shop --for 2h --why "index is built"\n  otter alerts unsilence channel.shop\n',
    );
  add('diff <serials>', 'what differs between two serials', 'otter diff 41..42', (options, [serials]) =>
    differences(context, options, serials!),
  );
  applyFlags(
    add(
      'rollback <serial>',
      'the way back to an earlier serial: a plan that is shown, asked for and applied',
      'otter rollback 41',
      (options, [serial]) => rollback(context, options as ApplyOptions, serial!),
    ),
  ).option('--out <file>', 'keep the plan in a file, for `otter apply FILE`, and do no more');
  add('audit', 'who changed what, when, from where, and how it ended', 'otter audit --since 24h', (options) =>
    audit(context, options as AuditOptions),
  )
    .option('--since <time>', 'only of the last 30m, 24h, 7d', ageOf)
    .option('--limit <n>', 'how many of the last ones [50]', countOf);
  add(
    'lock [what]',
    'who applies, and whether they live; or take their lock away',
    'otter lock list',
    (options, [what]) => lock(context, options as LockOptions, what ?? 'list'),
  )
    .option('--force', 'break: also when its holder is known to live')
    .option('--yes', 'break: do not ask')
    .addHelpText('after', '  otter lock break\n');
  add(
    'state <what> [file]',
    'export the state into one file, or import it',
    'otter state export shop.state.json',
    (options, [what, file]) => state(context, options as StateOptions, what!, file),
  )
    .option('--auto-approve', 'import: do not ask')
    .option('--no-wait', 'import into what is there: do not wait for the nodes')
    .option('--timeout <time>', 'import into what is there: how long to wait for the nodes [120s]', timeOf)
    .option('--allow-destroy <address>', 'import: let this protected object be destroyed; may be repeated', collect)
    .addHelpText('after', '  otter state import shop.state.json\n');
  add('migrate', 'bring the state into the format of this version', 'otter migrate', (options) =>
    migrate(context, options as StateOptions),
  ).option('--auto-approve', 'do not ask');
}

/** Words that a command takes first; for `program.ts`, which declares its arguments from the usage. */
export const WORDS: Readonly<Record<string, Argument>> = {
  'alerts [what]': new Argument('[what]').choices(['list', 'test', 'silence', 'unsilence']),
  'lock [what]': new Argument('[what]').choices(['list', 'break']),
  'state <what>': new Argument('<what>').choices(['export', 'import']),
};
