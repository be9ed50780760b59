/** A status report as text for people: how the whole stands, one line per pipeline with what is to be said of it in words beneath, then the nodes. */
import type {
  AlertsStatus,
  FilesStatus,
  IndexStatus,
  NodeStatus,
  PipelineStatus,
  StatusReport,
  VerifiedStatus,
} from '../model/status.ts';
import { byteText, columns } from './columns.ts';
import { printable } from './width.ts';

const NAMED_TABLES_MAX = 5;

export function renderStatus(report: StatusReport, { colour }: { readonly colour: boolean }): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [
    `${paint(1, report.topology)}  serial ${report.serial}  ${report.at}${report.applying === null ? '' : `  applying: ${printable(report.applying)}`}`,
    ...(report.store_away === null
      ? []
      : [
          paint(
            31,
            `The state store is away (${printable(report.store_away.message)}). These figures come from the nodes.`,
          ),
        ]),
    `${printable(report.summary)}.`,
    '',
  ];
  const rows = report.channels.flatMap(({ pipelines }) => pipelines);
  const cells = rows.map((row) => [
    row.name,
    row.phase,
    lag(row),
    `${row.rows_per_second}/s`,
    String(row.rows_applied),
    String(row.conflicts),
    row.node ?? '-',
  ]);
  const heads = ['PIPELINE', 'PHASE', 'LAG', 'ROWS', 'APPLIED', 'CONFLICTS', 'NODE'];
  const [head, ...texts] = columns([heads, ...cells]);
  lines.push(paint(2, head!));
  for (const [index, row] of rows.entries()) {
    const text = texts[index]!;
    lines.push(row.error !== null ? paint(31, text) : row.phase === 'streaming' ? text : paint(33, text));
    // What an error says stands below in full.
    if (row.error === null && row.summary !== `${row.name} is up to date`)
      lines.push(paint(33, `    ${printable(row.summary)}`));
    if (row.copy !== null) lines.push(`    copying: ${copied(row.copy)}`);
    if (row.error !== null) lines.push(...errorLines(row.error).map((text, i) => (i === 0 ? paint(31, text) : text)));
    if (Object.keys(row.conflict_tables).length > 0) lines.push(`    conflicts: ${conflicting(row)}`);
    // An error stands in the place of the words that tell of them.
    const told = (words: string): string => (row.error === null ? '' : `${words}; `);
    if (row.open_conflicts > 0) {
      const command = `otter conflicts ${row.name.replace('>', ':')} --open`;
      lines.push(`    ${told(`open conflicts: ${row.open_conflicts}`)}to decide them: ${command}`);
    }
    if (row.dead_letters > 0) {
      const command = `otter deadletter list ${row.name.replace('>', ':')}`;
      lines.push(`    ${told(`set aside: ${row.dead_letters}`)}to see them: ${command}`);
    }
    if (row.dry_run !== null) lines.push(...dryLines(row.dry_run).map((text) => paint(33, text)));
    if (row.index !== null && isLarge(row.index)) lines.push(paint(33, `    recent writes: ${indexed(row.index)}`));
  }
  for (const { name, verify } of report.channels)
    for (const { database, last } of verify?.databases ?? []) {
      const [text, code] = verified(last);
      lines.push(paint(code, `verify ${name} at ${database}, every ${verify!.every}: ${text}`));
    }
  if (rows.length === 0) lines.push('    nothing: no channel is applied');
  lines.push(...filesLines(report.files, paint), '');
  for (const node of report.nodes) {
    const state = node.alive
      ? `owns ${[...node.databases.map((name) => at(name, node.endpoints)), ...node.sides].join(', ') || 'nothing'}`
      : paint(33, `away; to start it: otter node ${node.name}`);
    lines.push(`node ${node.name} (${node.region}): ${state}`);
    if (node.error !== null) lines.push(...errorLines(node.error).map((text, i) => (i === 0 ? paint(31, text) : text)));
    if (node.warning !== null)
      lines.push(...errorLines(node.warning).map((text, i) => (i === 0 ? paint(33, text) : text)));
  }
  if (report.alerts !== undefined) lines.push(...alertLines(report.alerts).map((text) => paint(31, text)));
  return `${lines.join('\n')}\n`;
}

function at(database: string, endpoints: NodeStatus['endpoints']): string {
  const endpoint = Object.hasOwn(endpoints, database) ? endpoints[database] : undefined;
  return endpoint === undefined ? database : printable(`${database} (at ${endpoint})`);
}

/** In words, and the colour of it. */
function verified(last: VerifiedStatus | null): [string, number] {
  if (last === null) return ['not compared yet', 33];
  const { ended, tables, skipped, rows, differing, busy, error } = last;
  if (error !== null) return [`${ended} it could not be done: ${error.code}: ${printable(error.message)}`, 31];
  const counts = [
    differing === 0 ? 'nothing differs' : `${differing} differ (\`otter verify\` shows them)`,
    ...(skipped === 0 ? [] : [`${skipped} tables not compared`]),
    ...(busy === 0 ? [] : [`${busy} too busy to tell`]),
  ];
  return [`${ended} ${tables} tables, ${rows} rows: ${counts.join(', ')}`, differing > 0 ? 31 : skipped > 0 ? 33 : 0];
}

