/** `otter apply` and `otter destroy`: show the plan, ask, carry it out, wait until the nodes run it. */
import { applyPlan, waitForNodes } from '../executor/apply.ts';
import type { FailedPipeline, WaitResult } from '../executor/wait.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { type Plan, readPlan } from '../planner/plan.ts';
import { planJson } from '../render/json.ts';
import { renderPlan } from '../render/text.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { consent } from './consent.ts';
import { type Context, colour, EXIT, stateUrl, storeToRead, topologyName } from './context.ts';
import { ownersOf, tellLeft } from './leaving.ts';
import { type Planned, type PlanOptions, planFor, showRefusals } from './plan.ts';
import { asTyped } from './typed.ts';

export interface ApplyOptions extends PlanOptions {
  readonly autoApprove?: boolean;
  readonly expect?: string;
  readonly wait?: boolean;
  /** Milliseconds, as `timeOf` understood them. */
  readonly timeout?: number;
  readonly lockTimeout?: number;
}

const TIMEOUT_MS = 120_000;

export async function apply(context: Context, options: ApplyOptions, planFile: string | undefined): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options));
  if (planFile !== undefined) return await carryOut(context, options, store, savedPlan(context, planFile, options));
  return await review(context, options, store, await planFor(context, options, store, 'declared'));
}

export async function destroy(context: Context, options: ApplyOptions): Promise<number> {
  await using store = storeToRead(context, options);
  return await review(context, options, store, await planFor(context, options, store, 'destroyed'));
}

/** Shows a plan, asks, carries it out. Shared with `otter up`. */
export async function review(
  context: Context,
  options: ApplyOptions,
  store: StateStore,
  { plan, refusals }: Planned,
): Promise<number> {
  context.stdout.write(
    options.json === true
      ? `${planJson(plan)}\n`
      : asTyped(renderPlan(plan, { colour: colour(context, options), target: options.target }), options, context),
  );
  if (showRefusals(context, refusals)) return EXIT.refused;
  checkExpected(plan, options);
  if (plan.changes.length === 0)
    return options.wait === false ? EXIT.done : wait(context, options, store, plan.topology, plan.destroy);
  if (options.autoApprove !== true && options.expect === undefined) await consent(context, plan.destroy);
  return carryOut(context, options, store, plan);
}

async function carryOut(context: Context, options: ApplyOptions, store: StateStore, plan: Plan): Promise<number> {
  checkExpected(plan, options);
  const leaving = await ownersOf(context, store, plan);
  const { user, host, pid, commit } = context.parts.who();
  const { serial } = await applyPlan({
    store,
    plan,
    by: user,
    host,
    pid,
    commit,
    lockTimeoutMs: options.lockTimeout ?? 0,
    signal: context.signal,
    now: context.now,
    newLineage: context.parts.newId,
    onEvent: (line) => context.stderr.write(`${line}\n`),
  });
  const { add, change, destroy: gone } = plan.summary;
  if (plan.changes.length === 0) say(context, options, `No changes: serial ${serial} stays as it is.`);
  else say(context, options, `Applied as serial ${serial}: ${add} added, ${change} changed, ${gone} destroyed.`);
  const code = options.wait === false ? EXIT.done : await wait(context, options, store, plan.topology, plan.destroy);
  await tellLeft(context, store, plan, leaving);
  return code;
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
  context: Context,
  options: ApplyOptions,
  store: StateStore,
  topology: string,
  destroying: boolean,
): Promise<number> {
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  let outcome: WaitResult;
  try {
    outcome = await waitForNodes({
      store,
      topology,
      signal: context.signal,
      timeoutMs,
      onProgress: (line) => context.stderr.write(`${printable(line)}\n`),
      onFailed: (failed) => tellFailed(context, failed),
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
  for (const line of summary(outcome)) context.stderr.write(`${printable(line)}\n`);
  const when = missing.some(({ error }) => error === null) ? ' and is taken up when the nodes come' : '';
  const again = failed.length === 0 ? '' : 'what failed is tried again by itself: ';
  context.stderr.write(`The change is applied and stays${when}; ${again}see \`otter status\`.\n`);
  return late ? EXIT.timeout : EXIT.error;
}

function tellFailed(context: Context, { pipeline, node, code, message, hint }: FailedPipeline): void {
  context.stderr.write(`Error ${code ?? 'without a code'}: ${pipeline} on ${node}: ${printable(message)}\n`);
  if (hint !== null) context.stderr.write(`  ${printable(hint)}\n`);
}

/** The last words: what runs, what failed, what has not reported and what to type for it. */
function summary({ running, failed, missing }: WaitResult): string[] {
  const lines = running.length === 0 ? [] : [`  running: ${running.join(', ')}`];
  for (const { pipeline, node, code } of failed) lines.push(`  failed: ${pipeline} on ${node} (${code ?? 'no code'})`);
  const { unreported = [], kept = [] } = Object.groupBy(missing, ({ error }) =>
    error === null ? 'unreported' : 'kept',
  );
  for (const { pipeline, node, error } of kept)
    lines.push(`  not yet running: ${pipeline} on ${node} (${error!.code})`);
  const byNode = Map.groupBy(unreported, ({ node, database }) => node ?? `no node for ${database}`);
  for (const [node, list] of byNode) {
    const pipelines = [...new Set(list.map(({ pipeline }) => pipeline))].join(', ');
    const what =
      list[0]!.node === null ? node : `${node} has not reported; if it does not run, type: otter node ${node}`;
    lines.push(`  ${what} (${pipelines})`);
  }
  return lines;
}

/** @throws OtterError OT7001 beside options that would make another plan */
function savedPlan(context: Context, path: string, options: ApplyOptions): Plan {
  const plan = readPlan(context.parts.readFile(path), context.parts.digest);
  const others = {
    '--target': options.target,
    '--allow-destroy': options.allowDestroy,
    '--var': options.var,
    '--var-file': options.varFile,
    '--env': options.topology === undefined ? options.env : undefined,
  };
  const beside = Object.entries(others).find(([, values]) => values !== undefined && values.length > 0);
  if (beside !== undefined) {
    throw new OtterError('OT7001', `${beside[0]} has no meaning beside a saved plan, which is carried out as it is`, {
      hint: 'Leave it out, or plan anew with it.',
    });
  }
  const asked = options.topology === undefined ? plan.topology : topologyName(context, options, loadTopology);
  if (asked !== plan.topology) {
    throw new OtterError('OT7001', `the plan in ${path} is for the topology ${plan.topology}, not for ${asked}`, {
      hint: 'Leave `-t` out, or name the plan of that topology.',
    });
  }
  if (plan.applyable || plan.changes.length === 0) return plan;
  throw new OtterError('OT2004', `the plan in ${path} was refused when it was made`, {
    hint: 'Plan again: `otter plan` says what is refused.',
  });
}

function say(context: Context, options: ApplyOptions, line: string): void {
  (options.json === true ? context.stderr : context.stdout).write(`${line}\n`);
}
