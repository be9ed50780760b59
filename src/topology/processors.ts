/**
 * The modules that entries name by `process`: their texts go into the topology, since nodes have nothing else.
 *
 * Only what the text alone shows is looked at here; whether it runs the node tells.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ChannelSpec, TableSpec, Topology } from '../model/topology.ts';
import { findingAt } from './finding.ts';
import type { ReadModule } from './read.ts';
import type { MapTree, Path } from './tree.ts';
import { locate } from './tree.ts';

/** A channel is one value of the state store. */
const CHANNEL_CHARS_MAX = 256 * 1024;

export interface Processors {
  readonly topology: Topology;
  readonly diagnostics: readonly Diagnostic[];
}

export function withProcessors(topology: Topology, root: MapTree, read: ReadModule): Processors {
  const diagnostics: Diagnostic[] = [];
  const channel = Object.fromEntries(
    Object.entries(topology.channel).map(([name, spec]) => {
      const refuse = (entry: number, summary: string, detail: string): void => {
        const path: Path = ['channels', name, 'tables', entry, 'process'];
        diagnostics.push(findingAt(root, { code: 'OT1059', summary, detail, path, at: 'value' }));
      };
      return [name, ofChannel(name, spec, root, read, refuse)];
    }),
  );
  return { topology: { ...topology, channel }, diagnostics };
}

type Refuse = (entry: number, summary: string, detail: string) => void;

function ofChannel(name: string, spec: ChannelSpec, root: MapTree, read: ReadModule, refuse: Refuse): ChannelSpec {
  // Two-way it is refused already.
  if (spec.direction.kind === 'two-way' || !spec.tables.some(({ rows }) => rows?.process !== undefined)) return spec;
  const texts = new Map<string, string>();
  let chars = 0;
  const tables = spec.tables.map((table, entry): TableSpec => {
    const module = table.rows?.process?.module;
    if (module === undefined) return table;
    const { tree } = locate(root, ['channels', name, 'tables', entry, 'process']);
    const found = read(tree.range.file, module);
    if ('problem' in found) {
      refuse(entry, `\`${module}\` cannot be read`, found.problem);
      return table;
    }
    const { text, digest } = found;
    const unfit = unfitness(text);
    if (unfit !== null) refuse(entry, `\`${module}\` cannot be a processor`, unfit);
    if (!texts.has(digest)) chars += text.length;
    if (chars > CHANNEL_CHARS_MAX)
      refuse(entry, 'the modules of the channel are too large', `${CHANNEL_CHARS_MAX / 1024} KiB find room in all.`);
    texts.set(digest, text);
    return { ...table, rows: { ...table.rows, process: { module, digest } } };
  });
  return { ...spec, tables, processors: Object.fromEntries(texts) };
}

function unfitness(text: string): string | null {
  if (/^\s*(import|export)\b[^'"\n]*['"]\.{1,2}\//m.test(text))
    return 'It imports a file beside it, which the nodes do not have: put it into the module itself.';
  if (!/\bexport\s+default\b|\bas\s+default\b/.test(text))
    return 'It has no default export: write `export default function process(row, table) { ... }`.';
  return null;
}
