/** `otter history`, `otter show N`, `otter diff A..B`: what was applied, when and by whom. `otter audit`: who changed what. */
import { readAudit } from '../executor/audit.ts';
import { appliedAt, movesBack, type Past, planOf, readPast } from '../executor/past.ts';
import { readHistory } from '../executor/snapshot.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import type { HistoryRecord } from '../model/records.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { diff } from '../planner/diff.ts';
import { withMoves } from '../planner/moves.ts';
import { renderAudit, renderDifferences, renderHistory, renderSerial } from '../render/history.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { rangeOf, serialOf } from './serials.ts';

export interface AuditOptions extends CommonOptions {
  /** Milliseconds. */
  readonly since?: number;
  readonly limit?: number;
}

const AUDIT_SHOWN = 50;

export async function history(context: Context, options: CommonOptions): Promise<number> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const records = appliedOnce(name, store, await readHistory(store, name));
  print(context, options, records, () => renderHistory(records));
  return EXIT.done;
}

export async function show(context: Context, options: CommonOptions, word: string): Promise<number> {
  const { past } = await pastOf(context, options);
  const serial = serialOf(word, past.history);
  const record = past.history.find((one) => one.serial === serial)!;
  const plan = planOf(past, serial);
  print(context, options, { ...record, plan }, () => renderSerial(record, plan?.changes ?? null));
  return EXIT.done;
}

export async function differences(context: Context, options: CommonOptions, range: string): Promise<number> {
  const { name, past } = await pastOf(context, options);
  const [from, to] = rangeOf(range, past.history);
  const [older, newer] = from < to ? [from, to] : [to, from];
  const back = movesBack(past, older, newer);
  const moves = from < to ? back.map((move) => ({ from: move.to, to: move.from })) : back;
  const changes = diff(appliedTopology(appliedAt(past, to)), withMoves(appliedAt(past, from), moves), moves);
  const json = {
    topology: name,
    from,
    to,
    changes: changes.map(({ address, kind, actions, before, after, attributes }) => ({
      address,
      kind,
      actions,
      before,
      after,
      attributes,
    })),
  };
  print(context, options, json, () => renderDifferences(from, to, changes));
  return EXIT.done;
}

export async function audit(context: Context, options: AuditOptions): Promise<number> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const { since, limit = AUDIT_SHOWN } = options;
  const all = await readAudit(store, name, context.signal);
  const young = all.filter(({ at }) => since === undefined || Date.parse(at) >= context.now() - since);
  const records = young.slice(Math.max(0, young.length - limit));
  print(context, options, records, () => renderAudit(records));
  return EXIT.done;
}

async function pastOf(
  context: Context,
  options: CommonOptions,
): Promise<{ readonly name: string; readonly past: Past }> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const past = await readPast(store, name, context.signal);
  appliedOnce(name, store, past.history);
  return { name, past };
}

/** @throws OtterError OT7005 */
export function appliedOnce(
  name: string,
  store: Pick<StateStore, 'url'>,
  records: readonly HistoryRecord[],
): readonly HistoryRecord[] {
  if (records.length > 0) return records;
  throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
    hint: 'Apply it first: otter apply',
  });
}

function print(context: Context, options: CommonOptions, value: unknown, text: () => string): void {
  context.stdout.write(options.json === true ? `${JSON.stringify(value, null, 2)}\n` : text());
}
