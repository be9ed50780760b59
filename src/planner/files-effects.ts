/** What making, changing or taking away a file set does to files: pure, so what only the nodes see is said as theirs to find. */
import { compileFiles, endsOf, type FileSetSpec } from '../model/files.ts';
import type { Topology } from '../model/topology.ts';
import type { Effect } from './change.ts';

export function filesEffects(before: FileSetSpec | null, after: FileSetSpec | null, desired: Topology): Effect[] {
  if (after === null) return [goes(before!)];
  const effects = before === null ? comes(after) : changes(before, after);
  for (const region of new Set(compileFiles('', after).flatMap(({ source, target }) => [source, target]))) {
    const nodes = Object.values(desired.node).filter((node) => node.region === region).length;
    if (nodes === 0)
      effects.push({ risk: 'medium', text: `no node is declared in region ${region}: its files do not move` });
    if (nodes > 1)
      effects.push({
        risk: 'low',
        text: `one of the ${nodes} nodes of ${region} serves it; the root must be the same directory for all`,
      });
  }
  return effects;
}

function goes({ roots }: FileSetSpec): Effect {
  const places = Object.entries(roots).map(([region, root]) => `${root} in ${region}`);
  return { risk: 'low', text: `files stay as they are; what otter knows of them goes from ${places.join(', ')}` };
}

function comes(spec: FileSetSpec): Effect[] {
  const effects: Effect[] = [
    {
      risk: 'low',
      text: 'each node reads and hashes what is below its root once, and keeps a `.otter` directory there',
    },
  ];
  for (const { source, target } of compileFiles('', spec))
    effects.push({
      risk: 'medium',
      text: `files of ${where(spec, source)} that ${where(spec, target)} has not, or has otherwise, are sent there`,
    });
  effects.push(spec.between === undefined ? overwritten() : contested(spec), deletion(spec));
  return effects;
}

function overwritten(): Effect {
  return { risk: 'medium', text: 'a file that differs there is replaced, and kept beside under another name' };
}

function contested(spec: FileSetSpec): Effect {
  const latest = spec.conflict?.policy === 'last-write-wins';
  const first = (spec.conflict?.priority ?? endsOf(spec).from)[0];
  const who = latest ? 'the one with the later time' : `that of ${first}`;
  return {
    risk: 'medium',
    text: `of a file that differs, ${who} stays, and the other is kept beside under another name`,
  };
}

function deletion(spec: FileSetSpec): Effect {
  return spec.delete === 'mirror'
    ? { risk: 'high', text: 'what is deleted from now on in one place is deleted in the others' }
    : { risk: 'low', text: 'nothing is deleted anywhere' };
}

function changes(before: FileSetSpec, after: FileSetSpec): Effect[] {
  const effects: Effect[] = [];
  for (const [region, root] of Object.entries(after.roots)) {
    const old = before.roots[region];
    if (old === undefined || old === root) continue;
    effects.push({
      risk: 'high',
      text: `${region} has another root: what is below ${root} counts as written there, and ${old} is left as it is`,
    });
  }
  const known = new Set(compileFiles('', before).map(({ name }) => name));
  for (const { name, source, target } of compileFiles('', after)) {
    if (!known.has(name))
      effects.push({ risk: 'medium', text: `files of ${where(after, source)} are sent to ${where(after, target)}` });
  }
  if (JSON.stringify([before.watch, before.exclude]) !== JSON.stringify([after.watch, after.exclude]))
    effects.push({
      risk: 'medium',
      text: 'roots are looked through again; files that do not belong to it any more stay everywhere as they are',
    });
  if (before.delete !== after.delete) effects.push(deletion(after));
  if (JSON.stringify(before.conflict) !== JSON.stringify(after.conflict)) effects.push(contested(after));
  if (before.bandwidth !== after.bandwidth)
    effects.push({
      risk: 'low',
      text: `each side sends ${after.bandwidth === undefined ? 'as fast as it can' : `at most ${after.bandwidth}`}`,
    });
  return effects;
}

function where({ roots }: FileSetSpec, region: string): string {
  return `${region}:${roots[region]}`;
}
