/**
 * The one form of what benchmarks measure, how it is printed, and how a run is held against an earlier one. Pure: who measures
 * and who reads files is elsewhere (`part.ts`, `run.ts`).
 */

/** One thing that was measured. */
export interface Figure {
  /** The program under `bench/` that measured it. */
  readonly part: string;
  /** Unique within its part, the same in every run. */
  readonly name: string;
  readonly value: number;
  /** As it is printed behind the value: `rows/s`, `ms`, `MB`, `%`. */
  readonly unit: string;
  /** Which way is better; null: neither, it only says how things are, and is never called worse. */
  readonly better: 'more' | 'less' | null;
  /** What the same run measured for another in otter's place, in the same unit: `native replica`. */
  readonly against: { readonly name: string; readonly value: number } | null;
  readonly wanted: Wanted | null;
  /** `value` to that of `against`. */
  readonly ratio: number | null;
  /** Null where nothing is wanted. */
  readonly met: boolean | null;
}

/** A bound of the value, or of its ratio to `against`. */
export interface Wanted {
  readonly bound: 'at least' | 'at most';
  readonly value: number;
  readonly of: 'value' | 'ratio';
}

/** A figure as a part tells it; the rest follows. */
export interface Measured {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Follows from `wanted`, where that is given. */
  readonly better?: Figure['better'];
  readonly against?: Figure['against'];
  readonly wanted?: Partial<Wanted> & Pick<Wanted, 'bound' | 'value'>;
}

/** How a cost grows: lines over one quantity. */
export interface Plot {
  readonly part: string;
  /** Names the file: `docs/performance/NAME.svg`. */
  readonly name: string;
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
}

/** On what a part was measured. */
export interface Machine {
  readonly cpus: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly kernel: string;
}

/** One part of a run. */
export interface Section {
  readonly part: string;
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  /** Share of the CPUs' time that others took just before it began, or just after it ended if that is more; 0 to 1. */
  readonly busy: number;
  readonly quick: boolean;
  /** What it was given to do, by name: `rounds: 3`. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly machine: Machine;
  /** `otter`, `node`, and the servers it started. */
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
  readonly plots: readonly Plot[];
}

/** What `--json` writes and `--compare` reads. */
export interface Run {
  readonly format: 1;
  readonly sections: readonly Section[];
}

/** @throws RangeError when a ratio is wanted and there is nothing to hold the value against, or a value is no number */
export function figureOf(part: string, measured: Measured): Figure {
  const { name, value, unit, against = null } = measured;
  if (!Number.isFinite(value)) throw new RangeError(`${part}: ${name} is ${value}`);
  const ratio = against === null ? null : value / against.value;
  const wanted = measured.wanted === undefined ? null : { of: 'value' as const, ...measured.wanted };
  const bound = wanted === null ? null : wanted.of === 'value' ? value : ratio;
  if (wanted !== null && bound === null) throw new RangeError(`${part}: ${name} is held against nothing`);
  const met = wanted === null ? null : wanted.bound === 'at least' ? bound! >= wanted.value : bound! <= wanted.value;
  const better = measured.better ?? (wanted === null ? null : wanted.bound === 'at least' ? 'more' : 'less');
  return { part, name, value, unit, better, against, wanted, ratio, met };
}

// ---------------------------------------------------------------- printing

/** Cells of a figure, as the terminal and the page show them. */
export function cellsOf({ part, name, value, unit, against, ratio, wanted, met }: Figure): string[] {
  const bound =
    wanted === null ? '' : `${wanted.bound} ${shown(wanted.value)} ${wanted.of === 'ratio' ? 'times' : unit}`.trimEnd();
  return [
    part,
    name,
    `${shown(value)} ${unit}`.trimEnd(),
    against === null ? '' : `${against.name}: ${shown(against.value)}`,
    ratio === null ? '' : ratio.toFixed(2),
    bound,
    met === null ? '' : met ? 'met' : 'MISSED',
  ];
}

export const HEADINGS = ['part', 'figure', 'measured', 'against', 'ratio', 'wanted', ''];

/** The whole run as one table, with what it was measured on. */
export function table(run: Run): string {
  if (run.sections.length === 0) return 'nothing was measured\n';
  const figures = run.sections.flatMap((section) => section.figures);
  const missed = figures.filter(({ met }) => met === false).length;
  const wanted = figures.filter(({ met }) => met !== null).length;
  return [
    ...columns([HEADINGS, ...figures.map(cellsOf)]),
    '',
    `${wanted - missed} of ${wanted} wanted figures met`,
    ...circumstances(run),
    '',
  ].join('\n');
}

/** From here on times are called doubtful. */
const BUSY = 0.25;

