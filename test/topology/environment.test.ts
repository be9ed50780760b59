/** An environment laid over a topology: what it changes, removes and adds; and that both places are shown. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoadedTopology } from '../../src/topology/load.ts';
import { loadTexts, loadTopology } from '../../src/topology/load.ts';
import { environments } from '../../src/topology/read.ts';
import { BASE } from './example.ts';

const SHOP = `${BASE}vars: { lanes: { default: 1 } }
channels:
  shop: { between: [hz, ca], conflict: { policy: site-priority, priority: [hz, ca] }, tables: [shop.a, shop.b] }
  extra: { from: hz, to: ca, apply: { lanes: "\${var.lanes}", atomic: false }, tables: [shop.c] }
`;

function over(environment: string, base = SHOP): LoadedTopology {
  return loadTexts([{ path: 't.yaml', text: base }], {}, [{ path: 'env/prod.yaml', text: environment }]);
}

function brief({ diagnostics }: LoadedTopology): string[] {
  return diagnostics.map(({ code, range, related }) => {
    const places = [{ message: '', range }, ...related].map(
      (one) => `${one.message} ${one.range?.file}:${one.range?.line}:${one.range?.column}`,
    );
    return `${code}${places.join(',')}`;
  });
}

describe('an environment', () => {
  it('puts in, replaces and takes away', () => {
    const loaded = over(`# prod
name: t-prod
vars: { lanes: { default: 4 } }
databases:
  hz: { endpoints: ["db:3306"], protect: true, password: { file: /run/hz } }
  dr: { region: b, engine: mysql, endpoints: ["dr:3306"], user: otter, password: { env: DR } }
channels:
  shop:
    tables: [shop.a]
    ddl: replicate
  extra:
    # nothing is changed here any more
x-own: &x 1
`);
    expect(loaded.diagnostics).toEqual([]);
    const base = loadTexts([{ path: 't.yaml', text: SHOP }]).topology!;
    const { topology, name } = loaded;
    expect(name).toBe('t-prod');
    expect(topology?.database['hz']).toEqual({
      ...base.database['hz'],
      endpoints: ['db:3306'],
      protect: true,
      password: { file: '/run/hz' },
    });
    expect(Object.keys(topology!.database)).toEqual(['hz', 'ca', 'dr']);
    expect(topology?.channel['shop']).toEqual({
      ...base.channel['shop'],
      ddl: 'replicate',
      tables: [base.channel['shop']!.tables[0]],
    });
    expect(topology?.channel['extra']).toEqual({ ...base.channel['extra'], apply: { lanes: 4, atomic: false } });
    expect(over('channels: { extra: ~ }\n').topology?.channel).toEqual({ shop: base.channel['shop'] });
  });

  it.each([
    ['nothing', ''],
    ['comments only', '# name: x\n'],
    ['sections of comments', 'databases:\n  # hz:\nchannels:\n  shop:\n    # ddl: replicate\n'],
  ])('with %s changes nothing', (_, text) => {
    const loaded = over(text);
    expect(brief(loaded)).toEqual([]);
    expect(loaded.topology).toEqual(loadTexts([{ path: 't.yaml', text: SHOP }]).topology);
  });

  it('shows both places of what it says wrongly', () => {
    expect(brief(over('databases:\n  hz: { engine: mysqll }\n'))).toEqual([
      'OT1013 env/prod.yaml:2:17,in place of this t.yaml:8:28',
    ]);
    expect(brief(over('channels:\n  shop:\n    tables: ["shop."]\n'))).toEqual([
      'OT1050 env/prod.yaml:3:14,in place of this t.yaml:12:87',
    ]);
    expect(brief(over('vars: { lanes: { default: many } }\n'))).toEqual([
      'OT1012 t.yaml:13:46,the default of `lanes` env/prod.yaml:1:27',
    ]);
  });

  it('what it takes away must be there, and what it calls something must be known', () => {
    const [finding] = over('channels: { shp: ~ }\n').diagnostics;
    expect(finding).toMatchObject({ code: 'OT1008', fix: { edits: [{ text: 'shop' }] } });
    expect(brief(over('channls: { shop: {} }\n'))).toEqual(['OT1010 env/prod.yaml:1:1']);
    expect(brief(over('databases: { ca: ~ }\n')).some((line) => line.startsWith('OT1031 t.yaml:12'))).toBe(true);
  });

  it('one that cannot be read lays nothing over, so there is no topology', () => {
    const loaded = over('name: [\n');
    expect(loaded.topology).toBeNull();
    expect(brief(loaded)[0]).toMatch(/^OT1001 env\/prod.yaml/);
  });

  it('a secret of the topology that it replaces is not shown', () => {
    const loaded = over('databases: { hz: { password: [1] } }\n', SHOP.replace('{ env: P }', 'hunter2'));
    expect(JSON.stringify(loaded.files)).not.toContain('hunter2');
  });
});

describe('the files of environments', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'otter-env-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };

  it('stand beside the topology, are one file or a folder, and are read only when asked for', () => {
    write({
      'shop/a.yaml': SHOP,
      'shop/env/prod.yaml': 'name: prod\ninclude: ../../common.yaml\n',
      'shop/env/test.yml': 'name: test\n',
      'shop/env/many/1.yaml': 'name: many\n',
      'shop/env/many/2.yaml': 'channels: { extra: ~ }\n',
      'shop/env/.hidden.yaml': '',
      'common.yaml': 'regions: { c: {} }\n',
    });
    const path = join(folder, 'shop');
    expect(environments(path)).toEqual(['many', 'prod', 'test']);
    expect(environments(join(path, 'a.yaml'))).toEqual(['many', 'prod', 'test']);
    expect(environments(join(folder, 'none'))).toEqual([]);
    const name = (environment?: string): string | undefined => loadTopology(path, { environment }).topology?.name;
    expect([name(), name('prod'), name('test'), name('many')]).toEqual(['t', 'prod', 'test', 'many']);
    expect(loadTopology(join(path, 'a.yaml'), { environment: 'prod' }).topology?.region).toHaveProperty('c');
    expect(loadTopology(path, { environment: 'many' }).topology?.channel).not.toHaveProperty('extra');
  });

  it.each(['prd', '../prod', 'a/b', '', '..', 'x\0y'])('%j is none', (environment) => {
    write({ 't.yaml': SHOP, 'env/prod.yaml': '', 'prod.yaml': '' });
    const { topology, diagnostics } = loadTopology(join(folder, 't.yaml'), { environment });
    expect(topology).toBeNull();
    expect(diagnostics).toMatchObject([{ code: 'OT1007', severity: 'error' }]);
  });
});
