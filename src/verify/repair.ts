/**
 * Rows that differ are sent again from where they count, by the pipeline that brings them: nothing is written past it.
 *
 * Rule kept: what nobody can say the truth of is left alone, and it is said why. That is a row that only the target has where
 * several tables go into it or the channel leaves its rows alone, and every row where more than one site decides.
 */
import type { PipelineSpec } from '../model/pipeline.ts';
import { type Image, tableName } from '../model/row.ts';
import { type ResyncWait, resync } from './resync.ts';
import type { Candidate, ComparedSource } from './rows.ts';
import type { Found } from './verify.ts';

export interface RepairOptions extends ResyncWait {
  /** The name under which otter's own tables know a pipeline. */
  readonly kept: (pipeline: string) => string;
}

const KEYS_AT_ONCE = 500;

/** Why some rows were not sent again; null: all were. @throws OtterError OT7022 */
export async function repair({ group, compared, differences }: Found, options: RepairOptions): Promise<string | null> {
  let why: string | null = null;
  for (const [index, source] of compared.sources.entries()) {
    const flow = group.flows[index]!;
    const undecided = undecidedBy(flow.pipeline, flow.rule.conflict.policy);
    const mine = differences.filter(({ from }) => (from?.source ?? 0) === index);
    if (mine.length > 0 && undecided !== null) {
      why = undecided;
      continue;
    }
    const keys: Image[] = [];
    for (const difference of mine) {
      // One that the source has no more is to be deleted, like one that it never had.
      const deletes = difference.kind === 'extra';
      if (deletes && group.keeps !== null) why = group.keeps;
      const key = deletes && group.keeps !== null ? null : keyAtSource(source, difference);
      if (key !== null) keys.push(key);
    }
    for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
      const request = {
        pipeline: options.kept(flow.pipeline.name),
        table: tableName(source.full),
        keys: JSON.stringify(keys.slice(start, start + KEYS_AT_ONCE)),
        where: null,
      };
      const { state, said } = await resync(source.database, request, options);
      if (state === 'refused') why = said;
    }
  }
  return why;
}

function undecidedBy({ role, mesh }: PipelineSpec, policy: string): string | null {
  if (role === 'one-way') return null;
  if (mesh) return 'every site decides, so none can say which row is right';
  return policy === 'site-priority' ? null : `under ${policy} the later write is right, which a row does not tell`;
}

/** Primary key of the row there. */
function keyAtSource({ full, back }: ComparedSource, { from, key }: Candidate): Image | null {
  if (from !== null) return from.key;
  return back === null ? null : full.primaryKey.map((index) => key[back.of[back.columns.indexOf(index)]!]!);
}