/** On what it was measured, in lines. A run put together from several times and machines has several. */
export function circumstances({ sections }: Run): string[] {
  const distinct = (lines: readonly string[]): string[] => [...new Set(lines)];
  const versions = distinct(
    sections.flatMap((section) => Object.entries(section.versions).map(([name, version]) => `${name} ${version}`)),
  );
  const machines = distinct(
    sections.map(
      ({ machine: { cpus, cpu, memoryBytes, kernel } }) =>
        `${cpus} CPUs (${cpu}), ${(memoryBytes / 1e9).toFixed(0)} GB, ${kernel}`,
    ),
  );
  const busy = sections.filter((section) => section.busy > BUSY).map(({ part }) => part);
  return [
    `on ${machines.join(' and ')}`,
    `with ${versions.join(', ')}`,
    ...(sections.some(({ quick }) => quick) ? ['sizes of --quick: small, and therefore noisy'] : []),
    ...(busy.length === 0
      ? []
      : [`the machine was busy with other things, the times of these say little: ${busy.join(', ')}`]),
  ];
}

/** Three digits that count; thousands apart. */
export function shown(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return size >= 10 ? value.toFixed(1) : size >= 0.1 || size === 0 ? value.toFixed(2) : value.toPrecision(2);
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}

// ---------------------------------------------------------------- comparing

/** A figure that both runs have. */
export interface Compared {
  readonly figure: Figure;
  /** What is compared: the ratio where both have one, since it says less of the machine, else the value. */
  readonly of: 'value' | 'ratio';
  readonly before: number;
  readonly now: number;
  /** `now` to `before`. */
  readonly times: number;
  readonly worse: boolean;
}

/** By how much a figure may be worse than before. */
export const TOLERANCE = 0.15;

/** Figures that only one of the runs has are not in it. */
export function compare(earlier: Run, run: Run): Compared[] {
  const before = new Map(
    earlier.sections.flatMap((section) => section.figures).map((figure) => [`${figure.part}/${figure.name}`, figure]),
  );
  return run.sections
    .flatMap((section) => section.figures)
    .flatMap((figure) => {
      const old = before.get(`${figure.part}/${figure.name}`);
      if (old === undefined || old.unit !== figure.unit) return [];
      const of = figure.ratio !== null && old.ratio !== null ? 'ratio' : 'value';
      const [was, is] = of === 'ratio' ? [old.ratio!, figure.ratio!] : [old.value, figure.value];
      const worse =
        (figure.better === 'more' && is < was * (1 - TOLERANCE)) ||
        (figure.better === 'less' && is > was * (1 + TOLERANCE));
      return [{ figure, of, before: was, now: is, times: was === 0 ? (is === 0 ? 1 : Infinity) : is / was, worse }];
    });
}

export function comparisonTable(earlier: Run, run: Run): string {
  const compared = compare(earlier, run);
  const rows = compared.map(({ figure, of, before, now, times, worse }) => {
    const unit = of === 'ratio' ? `times ${figure.against!.name}` : figure.unit;
    return [
      figure.part,
      figure.name,
      `${shown(before)} ${unit}`.trimEnd(),
      `${shown(now)} ${unit}`.trimEnd(),
      times.toFixed(2),
      figure.better === null ? '' : `${figure.better} is better`,
      worse ? 'WORSE' : '',
    ];
  });
  const worse = compared.filter((one) => one.worse).length;
  const sizes = sectionsOfOtherSizes(earlier, run);
  return [
    ...columns([['part', 'figure', 'before', 'now', 'ratio', '', ''], ...rows]),
    '',
    `${compared.length} figures in both runs; ${worse} worse by more than ${TOLERANCE * 100} %`,
    ...(sizes.length === 0 ? [] : [`measured with other sizes than before: ${sizes.join(', ')}`]),
    '',
  ].join('\n');
}

function sectionsOfOtherSizes(earlier: Run, run: Run): string[] {
  return run.sections
    .filter(({ part, sizes }) => {
      const old = earlier.sections.find((section) => section.part === part);
      return old !== undefined && JSON.stringify(old.sizes) !== JSON.stringify(sizes);
    })
    .map(({ part }) => part);
}

// ---------------------------------------------------------------- JSON

/** @throws Error in words when the text is no run */
export function readRun(text: string, file: string): Run {
  const bad = (why: string): Error => new Error(`${file} is not what a benchmark has written: ${why}`);
  let run: unknown;
  try {
    run = JSON.parse(text);
  } catch {
    throw bad('no JSON');
  }
  if (typeof run !== 'object' || run === null || !('format' in run) || !('sections' in run)) throw bad('no sections');
  if (run.format !== 1) throw bad(`its format is ${JSON.stringify(run.format)}, this reads 1`);
  if (!Array.isArray(run.sections)) throw bad('no sections');
  return run as Run;
}
