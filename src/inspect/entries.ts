/** Entries of channels that mean no table: a slip of the pen, or a table that is still to be made. */
import type { TableName } from '../model/inspection.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { matches, singleName, tablePattern } from '../model/table-pattern.ts';
import { type LiveFinding, ofTable } from './finding.ts';
import { type Live, pipelinesOf } from './live.ts';

/**
 * One-way, at each source; in a two-way channel a table of either site is enough, and one that only the other site has is
 * said elsewhere.
 */
export function entryFindings(live: Live): LiveFinding[] {
  const pipelines = pipelinesOf(live.topology);
  return pipelines.flatMap((pipeline) => {
    const reverse = pipelines.find(({ name }) => name === pipeline.reverse);
    // Of the two directions, the one whose names are those of the entries.
    if (reverse !== undefined && pipelines.indexOf(reverse) < pipelines.indexOf(pipeline)) return [];
    return pipeline.tables.flatMap((rule, entry) => {
      const sides = [
        { pipeline, rule },
        ...(reverse === undefined ? [] : [{ pipeline: reverse, rule: reverse.tables[entry]! }]),
      ];
      const tables = sides.map((side) => live.databases.get(side.pipeline.source)?.report.tables);
      // What an unreached database has is not known.
      if (tables.some((known, side) => known === undefined || hasAny(known, sides[side]!.rule))) return [];
      return [missing(pipeline, rule, entry, tables as TableName[][], reverse !== undefined)];
    });
  });
}

function hasAny(tables: readonly TableName[], { from }: TableRule): boolean {
  const pattern = tablePattern(from);
  return tables.some(({ schema, name }) => matches(pattern, schema, name));
}

function missing(
  { channel, source, target }: PipelineSpec,
  { from }: TableRule,
  entry: number,
  tables: readonly (readonly TableName[])[],
  twoWay: boolean,
): LiveFinding {
  const single = singleName(tablePattern(from));
  const where = twoWay ? `neither \`${source}\` nor \`${target}\` has` : `\`${source}\` has no`;
  const what =
    single === null ? `${twoWay ? 'a ' : ''}table that \`${from}\` means` : `${twoWay ? 'the ' : ''}table \`${from}\``;
  const alike = tables
    .flat()
    .find(
      ({ schema, name }) =>
        single !== null && `${schema}.${name}`.toLowerCase() === `${single.schema}.${single.table}`.toLowerCase(),
    );
  const advice =
    alike === undefined
      ? 'Or the account may not see it. One that is made later joins by itself.'
      : `There is \`${alike.schema}.${alike.name}\`: names are compared letter by letter.`;
  return {
    code: 'OT4053',
    severity: 'warning',
    summary: `${where} ${what}`,
    detail: advice,
    at: ofTable(channel, entry),
  };
}
