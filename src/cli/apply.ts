/** `otter apply` and `otter destroy`: show the plan, ask, carry it out, wait until the nodes run it. */
import { applyPlan, PartlyApplied, waitForNodes } from '../executor/apply.ts';
import { cutRun } from '../executor/resume.ts';
import type { WaitResult } from '../executor/wait.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { refusedAlone, unnamed } from '../planner/guard.ts';
import { type Plan, readPlan } from '../planner/plan.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { consent } from './consent.ts';
import { type Context, EXIT, stateUrl, storeToRead, today, topologyName } from './context.ts';
import { tellCut } from './cut.ts';
import { exitOf } from './failure.ts';
import { ownersOf, tellLeft } from './leaving.ts';
import { outcomeLines } from './outcome.ts';
import { type Planned, type PlanOptions, planFor, showPlan, showRefusals } from './plan.ts';
import { Progress } from './progress.ts';
import { tellNewPlan } from './stale.ts';

export interface ApplyOptions extends PlanOptions {
  readonly autoApprove?: boolean;
  readonly expect?: string;
  readonly wait?: boolean;
  /** Milliseconds, as `timeOf` understood them. */
  readonly timeout?: number;
  readonly lockTimeout?: number;
  readonly maxLag?: number;
  readonly resume?: boolean;
  /** A file for events. */
  readonly jsonInto?: string;
}

const TIMEOUT_MS = 120_000;
/** Addresses in a line. */
const SHOWN_MAX = 10;

/** What is carried out, and as what. */
interface Deed {
  readonly plan: Plan;
  /** As it stands in the history. */
  readonly command: string;
  readonly resume?: boolean;
}

export async function apply(context: Context, options: ApplyOptions, planFile: string | undefined): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options));
  if (options.resume === true) return await resume(context, options, store, planFile);
  if (planFile !== undefined) {
    const plan = savedPlan(context, planFile, options);
    try {
      return await carryOut(context, options, store, { plan, command: 'apply' });
    } catch (error) {
      if (error instanceof OtterError && error.code === 'OT2001') await tellNewPlan(context, options, store, plan);
      throw error;
    }
  }
  return await review(context, options, store, await planFor(context, options, store, 'declared'), 'apply');
}

export async function destroy(context: Context, options: ApplyOptions): Promise<number> {
  await using store = storeToRead(context, options);
  if (options.resume === true) return await resume(context, options, store, undefined);
  return await review(context, options, store, await planFor(context, options, store, 'destroyed'), 'destroy');
}

/** Goes on with the plan of an apply that was cut; it was agreed to when that began. */
async function resume(
  context: Context,
  options: ApplyOptions,
  store: StateStore,
  planFile: string | undefined,
): Promise<number> {
  if (planFile !== undefined) {
    throw new OtterError('OT7001', '--resume goes on with the plan in the state store, and takes no file', {
      hint: 'Leave one of the two out.',
    });
  }
  refuseBeside(options, '--resume, which goes on with the plan of the apply that was cut');
  const topology = topologyName(context, options, loadTopology);
  const { plan, batches } = await cutRun(store, topology, context.signal);
  const done = new Set(batches.flatMap(({ record }) => record.addresses));
  const lines = plan.changes.map(({ address }) => `  ${done.has(address) ? 'done' : 'left'}  ${printable(address)}\n`);
  const { by, at } = batches.at(-1)!.record;
  say(context, options, `Serial ${plan.serial} was begun by ${by} at ${at}:\n${lines.join('').trimEnd()}`);
  return carryOut(context, options, store, { plan, command: plan.destroy ? 'destroy' : 'apply', resume: true });
}

