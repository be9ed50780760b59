import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnosticsText } from '../../src/render/diagnostics.ts';
import { loadTexts, loadTopology } from '../../src/topology/load.ts';
import { readTopology } from '../../src/topology/read.ts';
import { plain } from '../../src/topology/tree.ts';
import { EXAMPLE } from './example.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'otter-read-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

function findings(path = folder): string[] {
  return loadTopology(path).diagnostics.map((d) => {
    const where = d.range === null ? '-' : `${d.range.file.slice(folder.length + 1)}:${d.range.line}:${d.range.column}`;
    const related = d.related.map(
      (r) => ` (${r.message} ${r.range.file.slice(folder.length + 1)}:${r.range.line}:${r.range.column})`,
    );
    return `${d.code} ${where} ${d.summary.replaceAll(folder, '')}${related.join('')}`;
  });
}

describe('a directory', () => {
  it('is one topology', () => {
    write({
      'a.yaml': 'version: 1\nname: t\nregions: { a: {} }\nx-note: 1\nmoved: [{ from: channel.x, to: channel.y }]\n',
      'b.yml': 'regions: { b: {} }\nx-note: 2\nchannels:\nmoved: [{ from: channel.y, to: channel.z }]\n',
      'c.txt': 'not read',
      '.d.yaml': 'not: read',
      'empty.yaml': '# nothing\n',
      'sub/e.yaml': 'not: read',
    });
    expect(findings()).toEqual([expect.stringMatching(/^OT1081 .*`moved` leads to channel\.z, which is not declared/)]);
    const { topology, files } = loadTopology(folder);
    expect(Object.keys(topology!.region)).toEqual(['a', 'b']);
    expect(topology!.moved).toHaveLength(2);
    expect(files.map((f) => f.path.slice(folder.length + 1))).toEqual(['a.yaml', 'b.yml', 'empty.yaml']);
  });

  it('a key defined in two files is shown twice', () => {
    write({
      'a.yaml': 'version: 1\nname: t\nregions: { a: {} }\n',
      'b.yaml': 'regions:\n  c: {}\n  a: {}\nversion: 1\nnodes: []\n',
      'c.yaml': 'nodes: { n: { region: a, listen: "h:1" } }\n',
    });
    expect(findings()).toEqual([
      'OT1004 b.yaml:3:3 `regions.a` is defined twice (first defined here a.yaml:3:12)',
      'OT1004 b.yaml:4:1 `version` is defined twice (first defined here a.yaml:1:1)',
      'OT1012 b.yaml:5:1 `nodes` is a list',
      'OT1004 c.yaml:1:1 `nodes` is defined twice (first defined here b.yaml:5:1)',
    ]);
  });

  it('without topologies, or without being there', () => {
    expect(findings()).toEqual(['OT1006 - the directory `` holds no topology']);
    expect(findings(join(folder, 'none'))).toEqual([
      'OT1002 - `/none` cannot be read: there is no such file or directory',
    ]);
    expect(findings('/dev/null')).toEqual([
      'OT1002 - `/dev/null` cannot be read: it is neither a file nor a directory',
    ]);
  });
});

