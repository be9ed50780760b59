/** What is shipped for Prometheus and Grafana asks for nothing that nodes do not serve. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/observe/metric-list.ts';
import { exposition } from '../../src/observe/registry.ts';
import { measured } from './a-node.ts';

interface Group {
  readonly rules: readonly {
    readonly alert: string;
    readonly expr: string;
    readonly labels: { readonly severity: string };
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}
interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string }[];
}
interface Board {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: unknown }[] };
}

const { groups } = parse(readFileSync('ops/prometheus/rules.yml', 'utf8')) as { groups: readonly Group[] };
const rules = groups.flatMap((group) => group.rules);
const board = JSON.parse(readFileSync('ops/grafana/otter.json', 'utf8')) as Board;

/** Metrics that an expression reads, each with the labels that it asks for, groups by or joins on. */
function asked(expr: string): readonly (readonly [name: string, labels: readonly string[]])[] {
  const names = [...expr.matchAll(/\b((?:otter|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
  return names.map(([, name, braces = '']) => [
    name!,
    [...braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, l]) => l!),
  ]);
}

/** By name, as it is queried, the labels that it has. */
async function served(): Promise<ReadonlyMap<string, readonly string[] | null>> {
  const { text } = await exposition(measured());
  const found = new Map<string, readonly string[] | null>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const own = METRICS.find((metric) => metric.name === name);
    const labels = own === undefined ? null : [...own.labels, 'topology', 'node', 'job', 'instance'];
    found.set(name!, labels);
    if (type === 'histogram') {
      found.set(`${name!}_bucket`, labels === null ? null : [...labels, 'le']);
      for (const part of ['_sum', '_count']) found.set(name! + part, labels);
    }
  }
  return found;
}

async function check(expr: string, where: string): Promise<void> {
  const known = await served();
  const all = asked(expr);
  expect(all.length, `${where}: ${expr}`).toBeGreaterThan(0);
  for (const [name, labels] of all) {
    expect([...known.keys()], where).toContain(name);
    const has = known.get(name);
    for (const label of labels) if (has != null) expect(has, `${where}: ${name}`).toContain(label);
  }
}

test('every rule reads metrics and labels that are served, says what is wrong, and names no label that is lost', async () => {
  expect(rules.length).toBeGreaterThan(12);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    if (expr.startsWith('up{')) continue;
    await check(expr, alert);
    expect(['warning', 'critical']).toContain(labels.severity);
    const by = /^sum by \(([^)]*)\)|sum by \(([^)]*)\) \(rate/.exec(expr);
    const kept = by === null ? null : (by[1] ?? by[2]!).split(/,\s*/);
    const said = Object.values(annotations).join(' ');
    for (const [, label] of said.matchAll(/\$labels\.(\w+)/g)) {
      if (kept !== null) expect(kept, alert).toContain(label);
      else {
        const [first] = asked(expr);
        expect((await served()).get(first![0]), alert).toContain(label);
      }
    }
  }
});

test('every panel of the board reads metrics that are served, and none lies on another', async () => {
  const drawn = board.panels.filter(({ targets }) => targets !== undefined);
  expect(drawn.length).toBeGreaterThan(15);
  for (const { title, targets, description } of drawn) {
    for (const { expr } of targets!) await check(expr, title);
    expect(description, title).toMatch(/\.$/);
  }
  for (const { query } of board.templating.list.slice(1)) await check((query as { query: string }).query, 'variable');
  for (const [index, one] of board.panels.entries()) {
    for (const other of board.panels.slice(index + 1)) {
      const apart = (axis: 'x' | 'y', size: 'w' | 'h'): boolean =>
        one.gridPos[axis] + one.gridPos[size] <= other.gridPos[axis] ||
        other.gridPos[axis] + other.gridPos[size] <= one.gridPos[axis];
      expect(apart('x', 'w') || apart('y', 'h'), `${one.title} and ${other.title}`).toBe(true);
    }
  }
});

test('a metric that is not there would be found', async () => {
  await expect(check('rate(otter_pipeline_rows[5m])', 'planted')).rejects.toThrow();
  await expect(check('otter_pipeline_lag_seconds{table="x"}', 'planted')).rejects.toThrow();
});
