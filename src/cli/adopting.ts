/**
 * What was applied, written back into the files of a topology, or into those of its environment: then other environments stay as they
 * are.
 */
import { type AdoptedAttribute, type Adoption, adopt, isGiven, type Plain } from '../import/adopt.ts';
import { OtterError } from '../model/error.ts';
import type { Topology } from '../model/topology.ts';
import { attributesOf } from '../planner/attributes.ts';
import { type AppliedState, nameOf } from '../planner/change.ts';
import { type Compared, type Difference, differencesOf } from '../planner/drift.ts';
import { movesOf } from '../planner/moves.ts';
import { type LoadedTopology, loadTopology } from '../topology/load.ts';
import { readEnvironment, type SourceFile } from '../topology/read.ts';
import { SECTIONS } from '../topology/resolve.ts';
import { type CommonOptions, type Context, sources } from './context.ts';

export type Files = LoadedTopology & { readonly topology: Topology; readonly path: string };

/** Writes what was applied into the files. @returns what is still different then */
export function adoptAll(
  context: Context,
  options: CommonOptions,
  files: Files,
  compared: Compared,
  differences: readonly Difference[],
): Difference[] {
  const [renamed] = movesOf(files.topology, compared.applied).moves;
  if (renamed !== undefined) {
    throw new OtterError(
      'OT7014',
      `${renamed.from} is to be called ${renamed.to} by the files, and that was not applied yet`,
      {
        hint: 'Apply it (`otter plan`), or take it back in the files; then adopt the rest.',
      },
    );
  }
  const before = new Map<string, string>();
  // In which order entries stand, that a map is left with nothing in it, or what lies below an environment shows only when the rest is done.
  const first = writeBack(context, options, files, compared, differences, before);
  const second = first.rest.some((one) => one.class === 'declared')
    ? writeBack(context, options, files, compared, first.rest, before)
    : first;
  for (const path of before.keys()) context.stderr.write(`Wrote ${path}.\n`);
  for (const one of second.left) context.stderr.write(`Left as it is: ${one}.\n`);
  return second.rest;
}

interface WrittenBack {
  /** What could not be written, in words. */
  readonly left: readonly string[];
  /** What is still different. */
  readonly rest: Difference[];
}

/** @param before texts of files as they were, of those that are written */
function writeBack(
  context: Context,
  options: CommonOptions,
  files: Files,
  compared: Compared,
  differences: readonly Difference[],
  before: Map<string, string>,
): WrittenBack {
  const declared = differences.filter((one) => one.class === 'declared');
  // Limits are for people to put back, who read why they were loosened.
  const isLimit = ({ address }: Difference): boolean => address.startsWith('policy.');
  const over = options.env === undefined ? null : readEnvironment(files.path, options.env).files;
  const byFile = Map.groupBy(
    declared.filter((one) => !isLimit(one)),
    ({ address }) => fileOf(address, files, over ?? files.files),
  );
  const left = declared.filter(isLimit).map(({ address }) => `${address}: limits are for people to decide on`);
  for (const [path, some] of byFile) {
    const text = context.parts.readFile(path);
    const adopted = adopt(
      text,
      some.map((one) => {
        const adoption = adoptionOf(one, compared.applied);
        if (over === null) return adoption;
        const { beside, given } = besideOthers(adoption, one, files, compared.applied);
        left.push(...given);
        return beside;
      }),
      over !== null,
    );
    left.push(...adopted.left);
    if (adopted.text === text) continue;
    if (!before.has(path)) before.set(path, text);
    context.parts.writeFile(path, adopted.text, {});
  }
  const again = loadTopology(files.path, sources(context, options));
  if (again.topology === null) {
    for (const [path, text] of before) context.parts.writeFile(path, text, {});
    throw new OtterError(
      'OT7014',
      'what was applied, written into the files, would not be valid; they are as they were',
      {
        hint: again.diagnostics[0]?.summary,
      },
    );
  }
  return { left, rest: differencesOf({ ...compared, declared: again.topology }) };
}

/** Where the object stands, if that is one of these files; else the first of them. */
function fileOf(address: string, files: Files, among: readonly SourceFile[]): string {
  const file = files.sourceOf(address)?.file;
  return among.find(({ path }) => path === file)?.path ?? among[0]!.path;
}

/** What an environment is to say of an object, where others lie below that stay as they are. */
function besideOthers(
  { attributes, ...adoption }: Adoption,
  { address }: Difference,
  files: Files,
  applied: AppliedState,
): { readonly beside: Adoption; readonly given: readonly string[] } {
  if (attributes === null) return { beside: { ...adoption, attributes }, given: [] };
  const isTable = ({ path }: AdoptedAttribute): boolean => path.startsWith('tables');
  const place = [adoption.section, adoption.name];
  const isVariable = ({ path }: AdoptedAttribute): boolean =>
    files.files.some(({ text }) => isGiven(text, [...place, ...path.split('.')]));
  // Of `env` and `file` one takes the place of the other by itself.
  const taken = new Set(attributes.flatMap(({ path, value }) => (value === null ? [] : [path.replace(EITHER, '')])));
  const own = attributes.filter(
    ({ path, value }) => value !== null || !EITHER.test(path) || !taken.has(path.replace(EITHER, '')),
  );
  const tables = own.some(isTable) ? [{ path: 'tables', value: tablesOf(address, applied) }] : [];
  const all = [...own.filter((one) => !isTable(one)), ...tables];
  return {
    beside: { ...adoption, attributes: all.filter((one) => !isVariable(one)) },
    given: all.filter(isVariable).map(({ path }) => `${address} ${path}: a variable gives it`),
  };
}

/** One of two places of a secret. */
const EITHER = /\.(env|file)$/;

/** All entries of a channel, as a list that takes the place of another. */
function tablesOf(address: string, { specs }: AppliedState): Plain {
  const spec = specs.find((one) => one.kind === 'channel' && one.name === nameOf(address))!.spec;
  return attributesOf('channel', null, spec).flatMap(({ path, after }) =>
    path.startsWith('tables[') ? [after as Plain] : [],
  );
}

function adoptionOf({ address, attributes }: Difference, applied: AppliedState): Adoption {
  const kind = address.slice(0, address.indexOf('.')) as keyof typeof SECTIONS;
  const name = nameOf(address);
  const found = applied.specs.find((one) => one.kind === kind && one.name === name);
  const isApplied = found !== undefined;
  const spec = found?.spec as Readonly<Record<string, unknown>> | undefined;
  return {
    address,
    section: SECTIONS[kind],
    name,
    // An address that is the one it listens on is not said.
    attributes: isApplied
      ? attributes.map(({ path, before }) => ({
          path,
          value: path === 'advertise' && before === spec?.['listen'] ? null : (before as Plain),
        }))
      : null,
  };
}