/** Shows a plan, asks, carries it out. Shared with `otter up`. */
export async function review(
  context: Context,
  options: ApplyOptions,
  store: StateStore,
  { plan, refusals, allowDestroy }: Planned,
  command: string,
): Promise<number> {
  showPlan(context, options, plan);
  await tellCut(context, store, plan);
  if (showRefusals(context, refusals)) return EXIT.refused;
  checkExpected(plan, options);
  if (plan.changes.length === 0) {
    return told(context, options, plan, async (progress) =>
      options.wait === false ? EXIT.done : wait(options, store, plan.topology, plan.destroy, progress),
    );
  }
  const alone = unnamed(plan, allowDestroy);
  if (options.expect === undefined) {
    if (options.autoApprove !== true)
      await consent(
        context,
        plan,
        alone.map(({ address, why }) => ({ address, why })),
      );
    // To destroy everything is what the command itself says.
    else if (!plan.destroy && showRefusals(context, refusedAlone(alone))) return EXIT.refused;
  }
  return carryOut(context, options, store, { plan, command });
}

async function carryOut(context: Context, options: ApplyOptions, store: StateStore, deed: Deed): Promise<number> {
  checkExpected(deed.plan, options);
  return told(context, options, deed.plan, async (progress) => carriedOut(options, store, deed, progress));
}

/** With its events, of which the last says how it ended. */
async function told(
  context: Context,
  options: ApplyOptions,
  { serial }: Plan,
  work: (progress: Progress) => Promise<number>,
): Promise<number> {
  using progress = new Progress(context, options);
  const finished = (exit: number, error?: unknown): number => {
    const partly = error instanceof PartlyApplied ? error : null;
    const { code = null } = error instanceof OtterError ? error : {};
    progress.tell({
      type: 'finished',
      exit,
      serial,
      done: partly?.done ?? progress.done,
      in_doubt: partly?.inDoubt ?? [],
      left: partly?.left ?? progress.left,
      code,
      message: error === undefined ? null : messageOf(error),
    });
    return exit;
  };
  try {
    return finished(await work(progress));
  } catch (error) {
    finished(context.signal.aborted && !(error instanceof OtterError) ? EXIT.cancelled : exitOf(error), error);
    if (error instanceof PartlyApplied) tellParts(context, error);
    throw error;
  }
}

async function carriedOut(
  options: ApplyOptions,
  store: StateStore,
  { plan, command, resume: resuming = false }: Deed,
  progress: Progress,
): Promise<number> {
  const context = progress.beside;
  const leaving = await ownersOf(context, store, plan);
  const { serial } = await applyPlan({
    store,
    plan,
    author: authorOf(context, options, command),
    lockTimeoutMs: options.lockTimeout ?? 0,
    signal: context.signal,
    now: context.now,
    newId: context.parts.newId,
    resume: resuming,
    ...(options.maxLag === undefined
      ? {}
      : { gate: { maxLagMs: options.maxLag, timeoutMs: options.timeout ?? TIMEOUT_MS } }),
    onEvent: (event) => progress.tell(event),
  });
  const { add, change, destroy: gone } = plan.summary;
  if (plan.changes.length === 0) say(context, options, `No changes: serial ${serial} stays as it is.`);
  else say(context, options, `Applied as serial ${serial}: ${add} added, ${change} changed, ${gone} destroyed.`);
  const code = options.wait === false ? EXIT.done : await wait(options, store, plan.topology, plan.destroy, progress);
  await tellLeft(context, store, plan, leaving);
  return code;
}

/** An apply that broke off: what is written, what is not, and of what that is not known. */
function tellParts({ stderr }: Context, { done, inDoubt, left }: PartlyApplied): void {
  const list = (word: string, addresses: readonly string[]): void => {
    const shown = addresses.slice(0, SHOWN_MAX).join(', ');
    const more = addresses.length > SHOWN_MAX ? ` and ${addresses.length - SHOWN_MAX} more` : '';
    if (addresses.length > 0) stderr.write(`  ${word}: ${printable(shown)}${more}\n`);
  };
  list('done', done);
  list('in doubt', inDoubt);
  list('left', left);
}

function checkExpected(plan: Plan, { expect }: ApplyOptions): void {
  if (expect === undefined || expect === plan.plan_digest) return;
  throw new OtterError(
    'OT2001',
    `the plan's digest is ${plan.plan_digest}, not ${expect}: it is not the plan that was reviewed`,
    { hint: 'Plan again, have it reviewed, and apply that one.' },
  );
}

