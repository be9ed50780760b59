/** The command line: every command of the contract, its flags, its help with an example; from argv to an exit code. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { OtterError } from '../model/error.ts';
import { DIAGNOSTIC_FORMATS } from '../render/diagnostics.ts';
import { type ApplyOptions, apply, destroy } from './apply.ts';
import { candidates, type Spelled } from './candidates.ts';
import { ASKED_BY_SHELL, completion, SHELLS } from './completion.ts';
import { CONFLICT_KINDS, type ConflictsOptions, conflicts, WINNERS } from './conflicts.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';
import { type DashboardFlags, dashboard } from './dashboard.ts';
import { type DriftOptions, drift } from './drift.ts';
import { explain } from './explain.ts';
import { explainFailure } from './failure.ts';
import { ageOf, collect, timeOf } from './flag-values.ts';
import { type FmtOptions, fmt } from './fmt.ts';
import { type GraphOptions, graph } from './graph.ts';
import { history, show } from './history.ts';
import { type ImportOptions, importTopology } from './import.ts';
import { init } from './init.ts';
import { type Add, addKeeping, WORDS } from './keeping.ts';
import { node, up } from './node.ts';
import { type PlanOptions, plan } from './plan.ts';
import { addSettling, SETTLING_WORDS } from './settling.ts';
import { type StatusOptions, status } from './status.ts';
import { asTyped, typing } from './typed.ts';
import { type ValidateOptions, validate } from './validate.ts';
import { addVerifying } from './verifying.ts';
import { watchPlan } from './watch.ts';
import { addWatching } from './watching.ts';

/** A day; what is longer is a slip. */
const DEMO_SECONDS_MAX = 86_400;
const RESUME = 'go on with the plan of an apply that was cut';