function alertLines({ firing, receivers }: AlertsStatus): string[] {
  return [
    ...firing.map(({ alert, since, about }) => {
      const what = about.map(({ name, says }) => (says === '' ? name : `${name}: ${says}`)).join('; ');
      return printable(`alert ${alert} since ${since}: ${what}`);
    }),
    ...receivers.map(({ receiver, code, message }) =>
      printable(`receiver ${receiver} was not told: ${code} ${message}`),
    ),
  ];
}

function filesLines(sets: readonly FilesStatus[], paint: (code: number, text: string) => string): string[] {
  const flows = sets.flatMap((set) => set.flows);
  if (flows.length === 0) return [];
  const cells = flows.map((flow) => [
    flow.name,
    flow.phase,
    `${flow.backlog_files} (${byteText(flow.backlog_bytes)})`,
    `${byteText(flow.bytes_per_second)}/s`,
    String(flow.files_done),
    String(flow.conflicts),
    flow.node ?? '-',
  ]);
  const [head, ...texts] = columns([['FILES', 'PHASE', 'BACKLOG', 'RATE', 'DONE', 'CONFLICTS', 'NODE'], ...cells]);
  const lines = ['', paint(2, head!)];
  for (const [index, flow] of flows.entries()) {
    const text = texts[index]!;
    lines.push(flow.error !== null ? paint(31, text) : flow.phase === 'streaming' ? text : paint(33, text));
    if (flow.error !== null) lines.push(...errorLines(flow.error).map((one, i) => (i === 0 ? paint(31, one) : one)));
    if (flow.failures > 0)
      lines.push(paint(33, `    ${flow.failures} files could not be brought, and are tried again: see the node's log`));
    if (flow.missing > 0)
      lines.push(
        paint(33, `    ${flow.missing} files that rows name are not in ${flow.source}: they are looked for again`),
      );
    if (flow.refused > 0) lines.push(`    ${flow.refused} paths are left alone: links, devices, or not to be read`);
    if (flow.waiting !== null) lines.push(paint(33, `    waits: ${printable(flow.waiting)}`));
  }
  return lines;
}

function errorLines({ code, message, hint }: NonNullable<PipelineStatus['error']>): string[] {
  return [`    ${code}: ${printable(message)}`, ...(hint === null ? [] : [`    ${printable(hint)}`])];
}

function copied(copy: NonNullable<PipelineStatus['copy']>): string {
  const { rows_done, rows_total, tables_done, tables_total, eta_ms } = copy;
  return [
    // Nothing is known of how many there are.
    ...(rows_total === 0 ? [] : [`${rows_done} of about ${rows_total} rows`]),
    `${tables_done} of ${tables_total} tables`,
    ...(eta_ms === null ? [] : [`about ${Math.ceil(eta_ms / 1000)} s to go`]),
  ].join(', ');
}

/** The tables that have most; more of them are one number. */
function conflicting({ conflicts, conflict_tables }: PipelineStatus): string {
  const named = Object.entries(conflict_tables).slice(0, NAMED_TABLES_MAX);
  const rest = conflicts - named.reduce((sum, [, count]) => sum + count, 0);
  const parts = named.map(([table, count]) => `${printable(table)} ${count}`);
  return [...parts, ...(rest > 0 ? [`others ${rest}`] : [])].join(', ');
}

function dryLines(dry: NonNullable<PipelineStatus['dry_run']>): string[] {
  const tables = Object.entries(dry);
  const named = tables.slice(0, NAMED_TABLES_MAX).map(([table, { insert, update, delete: gone }]) => {
    return `      ${printable(table)}: ${insert} inserts, ${update} updates, ${gone} deletes`;
  });
  const rest = tables.length - named.length;
  return [
    '    dry run, nothing is written; it would have been:',
    ...named,
    ...(rest > 0 ? [`      and ${rest} more tables`] : []),
  ];
}

/** Else nobody need know of it. */
function isLarge({ bytes, limit_bytes, file_bytes }: IndexStatus): boolean {
  return file_bytes > 0 || bytes * 2 > limit_bytes;
}

function indexed({ entries, bytes, file_bytes, waits_for, since }: IndexStatus): string {
  const file = file_bytes > 0 ? ` and ${mebibytes(file_bytes)} of disk` : '';
  return `${entries} in ${mebibytes(bytes)} of memory${file}, kept until it is known that ${printable(waits_for)} has passed ${printable(since)}`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))} MiB`;
}

function lag(row: PipelineStatus): string {
  if (row.lag_ms === null) return '-';
  return row.lag_ms < 10_000 ? `${row.lag_ms} ms` : `${Math.round(row.lag_ms / 1000)} s`;
}
