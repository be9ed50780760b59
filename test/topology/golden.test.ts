/**
 * Every file in test/golden/invalid, or folder of files, is wrong in the way its first line says; how the findings look is in
 * test/golden/invalid.txt. OTTER_UPDATE=1 writes that file anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TOPOLOGY_CODES } from '../../src/model/codes/topology.ts';
import { diagnosticsText } from '../../src/render/diagnostics.ts';
import { loadTopology } from '../../src/topology/load.ts';

const FOLDER = 'test/golden/invalid';
const files = readdirSync(FOLDER).sort();

describe('topologies that are wrong', () => {
  it.each(files)('%s', (file) => {
    const path = `${FOLDER}/${file}`;
    const { topology, diagnostics } = loadTopology(path);
    const first = file.endsWith('.yaml') ? path : `${path}/a.yaml`;
    const expected = /^# expect: (.*)$/m.exec(readFileSync(first, 'utf8'))?.[1]?.split(', ');
    const found = diagnostics
      .filter(({ ignored }) => ignored === undefined)
      .map(
        ({ code, severity, range }) =>
          `${severity === 'error' ? '' : `${severity} `}${code} ${range?.file === first ? '' : `${range?.file.split('/').at(-1)}:`}${range?.line}:${range?.column}`,
      );
    expect(found).toEqual(expected);
    expect(topology === null).toBe(diagnostics.some((d) => d.severity === 'error'));
  });

  it('look like this', () => {
    const shown = files.map((file) => {
      const { diagnostics, files: texts } = loadTopology(`${FOLDER}/${file}`);
      return `##### ${file}\n\n${diagnosticsText(diagnostics, { files: texts })}`;
    });
    const text = shown.join('\n');
    if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync('test/golden/invalid.txt', text);
    expect(text).toBe(readFileSync('test/golden/invalid.txt', 'utf8'));
  });

  it('no secret is shown, whether it was written by mistake or in the wrong place', () => {
    expect(readFileSync('test/golden/invalid.txt', 'utf8')).not.toContain('hunter');
  });

  it('every code about topologies has one', () => {
    const golden = readFileSync('test/golden/invalid.txt', 'utf8');
    // Sizes of files, variable files, environments and what is not built are tested where they are made.
    const elsewhere = ['OT1007', 'OT1008', 'OT1009', 'OT1023', 'OT1072', 'OT1090', 'OT1091'];
    const missing = Object.keys(TOPOLOGY_CODES).filter(
      (code) => !golden.includes(`[${code}]`) && !elsewhere.includes(code),
    );
    expect(missing).toEqual([]);
  });
});