/** Runs one command line. What goes wrong has been told when this returns. */
export async function run(argv: readonly string[], outer: Context): Promise<number> {
  let exit: number = EXIT.done;
  const stderr = typing(outer.stderr, (text) => asTyped(text, program.opts<CommonOptions>(), outer));
  const context: Context = { ...outer, stderr };
  const program: Command = programOf(context, (code) => {
    exit = code;
  });
  try {
    if (argv[0] === ASKED_BY_SHELL) {
      outer.stdout.write(await candidates(outer, argv.slice(1), program.commands.map(spelled)));
      return EXIT.done;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return explainFailure(error, context);
  }
}

function programOf(context: Context, ended: (exit: number) => void): Command {
  const program = new Command('otter')
    .description('Keeps databases in different places the same while all of them take writes, declared in YAML.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'Error OT7001: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .version(`otter ${context.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .option('-t, --topology <path>', 'topology file or folder (default: the only entry of topologies/)')
    .option('--env <environment>', 'an environment: env/NAME.yaml beside the topology, laid over it')
    .option('--state <url>', 'state: file:PATH, etcd://host:2379 (default: $OTTER_STATE, else file:.otter/state.db)')
    .option('--json', 'machine-readable output')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .option('--var <name=value>', 'a variable of the topology; may be repeated', collect)
    .option('--var-file <file>', 'a YAML file of variables; may be repeated', collect);

  const add: Add = (usage, summary, example, action) => {
    const [name, ...args] = usage.split(' ');
    const made = program
      .command(name!)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    for (const argument of args) {
      const words = { ...WORDS, ...SETTLING_WORDS }[`${name!} ${argument}`];
      if (words === undefined) made.argument(argument);
      else made.addArgument(words);
    }
    return made
      .showHelpAfterError(`  See: otter ${name!} --help`)
      .addHelpText('after', `\nExample:\n  ${example}\n`)
      .action(async () => {
        ended(await action(made.optsWithGlobals<CommonOptions>(), made.args));
      });
  };
  addPlanning(add, context);
  addRunning(add, context);
  addKeeping(add, context, stepFlags);
  addSettling(add, context);
  addLooking(add, context);
  addVerifying(add, context);
  addWatching(add, context);
  return program;
}

function addPlanning(add: Add, context: Context): void {
  add(
    'init [folder]',
    'write a small commented topology, editor settings and a CI workflow',
    'otter init .',
    (_, [folder]) => init(context, folder),
  );
  add(
    'import',
    "write a topology: from live databases, or from an Otter 4 manager's own database",
    'otter import --db hz=mysql://otter@10.0.0.5:3306/shop --db ca=mysql://otter@10.1.0.5:3306/shop --out topologies/shop.yaml',
    (options) => importTopology(context, options as ImportOptions),
  )
    .option('--db <url>', 'a live database, NAME=mysql://USER@HOST:PORT/SCHEMA; may be repeated', collect)
    .option('--one-way', 'with --db: rows go from the first database to the others')
    .option('--otter4 <url>', "the Otter 4 manager's own database, mysql://USER@HOST:PORT/otter")
    .option('--cursors <file>', 'with --otter4: where its canals stand, as printed by zkCli')
    .option('--offline', 'with --otter4: do not ask the servers that its canals read')
    .option('--name <name>', 'name of the topology')
    .option('--out <file>', 'write to this file, which must not be there yet (default: print it)')
    .addHelpText('after', '  otter import --otter4 mysql://root@10.0.0.9:3306/otter --out topologies/shop.yaml\n');
  add(
    'validate',
    'check a topology: schema and meaning, each finding at file:line:col',
    'otter validate -t topologies/shop',
    (options) => validate(context, options as ValidateOptions),
  )
    .addOption(
      new Option('--format <format>', 'how findings are shown').choices([...DIAGNOSTIC_FORMATS]).default('text'),
    )
    .option('--fix', 'write what there is one answer to: misspelt keys, names and values')
    .option('--live', 'also ask the databases: settings, privileges, tables, clocks');
  add(
    'fmt [paths...]',
    'lay out topology files in one way, keeping comments; `-` reads stdin',
    'otter fmt --check',
    (options, paths) => fmt(context, options as FmtOptions, paths),
  ).option('--check', 'change nothing; exit 2 when a file would be changed');
  planFlags(
    add('plan', 'show what apply would do', 'otter plan --out shop.plan', (options) =>
      (options as { watch?: boolean }).watch === true
        ? watchPlan(context, options as PlanOptions)
        : plan(context, options as PlanOptions),
    ),
  )
    .option('--out <file>', 'keep the plan in a file, for `otter apply FILE`')
    .addOption(
      new Option('--format <format>', 'how the plan is shown').choices(['text', 'json', 'markdown']).default('text'),
    )
    .option('--detailed-exitcode', 'exit 2 when there are changes')
    .option('--refresh-only', 'show only what nodes report that is not as it was applied')
    .option('--watch', 'again whenever the files or the state change, until Ctrl-C');
  stepFlags(
    add(
      'apply [planfile]',
      'carry out the plan after asking, or a saved one; wait until the nodes run it',
      'otter apply',
      (options, [file]) => apply(context, options as ApplyOptions, file),
    ),
  ).option('--resume', RESUME);
  stepFlags(
    add(
      'destroy',
      "remove everything the topology declared; otter's own tables, never users'",
      'otter destroy -t shop',
      (options) => destroy(context, options as ApplyOptions),
    ),
  ).option('--resume', RESUME);
  add('graph', 'draw the topology', 'otter graph --format dot | dot -Tsvg > shop.svg', (options) =>
    graph(context, options as GraphOptions),
  )
    .addOption(
      new Option('--format <format>', 'language of the drawing').choices(['mermaid', 'dot']).default('mermaid'),
    )
    .option('--plan', 'mark what the plan adds, changes and destroys');
}

function addRunning(add: Add, context: Context): void {
  add(
    'node <name>',
    'run a worker node in the foreground until SIGTERM',
    'otter node hz-1 --state etcd://10.0.0.2:2379 -t shop',
    (options, [name]) => node(context, options, name!),
  );
  applyFlags(
    add('up', 'apply, then run every node of the topology in this one process', 'otter up --auto-approve', (options) =>
      up(context, options as ApplyOptions),
    ),
  );
  add(
    'demo',
    'two database servers, a two-way channel, writes on both sides, and the dashboard, on this machine',
    'otter demo --seconds 30',
    (options) => {
      const { seconds, state } = options as { seconds?: string; state?: string };
      if (seconds !== undefined && (!/^\d+$/.test(seconds) || Number(seconds) > DEMO_SECONDS_MAX)) {
        throw new OtterError('OT7001', `--seconds ${seconds} is not a whole number from 0 to ${DEMO_SECONDS_MAX}`, {
          hint: 'For example: otter demo --seconds 30',
        });
      }
      if (state !== undefined && state !== 'etcd')
        throw new OtterError('OT7001', 'the demo keeps its state in a file, or with --state etcd in a private etcd');
      return context.parts.demo({
        seconds: seconds === undefined ? null : Number(seconds),
        state: state === 'etcd' ? 'etcd' : 'file',
        context,
      });
    },
  ).option('--seconds <n>', 'how long the writers write [25]');
}

function addLooking(add: Add, context: Context): void {
  add('status', 'channels, pipelines, nodes, lag, conflicts, last error', 'otter status --watch', (options) =>
    status(context, options as StatusOptions),
  )
    .option('--watch', 'again every second')
    .option('--tables', 'which tables each entry of the channels means; asks the databases');
  add('dashboard', 'the status, alive, in the terminal', 'otter dashboard -t shop', (options) =>
    dashboard(context, options as DashboardFlags),
  )
    .option('--once', 'print one frame as text and end')
    .option('--open <command>', 'begin there, as typed after `:`: conflicts, "pipeline shop/hz:ca", "yaml shop"')
    .option('--write', 'let keys pause, resume and resolve, each after a typed yes')
    .option('--record <file>', 'keep what is shown in a file, without rows')
    .option('--replay <file>', 'show such a file; needs no state store')
    .option('--speed <n>', 'with --replay: so many times as fast [1]')
    .option('--ascii', 'only ASCII characters')
    .addHelpText(
      'after',
      '  otter dashboard --once --open conflicts\n  otter dashboard --replay night.jsonl --speed 60\n',
    );
  add(
    'conflicts [address] [id]',
    'the conflict log of the databases, newest first; `show ID`: one of them; `resolve ID`: decide one',
    'otter conflicts shop --since 24h',
    (options, args) => conflicts(context, options as ConflictsOptions, args),
  )
    .option('--table <table>', 'only of this table, schema.table; `*` stands for any text')
    .addOption(new Option('--kind <kind>', 'only of this kind, incoming/local').choices(CONFLICT_KINDS))
    .addOption(new Option('--winner <winner>', 'only those won so').choices(WINNERS))
    .option('--since <time>', 'only those decided in the last 30m, 24h, 7d', ageOf)
    .option('--limit <n>', 'how many [50]')
    .option('--open', 'only those that wait for a person')
    .option('--take <row>', 'resolve: incoming, local, base, or a JSON file with the row')
    .option('--yes', 'resolve: do not ask')
    .addHelpText('after', '  otter conflicts show hz:42\n  otter conflicts resolve hz:42 --take incoming\n');
  add(
    'drift',
    'what of files, nodes and databases is not as it was applied, and by whom; ends with 2 when there is any',
    'otter drift --json',
    (options) => drift(context, options as DriftOptions),
  )
    .option('--no-databases', 'do not ask the databases')
    .option('--adopt', 'write what was applied into the files')
    .option('--detailed-exitcode', 'as always: exit 2 when there are differences');
  add('history', 'every applied serial', 'otter history', (options) => history(context, options));
  add('show <serial>', 'what one serial changed', 'otter show 3', (options, [serial]) =>
    show(context, options, serial!),
  );
  add('explain [code]', 'what a code means and what to do', 'otter explain OT2001', (options, [code]) =>
    explain(context, options, code),
  );
  add('schema', 'print the JSON schema of topologies', 'otter schema > topology.schema.json', () => {
    context.stdout.write(context.parts.schema());
    return EXIT.done;
  });
  add(
    'completion',
    'print what makes a shell complete commands and flags',
    'otter completion bash > /etc/bash_completion.d/otter',
    (_, [shell]) => completion(context, shell!),
  ).addArgument(new Argument('<shell>').choices(SHELLS));
  add('version', 'print the version', 'otter version', (options) => {
    context.stdout.write(
      options.json === true ? `${JSON.stringify({ version: context.version })}\n` : `otter ${context.version}\n`,
    );
    return EXIT.done;
  });
}

function planFlags(command: Command): Command {
  return command
    .option('--target <address>', 'only this object and what it needs; may be repeated', collect)
    .option('--exclude <address>', 'not this object, nor what cannot be without it; may be repeated', collect)
    .option('--live', 'ask the databases how much would be copied')
    .option('--allow-destroy <address>', 'let this object be destroyed or replaced; may be repeated', collect);
}

function applyFlags(command: Command): Command {
  return planFlags(command)
    .option('--auto-approve', 'do not ask')
    .option('--expect <digest>', 'carry out only the plan with this digest, without asking')
    .option('--no-wait', 'do not wait for the nodes')
    .option('--timeout <time>', 'how long to wait for the nodes [120s]', timeOf)
    .option('--lock-timeout <time>', 'how long to wait for somebody else who applies [0s]', timeOf);
}

/** Of what is written step by step. */
function stepFlags(command: Command): Command {
  return applyFlags(command)
    .option('--max-lag <time>', 'change a few channels at a time; go on when they run and lag less', timeOf)
    .option('--json-into <file>', 'write every event into this file, one JSON object a line');
}

function spelled(command: Command): Spelled {
  const options = [...command.options, ...(command.parent?.options ?? [])].filter(({ long }) => long !== '--version');
  return {
    name: command.name(),
    summary: command.summary(),
    flags: [
      ...options.map(({ long, short, description, flags, argChoices, required, optional }) => ({
        forms: [long!, ...(short == null ? [] : [short])],
        description,
        value: required || optional ? { name: /<(.*)>/.exec(flags)?.[1] ?? '', choices: argChoices ?? [] } : null,
      })),
      { forms: ['--help', '-h'], description: 'help with an example', value: null },
    ],
    args: command.registeredArguments.map((argument) => ({
      name: `${argument.name()}${argument.variadic ? '...' : ''}`,
      choices: argument.argChoices ?? [],
    })),
  };
}
