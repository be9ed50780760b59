/** What every check is given: the topology, the tree it came from, and a way to report. */
import type { Topology } from '../model/topology.ts';
import type { TreeFindingFacts } from './finding.ts';
import type { MapTree, Path } from './tree.ts';

export interface Checked {
  readonly topology: Topology;
  readonly root: MapTree;
  readonly broken: ReadonlySet<string>;
  readonly report: (facts: TreeFindingFacts) => void;
  /** Names of a section as they are written, broken ones too. */
  readonly names: (section: string) => readonly string[];
  /** Reports a name that the section does not declare, and says whether it does. */
  readonly refer: (section: string, noun: string, name: string, path: Path) => boolean;
}