describe('include', () => {
  it('merges files and directories, each once, also in a circle', () => {
    write({
      'main.yaml': 'version: 1\nname: t\ninclude: [../x/common, parts/one.yaml]\n'.replace('../x/', ''),
      'common/regions.yaml': 'regions: { a: {} }\ninclude: ../main.yaml\n',
      'parts/one.yaml': 'include: ["../common/regions.yaml", two.yaml]\nregions: { b: {} }\n',
      'parts/two.yaml': 'regions: { c: {} }\n',
    });
    expect(findings(join(folder, 'main.yaml'))).toEqual([]);
    expect(Object.keys(loadTopology(join(folder, 'main.yaml')).topology!.region).sort()).toEqual(['a', 'b', 'c']);
  });

  it('what cannot be read is shown where it is included', () => {
    write({
      'main.yaml': 'version: 1\nname: t\ninclude:\n  - none.yaml\n  - bin.yaml\n  - self\n',
      'bin.yaml': new Uint8Array([0x61, 0xff, 0xfe]),
    });
    symlinkSync('self', join(folder, 'self'));
    expect(findings(join(folder, 'main.yaml'))).toEqual([
      'OT1002 main.yaml:4:5 `/none.yaml` cannot be read: there is no such file or directory',
      'OT1002 main.yaml:5:5 `/bin.yaml` cannot be read: it is not a text in UTF-8',
      'OT1002 main.yaml:6:5 `/self` cannot be read: its links lead in a circle',
    ]);
  });

  it('leads to no file of another name, also by a link: findings would show its lines', () => {
    write({
      'main.yaml': 'version: 1\nname: t\ninclude: [secret, linked.yaml]\n',
      secret: 'pass: word\n',
    });
    symlinkSync('secret', join(folder, 'linked.yaml'));
    const why = 'cannot be read: only files named `*.yaml` or `*.yml` are, also where a link leads';
    expect(findings(join(folder, 'main.yaml'))).toEqual([
      `OT1002 main.yaml:3:11 \`/secret\` ${why}`,
      `OT1002 main.yaml:3:19 \`/linked.yaml\` ${why}`,
    ]);
    expect(findings()).toContain(`OT1002 linked.yaml:1:1 \`/linked.yaml\` ${why}`);
    // What a person names is read, whatever its name.
    write({ given: 'version: 1\nname: t\n' });
    expect(findings(join(folder, 'given'))).toEqual([]);
  });

  it('is bounded in number and size', () => {
    write({ 'a.yaml': `version: 1\nname: t\nx-big: "${'x'.repeat(1024 * 1024)}"\n` });
    expect(findings()).toEqual(['OT1003 a.yaml:1:1 the file is larger than 1024 KiB']);
    write(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}.yaml`, `regions: { r${i}: {} }\n`])));
    expect(findings().filter((f) => f.includes('the topology is too large')).length).toBeGreaterThan(0);
  });
});

describe('encodings and sizes', () => {
  const good = 'version: 1\nname: t\nregions: { a: {} }\n';
  const utf8 = 'cannot be read: it is not a text in UTF-8';
  const nul = 'cannot be read: it holds NUL bytes, as UTF-16 does; save it in UTF-8';

  it.each<[string, string | Uint8Array, string[]]>([
    ['a byte order mark', `\ufeff${good}`, []],
    ['CRLF', good.replaceAll('\n', '\r\n'), []],
    ['latin1', Buffer.from(`${good}# caf\u00e9\n`, 'latin1'), [`OT1002 t.yaml:4:6 \`/t.yaml\` ${utf8}`]],
    ['UTF-16', Buffer.from(good, 'utf16le'), [`OT1002 t.yaml:1:2 \`/t.yaml\` ${nul}`]],
    ['UTF-16 marked', Buffer.from(`\ufeff${good}`, 'utf16le'), [`OT1002 t.yaml:1:1 \`/t.yaml\` ${nul}`]],
    ['NUL', `${good}# \0\n`, [`OT1002 t.yaml:4:3 \`/t.yaml\` ${nul}`]],
    ['10 MB', good + 'x'.repeat(10_000_000), ['OT1003 t.yaml:1:1 with `/t.yaml` the topology is too large']],
  ])('%s', (_, content, expected) => {
    write({ 't.yaml': content });
    expect(findings()).toEqual(expected);
    const { diagnostics, files } = loadTopology(folder);
    expect(diagnosticsText(diagnostics, { files })).not.toMatch(/\bat .*\.ts:\d/);
  });
});

describe('anchors', () => {
  it('aliases and merge keys give what they stand for, own keys first', () => {
    const text = `x-a: &a { p: 1, q: 2 }
x-b: &b { q: 3, r: 4 }
one: { <<: [*a, *b], r: 5 }
two: *a
three: { "<<": 1 }
four: &a 6
five: *a
`;
    write({ 't.yaml': text });
    const { root, diagnostics } = readTopology(folder);
    expect(diagnostics).toEqual([]);
    expect(JSON.parse(JSON.stringify(plain(root!)))).toMatchObject({
      one: { p: 1, q: 2, r: 5 },
      two: { p: 1, q: 2 },
      three: { '<<': 1 },
      four: 6,
      five: 6,
    });
  });
});

describe('whatever the bytes', () => {
  const check = (text: string): void => {
    const loaded = loadTexts([{ path: 't.yaml', text }]);
    expect(loaded.topology !== null || loaded.diagnostics.some((d) => d.severity === 'error')).toBe(true);
    for (const { range } of [...loaded.diagnostics, ...loaded.unbuilt]) {
      if (range === null) continue;
      expect(range.line).toBeGreaterThan(0);
      expect(range.column).toBeGreaterThan(0);
      expect(range.endLine > range.line || (range.endLine === range.line && range.endColumn >= range.column)).toBe(
        true,
      );
    }
    const shown = diagnosticsText(loaded.diagnostics, { files: loaded.files });
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(shown).not.toMatch(/\bat .*\.ts:\d/);
  };

  it('any text is answered with a topology or findings', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
    const letters = fc.constantFrom(
      ...'[]{}:,&*!|>-?#\'"\n \t%@`~<$',
      'a',
      '1',
      '---\n',
      '<<: ',
      '&a ',
      '*a',
      '${var.a}',
      '!!x ',
    );
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 60 }).map((l) => l.join('')),
        check,
      ),
      { numRuns: 1000 },
    );
  });

  it('a damaged topology is answered too', () => {
    fc.assert(
      fc.property(fc.nat(EXAMPLE.length), fc.nat(40), fc.string({ maxLength: 5 }), (at, cut, put) => {
        check(EXAMPLE.slice(0, at) + put + EXAMPLE.slice(at + cut));
      }),
      { numRuns: 200 },
    );
  });

  it('any bytes in a file', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        write({ 't.yaml': bytes });
        const loaded = loadTopology(folder);
        expect(loaded.topology !== null || loaded.diagnostics.length > 0).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['closed brackets', `a: ${'['.repeat(5000)}${']'.repeat(5000)}`],
    ['maps', '{a: '.repeat(50_000)],
    ['sequences', '- '.repeat(50_000)],
    ['indents', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['keys', Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['the same key', 'k: 1\n'.repeat(20_000)],
  ])('many %s', (_, text) => {
    check(text);
  });
});
