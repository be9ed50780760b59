import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { present } from '../../bench/shared/part.ts';
import { compare, type Figure, figureOf, type Measured, type Run, readRun, table } from '../../bench/shared/report.ts';

const folder = mkdtempSync(join(tmpdir(), 'otter-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

function runOf(measured: readonly Measured[]): Run {
  return {
    format: 1,
    sections: [
      {
        part: 'p',
        at: '2026-01-01T00:00:00.000Z',
        seconds: 1,
        busy: 0,
        quick: false,
        sizes: { rounds: 3 },
        machine: { cpus: 2, cpu: 'a CPU', memoryBytes: 8e9, kernel: 'Linux 6' },
        versions: { otter: '0.1.0', node: '24' },
        figures: measured.map((one) => figureOf('p', one)),
        plots: [],
      },
    ],
  };
}

test('what is wanted is of the value or of the ratio', () => {
  const met = (measured: Omit<Measured, 'name' | 'unit'>): Figure['met'] =>
    figureOf('p', { name: 'n', unit: 'ms', ...measured }).met;
  expect(met({ value: 5, wanted: { bound: 'at most', value: 5 } })).toBe(true);
  expect(met({ value: 5.1, wanted: { bound: 'at most', value: 5 } })).toBe(false);
  expect(met({ value: 4.9, wanted: { bound: 'at least', value: 5 } })).toBe(false);
  const against = { name: 'native', value: 2 };
  expect(met({ value: 5, against, wanted: { bound: 'at least', value: 2.5, of: 'ratio' } })).toBe(true);
  expect(met({ value: 5, against, wanted: { bound: 'at most', value: 2, of: 'ratio' } })).toBe(false);
  expect(met({ value: 5 })).toBeNull();
});

test('a figure that says nothing is refused', () => {
  expect(() => figureOf('p', { name: 'n', unit: '', value: Number.NaN })).toThrow(RangeError);
  expect(() =>
    figureOf('p', { name: 'n', unit: '', value: 1, wanted: { bound: 'at most', value: 2, of: 'ratio' } }),
  ).toThrow(RangeError);
});

test('one table, with what it was measured on', () => {
  const against = { name: 'native', value: 20_100 };
  const run = runOf([
    { name: 'inserts', value: 61_234.5, unit: 'rows/s', against, wanted: { bound: 'at least', value: 3, of: 'ratio' } },
    { name: 'latency', value: 7.25, unit: 'ms', wanted: { bound: 'at most', value: 5 } },
    { name: 'size', value: 0.021, unit: 'MB' },
  ]);
  expect(table(run)).toMatchInlineSnapshot(`
    "part  figure   measured       against         ratio  wanted
    p     inserts  61,235 rows/s  native: 20,100  3.05   at least 3 times  met
    p     latency  7.25 ms                               at most 5 ms      MISSED
    p     size     0.021 MB

    1 of 2 wanted figures met
    on 2 CPUs (a CPU), 8 GB, Linux 6
    with otter 0.1.0, node 24
    "
  `);
});

test('worse is by more than 15 %, in the direction that is worse', () => {
  const worse = (before: Measured, now: Measured): boolean => compare(runOf([before]), runOf([now]))[0]!.worse;
  const of = (better: 'more' | 'less' | null) => (value: number) => ({ name: 'n', unit: 'u', value, better }) as const;
  expect(worse(of('more')(100), of('more')(86))).toBe(false);
  expect(worse(of('more')(100), of('more')(84))).toBe(true);
  expect(worse(of('more')(100), of('more')(1000))).toBe(false);
  expect(worse(of('less')(100), of('less')(114))).toBe(false);
  expect(worse(of('less')(100), of('less')(116))).toBe(true);
  expect(worse(of('less')(0), of('less')(1))).toBe(true);
  expect(worse(of(null)(100), of(null)(1000))).toBe(false);
});

test('where both runs held a figure against another, the ratios are compared', () => {
  const measured = (value: number, native: number): Measured => ({
    name: 'n',
    unit: 'rows/s',
    value,
    better: 'more',
    against: { name: 'native', value: native },
  });
  const [same] = compare(runOf([measured(300, 100)]), runOf([measured(150, 50)]));
  expect(same).toMatchObject({ of: 'ratio', worse: false, times: 1 });
  const [slower] = compare(runOf([measured(300, 100)]), runOf([measured(300, 150)]));
  expect(slower).toMatchObject({ worse: true });
});

test('figures of one run only are not compared', () => {
  const run = runOf([{ name: 'n', unit: 'ms', value: 1, better: 'less' }]);
  expect(compare(run, runOf([{ name: 'other', unit: 'ms', value: 9, better: 'less' }]))).toEqual([]);
  expect(compare(run, runOf([{ name: 'n', unit: 's', value: 9, better: 'less' }]))).toEqual([]);
});

test('the exit code says whether something became worse', () => {
  const code = (run: Run, earlier: Run | null): number => present(run, earlier, () => undefined);
  const run = runOf([{ name: 'n', unit: 'ms', value: 100, wanted: { bound: 'at most', value: 1 } }]);
  const better = runOf([{ name: 'n', unit: 'ms', value: 200, better: 'less' }]);
  const worse = runOf([{ name: 'n', unit: 'ms', value: 50, better: 'less' }]);
  expect(code(run, null)).toBe(0);
  expect(code(run, run)).toBe(0);
  expect(code(run, better)).toBe(0);
  expect(code(run, worse)).toBe(2);
});

test('a file that is no run is refused in words', () => {
  expect(() => readRun('{', 'f.json')).toThrow('f.json is not what a benchmark has written: no JSON');
  expect(() => readRun('[]', 'f.json')).toThrow('no sections');
  expect(() => readRun('{"format":2,"sections":[]}', 'f.json')).toThrow('its format is 2');
  const run = runOf([{ name: 'n', unit: 'ms', value: 1 }]);
  expect(readRun(JSON.stringify(run), 'f.json')).toEqual(run);
});

const RUNNER = fileURLToPath(new URL('../../bench/shared/run.ts', import.meta.url));

async function bench(...args: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [RUNNER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      out += String(data);
    });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out };
}

