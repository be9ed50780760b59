/** Entries of channels that mean no table: a slip of the pen, or a table that is still to be made. */
import type { TableName } from '../model/inspection.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import { matches, singleName, tablePattern } from '../model/table-pattern.ts';
import { type LiveFinding, ofTable } from './finding.ts';
import type { Live } from './live.ts';
import { schemasOf, sees } from './sight.ts';

/**
 * One-way, at each source; in a two-way channel a table of any site is enough, and one that only another than the first
 * has is said elsewhere.
 */
export function entryFindings(live: Live): LiveFinding[] {
  return Object.entries(live.topology.channel).flatMap(([channel, spec]) => {
    // By source, since one-way a source has the same entries for every target.
    const reading = [...new Map(compileChannel(channel, spec).map((one) => [one.source, one])).values()];
    const together = spec.direction.kind === 'two-way' ? [reading] : reading.map((one) => [one]);
    return spec.tables.flatMap((_, entry) =>
      together.flatMap((sides) => {
        const looked = sides.map((side) => tablesOf(live, side, entry));
        if (looked.includes(null)) return [];
        const tables = looked.flatMap((known) => known!.tables);
        return looked.some((known) => known!.hasAny) ? [] : [missing(live, sides, entry, tables)];
      }),
    );
  });
}

/** Null: nobody knows, since the database did not answer or the account may not see the schema. */
function tablesOf(
  live: Live,
  { source, tables: rules }: PipelineSpec,
  entry: number,
): { readonly tables: readonly TableName[]; readonly hasAny: boolean } | null {
  const answered = live.databases.get(source);
  if (answered === undefined) return null;
  const { tables } = answered.report;
  const { from } = rules[entry]!;
  const pattern = tablePattern(from);
  const hasAny = tables.some(({ schema, name }) => matches(pattern, schema, name));
  return hasAny || schemasOf(from).every((schema) => sees(answered, schema)) ? { tables, hasAny } : null;
}

function missing(live: Live, sides: readonly PipelineSpec[], entry: number, tables: readonly TableName[]): LiveFinding {
  const { channel, tables: rules } = sides[0]!;
  const { from } = rules[entry]!;
  const single = singleName(tablePattern(from));
  const names = sides.map(({ source }) => `\`${source}\``);
  const who = names.length === 1 ? `${names[0]} has no` : `none of ${names.join(', ')} has a`;
  const what = single === null ? `table that \`${from}\` means` : `table \`${from}\``;
  const alike = tables.find(
    ({ schema, name }) =>
      single !== null && `${schema}.${name}`.toLowerCase() === `${single.schema}.${single.table}`.toLowerCase(),
  );
  const folds = sides.some(({ source }) => live.databases.get(source)?.report.facts.folds === true);
  const advice =
    alike === undefined
      ? 'Correct the name or make the table; one that is made later joins by itself.'
      : folds
        ? `Write it as \`${alike.schema}.${alike.name}\`: the server keeps names in small letters.`
        : `There is \`${alike.schema}.${alike.name}\`: names are compared letter by letter.`;
  return {
    code: 'OT4053',
    severity: folds && alike !== undefined ? 'error' : 'warning',
    summary: `${who} ${what}`,
    detail: advice,
    at: ofTable(channel, entry),
  };
}
