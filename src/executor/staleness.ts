/** Whether a plan still fits the state store, and if not, what has moved since: which objects, by whom, when, from what to what. */
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { AppliedState, AttributeChange } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import { type Journaled, type MovedKey, movedKeys, since } from '../planner/stale.ts';
import { topologyPrefix } from '../state/keys.ts';
import { readRuns } from './journal.ts';
import { readHistory } from './snapshot.ts';

/** Attributes of one object in a message; all of them stand in `otter show`. */
const ATTRIBUTES_MAX = 5;
const OBJECTS_MAX = 5;

/** @throws OtterError OT2001 naming every key that moved, or who applied this very plan before, or that it is of another state */
export async function refuseStale(store: StateStore, plan: Plan, applied: AppliedState): Promise<void> {
  const where = { topology: plan.topology };
  const lineage = applied.meta.record?.lineage ?? null;
  const serial = applied.meta.record?.serial ?? 0;
  const history = await readHistory(store, plan.topology);
  // An earlier one was as this is: what it made was taken away since, and is to be made again.
  const same = history.find((one) => one.planDigest === plan.plan_digest && one.serial >= plan.serial);
  if (same !== undefined && plan.changes.length > 0) {
    const later = serial > same.serial ? `; since then serial ${serial} was applied` : '';
    const message = `the plan is applied already: as serial ${same.serial}, at ${same.at} by ${same.by}${later}`;
    const hint = 'There is nothing to do. For another change plan again with `otter plan`.';
    throw new OtterError('OT2001', message, { hint, where });
  }
  // Two stores that were written in the same steps have the same revisions.
  if (lineage !== plan.lineage && lineage !== null && plan.lineage !== null) {
    throw new OtterError(
      'OT2001',
      `the plan was made from another state of ${plan.topology}: its lineage is ${plan.lineage}, and here it is ${lineage}`,
      {
        hint: 'The state is another one (--state, OTTER_STATE), or was begun anew since. Plan again with `otter plan`.',
        where,
      },
    );
  }
  const moved = movedKeys(plan, applied);
  if (moved.length === 0 && lineage === plan.lineage) return;
  const journal = await readJournal(store, plan.topology, plan.serial);
  const lines = moved.slice(0, OBJECTS_MAX).map((one) => movedText(plan, one, journal));
  if (moved.length > OBJECTS_MAX) lines.push(`and ${moved.length - OBJECTS_MAX} more`);
  if (moved.length === 0) lines.push('the topology was applied for the first time');
  throw new OtterError('OT2001', `the plan is stale, since then these have moved: ${lines.join('; ')}`, {
    hint: 'Plan again with `otter plan`.',
    where,
  });
}

/** `spec/channel/shop (revision 5, now revision 9: serial 3 by ann at ..: ddl "stop" -> "ignore")`. */
function movedText(plan: Plan, { key, address, was, is }: MovedKey, journal: readonly Journaled[]): string {
  const prefix = topologyPrefix(plan.topology);
  const name = key.startsWith(prefix) ? key.slice(prefix.length) : key;
  const by = since(plan, address, journal).map(
    ({ serial, by: who, at, attributes }) =>
      // Of what came or went every attribute is another.
      `serial ${serial} by ${who} at ${at}${was === null || is === null ? '' : attributesText(attributes)}`,
  );
  const told = by.length === 0 ? '' : `: ${by.join(', then ')}`;
  return `${name} (${revisionText(was)}, now ${revisionText(is)}${told})`;
}

function attributesText(attributes: readonly AttributeChange[]): string {
  const shown = attributes
    .slice(0, ATTRIBUTES_MAX)
    .map(({ path, before, after }) => `${path} ${valueText(before)} -> ${valueText(after)}`);
  const rest = attributes.length - shown.length;
  return shown.length === 0 ? '' : `: ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

const VALUE_CHARS_MAX = 60;

/** Specs hold references to secrets and never a secret. */
function valueText(value: AttributeChange['before']): string {
  if (value === null) return '(none)';
  const text = JSON.stringify(value);
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}

function revisionText(revision: number | null): string {
  return revision === null ? 'not there' : `revision ${revision}`;
}

/** Changes that were journaled by applies since this serial. */
async function readJournal(store: StateStore, topology: string, from: number): Promise<Journaled[]> {
  const runs = await readRuns(store, topology);
  return runs.flatMap(({ plan, batches }) => {
    const changes = new Map(plan?.changes.map((change) => [change.address, change]));
    return batches.flatMap(({ record: { serial, by, at, addresses } }): Journaled[] =>
      serial < from
        ? []
        : addresses.map((address) => {
            const { before, after } = changes.get(address) ?? {};
            return { serial, by, at, address, before, after };
          }),
    );
  });
}