test('a part runs as a process, writes its run, and is held against an earlier one', async () => {
  const file = join(folder, 'run.json');
  const first = await bench('link', '--rounds', '1', '--json', file);
  expect(first, first.out).toMatchObject({ code: 0 });
  const run = readRun(readFileSync(file, 'utf8'), file);
  expect(run.sections.map(({ part, sizes }) => [part, sizes])).toEqual([['link', { rounds: 1 }]]);
  const [section] = run.sections;
  const [one] = section!.figures;
  expect(one).toMatchObject({ better: 'more' });

  const bar = join(folder, 'bar.json');
  const of = (value: number): string =>
    JSON.stringify({ ...run, sections: [{ ...section, figures: [{ ...one, value }] }] });
  const again = async (): Promise<number | null> =>
    (await bench('link', '--rounds', '1', '--json', file, '--compare', bar)).code;
  writeFileSync(bar, of(one!.value * 100));
  expect(await again()).toBe(2);
  writeFileSync(bar, of(one!.value / 100));
  expect(await again()).toBe(0);
});

test('what cannot be done is said, and nothing runs', async () => {
  expect(await bench('nothing')).toMatchObject({ code: 3, out: expect.stringContaining('there is no nothing') });
  expect(await bench('--rounds', '3')).toMatchObject({ code: 3, out: expect.stringContaining('want it named') });
  expect(await bench('--compare', join(folder, 'missing.json'))).toMatchObject({ code: 3 });
  expect(await bench('link', '--rounds', 'x', '--json', join(folder, 'x.json'))).toMatchObject({
    code: 1,
    out: expect.stringContaining('--rounds wants a number, not x'),
  });
}, 20_000);