async function wait(
  options: ApplyOptions,
  store: StateStore,
  topology: string,
  destroying: boolean,
  progress: Progress,
): Promise<number> {
  const context = progress.beside;
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  let outcome: WaitResult;
  try {
    outcome = await waitForNodes({
      store,
      topology,
      signal: context.signal,
      timeoutMs,
      onProgress: (message) => progress.tell({ type: 'note', message }),
      onFailed: (failed) => progress.tell({ type: 'pipeline_failed', ...failed }),
      onWaiting: (waiting) => progress.tell({ type: 'nodes_waiting', step: null, waiting }),
    });
  } catch (error) {
    if (!context.signal.aborted) throw error;
    context.stderr.write(
      'Cancelled while waiting. The desired state stays, and nodes take it up: see `otter status`.\n',
    );
    return EXIT.cancelled;
  }
  const { late, failed, missing, silent } = outcome;
  if (!late && failed.length === 0) {
    if (!destroying) {
      const rest = silent.length === 0 ? 'All nodes run it.' : `All pipelines run. Not running: ${silent.join(', ')}.`;
      say(context, options, rest);
    }
    return EXIT.done;
  }
  if (late) context.stderr.write(`Error OT7008: not everything runs after ${timeoutMs / 1000} s\n`);
  for (const line of outcomeLines(outcome)) context.stderr.write(`${printable(line)}\n`);
  const when = missing.some(({ error }) => error === null) ? ' and is taken up when the nodes come' : '';
  const again = failed.length === 0 ? '' : 'what failed is tried again by itself: ';
  context.stderr.write(`The change is applied and stays${when}; ${again}see \`otter status\`.\n`);
  return late ? EXIT.timeout : EXIT.error;
}

/** @throws OtterError OT7001 beside options that would make another plan */
function savedPlan(context: Context, path: string, options: ApplyOptions): Plan {
  const plan = readPlan(context.parts.readFile(path), context.parts.digest);
  refuseBeside(options, 'a saved plan, which is carried out as it is');
  const asked = options.topology === undefined ? plan.topology : topologyName(context, options, loadTopology);
  if (asked !== plan.topology) {
    throw new OtterError('OT7001', `the plan in ${path} is for the topology ${plan.topology}, not for ${asked}`, {
      hint: 'Leave `-t` out, or name the plan of that topology.',
    });
  }
  const ended = plan.findings.find(
    ({ severity, waived }) => severity === 'error' && waived !== null && waived.until < today(context),
  );
  if (ended !== undefined) {
    throw new OtterError(
      'OT2011',
      `the plan in ${path} rests on a waiver that ended on ${ended.waived!.until}: ${ended.address}: ${ended.message}`,
      {
        hint: 'Plan again.',
      },
    );
  }
  if (plan.applyable || plan.changes.length === 0) return plan;
  throw new OtterError('OT2004', `the plan in ${path} was refused when it was made`, {
    hint: 'Plan again: `otter plan` says what is refused.',
  });
}

/** @throws OtterError OT7001 */
function refuseBeside(options: ApplyOptions, what: string): void {
  const others = {
    '--target': options.target,
    '--exclude': options.exclude,
    '--live': options.live === true ? ['--live'] : [],
    '--allow-destroy': options.allowDestroy,
    '--var': options.var,
    '--var-file': options.varFile,
    '--env': options.topology === undefined ? options.env : undefined,
  };
  const beside = Object.entries(others).find(([, values]) => values !== undefined && values.length > 0);
  if (beside === undefined) return;
  throw new OtterError('OT7001', `${beside[0]} has no meaning beside ${what}`, {
    hint: 'Leave it out, or plan anew with it.',
  });
}

function say(context: Context, options: ApplyOptions, line: string): void {
  (options.json === true ? context.stderr : context.stdout).write(`${line}\n`);
}
