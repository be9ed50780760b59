/**
 * `existing: replace` deletes the rows that a target table has before its copy begins, so a table that something else
 * writes too would lose what came from there.
 */
import { mergesTables } from '../model/table-mapping.ts';
import { parsePattern } from '../model/table-pattern.ts';
import type { ChannelSpec } from '../model/topology.ts';
import { namePath, namesAt } from './check-tables.ts';
import type { Checked } from './checked.ts';
import { PatternIndex } from './pattern-index.ts';
import { type Path, valuePlace } from './tree.ts';

/** An entry of a channel, as one of the ways into a database. */
interface Writer {
  readonly channel: string;
  readonly source: string;
  readonly from: string;
  readonly to: string;
  readonly path: Path;
}

export function checkReplace(checked: Checked): void {
  const { channel: channels } = checked.topology;
  const replacing = Object.entries(channels).filter(([, { existing }]) => existing === 'replace');
  if (replacing.length === 0) return;
  const writers = writersOf(channels);
  for (const [name] of replacing) {
    for (const [database, all] of writers) {
      const index = new PatternIndex(all.map((writer) => [writer.to, writer] as const));
      const clash = all.find((one) => one.channel === name && sharer(one, index) !== null);
      if (clash === undefined) continue;
      report(checked, name, database, clash, sharer(clash, index)!);
      break;
    }
  }
}

/** By the database that is written. */
function writersOf(channels: Readonly<Record<string, ChannelSpec>>): ReadonlyMap<string, readonly Writer[]> {
  const writers = new Map<string, Writer[]>();
  for (const [channel, spec] of Object.entries(channels)) {
    const { direction } = spec;
    const [sources, targets] =
      direction.kind === 'two-way' ? [direction.between, direction.between] : [direction.from, direction.to];
    for (const target of targets) {
      const known = writers.get(target) ?? [];
      writers.set(target, known);
      for (const source of sources) {
        if (source === target) continue;
        for (const [i, table] of spec.tables.entries()) {
          const [from, to] = [namesAt(spec, table, source), namesAt(spec, table, target)];
          known.push({ channel, source, from, to, path: ['channels', channel, 'tables', i] });
        }
      }
    }
  }
  return writers;
}

/** Another way into a table of this one, itself where it merges several tables; null when it is alone. */
function sharer(one: Writer, index: PatternIndex<Writer>): Writer | null {
  const other = index.meeting(one.to).find((each) => each !== one && !maySame(one, each));
  if (other !== undefined) return other;
  return parsePattern(one.from).ok && parsePattern(one.to).ok && mergesTables(one) ? one : null;
}

/** Two entries of a channel that meet at the source are one way: each table takes the first that names it. */
function maySame(one: Writer, other: Writer): boolean {
  if (one.channel !== other.channel || one.source !== other.source) return false;
  return new PatternIndex([[other.from, other]]).meeting(one.from).length > 0;
}

function report(checked: Checked, name: string, database: string, one: Writer, other: Writer): void {
  const also =
    one === other
      ? `every table of \`${one.from}\``
      : `\`${other.from}\` of \`${other.source}\`${other.channel === name ? '' : ` (channel \`${other.channel}\`)`}`;
  checked.report({
    code: 'OT1048',
    summary: `\`existing: replace\` would delete from \`${one.to}\` of \`${database}\` what comes from elsewhere`,
    detail: `It is also written from ${also}. Use \`existing: merge\`, or empty the table yourself.`,
    path: ['channels', name, 'existing'],
    at: 'value',
    related: [{ message: 'written here too', range: valuePlace(checked.root, namePath(checked, other.path, 'from')) }],
  });
}
