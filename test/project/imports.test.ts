/** The table of who may import whom holds only if breaking it is seen: circles and forbidden imports are planted in a copy. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const ALLOWED: Readonly<Record<string, string>> = {
  'src/topology/planted-ok.ts':
    "import { strict } from 'node:assert';\nimport { parse } from 'yaml';\nimport { explain } from '../model/codes.ts';\nexport const a = [strict, parse, explain];\n",
  'src/site/planted-ok.ts': "import type { A } from '../replication/planted-ok.ts';\nexport type B = A;\n",
  'src/replication/planted-ok.ts': "import type { Code } from '../model/codes.ts';\nexport type A = Code;\n",
  'src/planner/planted-ok.ts': "import type { Code } from '../model/codes.ts';\nexport type A = Code;\n",
  'src/render/planted-ok.ts': "import type { A } from '../planner/planted-ok.ts';\nexport type B = A;\n",
};

/** What is planted, where, and the rule that must catch it. */
const FORBIDDEN: readonly (readonly [what: string, rule: string, path: string, text: string])[] = [
  [
    'a circle',
    'no-circular',
    'src/lab/planted-circle.ts',
    "import type { B } from './planted-other.ts';\nexport type A = B | 1;\n",
  ],
  ['a floor above', 'model-imports', 'src/model/planted-up.ts', "export { findEtcd } from '../lab/binaries.ts';\n"],
  [
    'a neighbour',
    'mysql-imports',
    'src/mysql/planted-neighbour.ts',
    "export { findEtcd } from '../lab/binaries.ts';\n",
  ],
  [
    'a type of a neighbour',
    'link-imports',
    'src/link/planted-type.ts',
    "export type { Program } from '../lab/binaries.ts';\n",
  ],
  ['a database in a site', 'site-imports', 'src/site/planted-database.ts', "export * from '../mysql/sql.ts';\n"],
  [
    'a store in the executor',
    'executor-imports',
    'src/executor/planted-store.ts',
    "export * from '../state/memory.ts';\n",
  ],
  [
    'an effect in the planner',
    'planner-imports',
    'src/planner/planted-effect.ts',
    "export * from '../executor/planted-store.ts';\n",
  ],
  [
    'Node in a pure wing',
    'replication-uses-no-node',
    'src/replication/planted-node.ts',
    "export { readFileSync } from 'node:fs';\n",
  ],
  [
    'Node in the nouns',
    'model-uses-no-node',
    'src/model/planted-node.ts',
    "export { createHash } from 'node:crypto';\n",
  ],
  [
    'files outside their room',
    'topology-uses-no-node',
    'src/topology/planted-file.ts',
    "export { readFileSync } from 'node:fs';\n",
  ],
  [
    'a package in a pure wing',
    'planner-uses-no-package',
    'src/planner/planted-package.ts',
    "export { parse } from 'yaml';\n",
  ],
  [
    'a package without a use',
    'topology-uses-no-package',
    'src/topology/planted-package.ts',
    "export { pino } from 'pino';\n",
  ],
  ['a wing not in the table', 'known-wings', 'src/planted/a.ts', "export { explain } from '../model/codes.ts';\n"],
  ['a room that is not there', 'not-resolvable', 'src/lab/planted-lost.ts', "export { x } from './nowhere.ts';\n"],
];

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
    readonly totalCruised: number;
  };
}

let folder = '';
let report: Report['summary'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-imports-'));
  for (const name of ['src', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const other = "import type { A } from './planted-circle.ts';\nexport type B = A | 2;\n";
  const planted = [
    ...Object.entries(ALLOWED),
    ...FORBIDDEN.map(([, , path, text]) => [path, text] as const),
    ['src/lab/planted-other.ts', other] as const,
  ];
  for (const [path, text] of planted) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'src', '--output-type', 'json'], {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
  });
  report = (JSON.parse(stdout) as Report).summary;
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function brokenBy(path: string): readonly string[] {
  return report.violations.filter((one) => one.from === path).map((one) => one.rule.name);
}

describe('planted imports', () => {
  it('are read at all', () => {
    expect(report.totalCruised).toBeGreaterThan(50);
  });

  it.each(Object.keys(ALLOWED))('allowed in %s', (path) => {
    expect(brokenBy(path)).toEqual([]);
  });

  it.each(FORBIDDEN)('%s: caught by %s', (what, rule, path) => {
    // A circle is reported at whichever room was read first.
    const places = what === 'a circle' ? [path, 'src/lab/planted-other.ts'] : [path];
    expect(places.flatMap(brokenBy)).toContain(rule);
  });
});
