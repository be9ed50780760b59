/** What the dashboard asks for beside the status and what it does, with the code of the commands that do the same when they are typed. */
import { stringify } from 'yaml';
import type { Deed, Desk, Past, TablesSeen, Telling } from '../dashboard/desk.ts';
import { readAlerts } from '../executor/alert-desk.ts';
import { readApplied } from '../executor/applied.ts';
import { readAudit } from '../executor/audit.ts';
import type { ConflictJson, ConflictsJson } from '../model/conflict-json.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { StatsJson } from '../model/stats-json.ts';
import { spelledOut } from '../planner/attributes.ts';
import type { Json } from '../planner/change.ts';
import { alertsJson } from './alerts-report.ts';
import { conflictOf, conflicts } from './conflicts.ts';
import { type CommonOptions, type Context, EXIT } from './context.ts';
import { pause, resume } from './pause.ts';
import { resolveConflict } from './resolve.ts';
import { runsSeen } from './runs-seen.ts';
import { stats } from './stats.ts';
import { tablesReport } from './status-tables.ts';
import { verify } from './verify.ts';

const CONFLICTS_SHOWN = '500';
const AUDIT_SHOWN = 500;
/** A day in 48 steps, which most terminals have columns for. */
const HISTORY_MS = 24 * 3_600_000;
const HISTORY_STEP_MS = HISTORY_MS / 48;

export interface DeskOptions extends CommonOptions {
  readonly write?: boolean;
}

export function deskOf(store: StateStore, topology: string, context: Context, options: DeskOptions): Desk {
  const { write = false, ...common } = options;
  return {
    write,
    past: async (signal): Promise<Past> => {
      const audit = await readAudit(store, topology, signal);
      return { runs: await runsSeen(store, topology, signal), audit: audit.slice(-AUDIT_SHOWN).reverse() };
    },
    conflicts: async (signal): Promise<ConflictsJson> => {
      const asked = { ...common, json: true, limit: CONFLICTS_SHOWN };
      return heard(context, signal, (quiet) => conflicts(quiet, asked, []));
    },
    conflict: async (id, signal): Promise<ConflictJson> =>
      heard(context, signal, (quiet) => conflicts(quiet, { ...common, json: true }, ['show', id])),
    tables: async (channel, signal): Promise<TablesSeen> => {
      const { channels, away } = await tablesReport(store, topology, { ...context, signal });
      return { entries: channels.find(({ name }) => name === channel)?.entries ?? [], away };
    },
    alerts: async (signal) => alertsJson(topology, await readAlerts(store, topology, signal), context.now()),
    history: async (pipeline, signal): Promise<StatsJson> => {
      const asked = { ...common, json: true, since: HISTORY_MS, every: HISTORY_STEP_MS };
      return heard(context, signal, (quiet) => stats(quiet, asked, pipeline.replace('>', ':')));
    },
    yaml: (address, signal) => yamlOf(store, topology, address, signal),
    perform: (deed, telling) => perform(deed, telling, context, common),
  };
}

/** What a command prints as JSON. What it says beside that stands in the JSON too. */
async function heard<T>(
  context: Context,
  signal: AbortSignal,
  command: (quiet: Context) => Promise<number>,
): Promise<T> {
  let text = '';
  const stdout = { write: (more: string) => (text += more) };
  await command({ ...context, stdout, stderr: { write: () => true }, signal: either(context, signal) });
  return JSON.parse(text) as T;
}

function either({ signal: outer }: Context, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([outer, signal]);
}

/** @throws OtterError OT7001 for what is not applied */
async function yamlOf(
  store: StateStore,
  topology: string,
  address: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { applied } = await readApplied(store, topology, signal);
  const found = applied.specs.find(({ kind, name }) => `${kind}.${name}` === address);
  if (found === undefined) {
    const known = applied.specs.slice(0, 12).map(({ kind, name }) => `${kind}.${name}`);
    throw new OtterError('OT7001', `nothing is applied under the address ${address}`, {
      hint: `There are ${known.join(', ')}${applied.specs.length > known.length ? ', and more' : ''}.`,
    });
  }
  const spec = spelledOut(found.kind, found.spec as Json);
  const serial = applied.meta.record?.serial ?? 0;
  return [
    `# ${address} as it is applied at serial ${serial}, generation ${found.generation}, every default spelled out`,
    ...stringify({ [found.name]: spec }, { lineWidth: 0 })
      .trimEnd()
      .split('\n'),
  ];
}

// ---------------------------------------------------------------- deeds

const RESTS = {
  pause: 'It keeps its place, and its source must keep its log meanwhile.',
  resume: 'It goes on from where it stands.',
};

async function perform(deed: Deed, telling: Telling, context: Context, options: CommonOptions): Promise<string | null> {
  const output = { write: (text: string) => telling.say(text) };
  const told: Context = { ...context, stdout: output, stderr: output, signal: either(context, telling.signal) };
  switch (deed.kind) {
    case 'pause':
    case 'resume': {
      const { kind, address } = deed;
      const word = address.replace('>', ':');
      telling.say(RESTS[kind]);
      if (!(await telling.ask(`To ${kind} it`, word))) return null;
      const code = await (kind === 'pause' ? pause : resume)(told, options, word);
      return code === EXIT.done ? null : 'It is written, and no node has reported it yet.';
    }
    case 'verify': {
      const { channel } = deed;
      telling.say('Both databases of every pipeline are read row by row from here; nothing is changed.');
      if (!(await telling.ask(`To compare ${channel === null ? 'all channels' : channel}`, 'verify'))) return null;
      const code = await verify(told, options, channel ?? undefined);
      return code === EXIT.differences ? 'There are rows that differ.' : null;
    }
    case 'resolve': {
      const chosen = await conflictOf(told, options, deed.id);
      await resolveConflict(told, options, deed.take, chosen, async (question) => {
        if (!(await telling.ask(question, 'yes'))) throw new OtterError('OT7006', 'cancelled; nothing was changed');
      });
      return null;
    }
  }
}
