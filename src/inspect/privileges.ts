/**
 * What otter's account lacks, as the statements that grant it.
 *
 * Rule kept: nothing is asked for that is not needed where it is asked for; docs/databases.md says what each is for.
 */
import type { TableName } from '../model/inspection.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import {
  lacking,
  lackingForLog,
  MAKE_PRIVILEGES,
  OWN_PRIVILEGES,
  READ_PRIVILEGES,
  WRITE_PRIVILEGES,
} from '../model/privileges.ts';
import { tableName } from '../model/row.ts';
import { type LiveFinding, ofDatabase } from './finding.ts';
import { type Answered, type Live, pipelinesOf } from './live.ts';
import { pairsOf } from './pairs.ts';
import { schemasOf } from './sight.ts';

/** What is needed on one schema, and on which of its tables at least. */
interface Need {
  readonly privileges: Set<string>;
  readonly tables: Map<string, TableName>;
}

export function privilegeFindings(live: Live): LiveFinding[] {
  return [...live.databases].flatMap(([name, answered]) => {
    const { account, facts } = answered.report;
    const pipelines = pipelinesOf(live.topology);
    if (facts.family === 'oracle') return oracleFindings(live, name, answered, pipelines);
    const isSource = pipelines.some(({ source }) => source === name);
    const log = isSource ? lackingForLog(account, facts.family) : [];
    const missing: [place: string, privileges: readonly string[]][] = log.length === 0 ? [] : [['*.*', log]];
    const needs = needsOf(live, name, answered, pipelines);
    for (const [schema, need] of needs) {
      const lacks = lackingOn(answered, schema, need);
      if (lacks.length > 0) missing.push([`${quoted(schema)}.*`, lacks]);
    }
    if (missing.length === 0) return [];
    const what = missing.map(([place, privileges]) => `${privileges.join(', ')} on ${place}`).join('; ');
    const statements = missing.map(
      ([place, privileges]) => `GRANT ${privileges.join(', ')} ON ${place} TO ${account.name};`,
    );
    return [
      {
        code: 'OT4022',
        severity: 'error',
        summary: `database \`${name}\`: the user ${account.name} lacks ${what}`,
        detail: ['As an administrator, type:', ...statements].join('\n'),
        at: ofDatabase(name, 'user'),
      },
    ];
  });
}

/** Rights are granted on tables there, not on schemas. */
function oracleFindings(
  live: Live,
  database: string,
  { report: { account }, tables }: Answered,
  pipelines: readonly PipelineSpec[],
): LiveFinding[] {
  const lacks = new Map<string, readonly string[]>();
  for (const pipeline of pipelines.filter(({ target }) => target === database)) {
    const source = live.databases.get(pipeline.source);
    for (const { target } of source === undefined ? [] : pairsOf(pipeline, source.report, live.topology)) {
      const there = tables.get(tableName(target))?.shape;
      if (there === undefined) continue;
      const missing = lacking(account, WRITE_PRIVILEGES, { schema: there.schema, table: there.name });
      if (missing.length > 0) lacks.set(`"${there.schema}"."${there.name}"`, missing);
    }
  }
  const makes = lacking(account, ['CREATE TABLE', 'CREATE ANY TABLE'], { schema: null }).length === 2;
  if (lacks.size === 0 && !makes) return [];
  const what = [...lacks].map(([table, privileges]) => `${privileges.join(', ')} on ${table}`);
  const statements = [...lacks].map(
    ([table, privileges]) => `GRANT ${privileges.join(', ')} ON ${table} TO ${account.name};`,
  );
  if (makes) {
    what.push('CREATE TABLE');
    statements.push(`GRANT CREATE TABLE TO ${account.name};`);
  }
  return [
    {
      code: 'OT4022',
      severity: 'error',
      summary: `database \`${database}\`: the user ${account.name} lacks ${what.join('; ')}`,
      detail: ['As an administrator, type:', ...statements].join('\n'),
      at: ofDatabase(database, 'user'),
    },
  ];
}

function needsOf(
  live: Live,
  database: string,
  answered: Answered,
  pipelines: readonly PipelineSpec[],
): ReadonlyMap<string, Need> {
  const needs = new Map<string, Need>();
  const need = (schema: string, privileges: readonly string[], table: TableName | null): void => {
    const known = needs.get(schema) ?? { privileges: new Set(), tables: new Map() };
    needs.set(schema, known);
    for (const privilege of privileges) known.privileges.add(privilege);
    if (table !== null) known.tables.set(tableName(table), table);
  };
  for (const pipeline of pipelines) {
    if (pipeline.source === database) {
      for (const { from } of pipeline.tables) for (const schema of schemasOf(from)) need(schema, READ_PRIVILEGES, null);
      for (const { source } of pairsOf(pipeline, answered.report, live.topology))
        need(source.schema, READ_PRIVILEGES, source);
      // On otter's own tables it is found out what others were like between two changes.
      if (pipeline.ddl === 'replicate') need(live.topology.database[database]!.schema, ['ALTER'], null);
    }
    if (pipeline.target === database) {
      for (const { from, to } of pipeline.tables)
        for (const schema of schemasOf(to ?? from)) {
          need(schema, WRITE_PRIVILEGES, null);
          if (pipeline.ddl === 'replicate' && pipeline.role !== 'to-serialiser') need(schema, MAKE_PRIVILEGES, null);
        }
      const source = live.databases.get(pipeline.source);
      const pairs = source === undefined ? [] : pairsOf(pipeline, source.report, live.topology);
      for (const { target } of pairs) {
        need(target.schema, WRITE_PRIVILEGES, target);
        if (!answered.tables.has(tableName(target)) && pipeline.role !== 'to-serialiser')
          need(target.schema, MAKE_PRIVILEGES, null);
      }
    }
  }
  need(live.topology.database[database]!.schema, OWN_PRIVILEGES, null);
  return needs;
}

/** Rights on every table that is there do as well as rights on the schema, as long as no more are to come. */
function lackingOn({ report: { account } }: Answered, schema: string, need: Need): string[] {
  const privileges = [...need.privileges];
  const onSchema = lacking(account, privileges, { schema });
  if (onSchema.length === 0 || need.tables.size === 0) return [...onSchema];
  const onTables = [...need.tables.values()].map(({ name }) => lacking(account, privileges, { schema, table: name }));
  return onSchema.filter((privilege) => {
    const makes = (MAKE_PRIVILEGES as readonly string[]).includes(privilege);
    return makes || onTables.some((lacks) => lacks.includes(privilege));
  });
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
