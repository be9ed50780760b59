/** A topology from text, planned and applied against a store in memory. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type ApplyOptions, applyPlan, readApplied } from '../../src/executor/apply.ts';
import type { Author } from '../../src/executor/batches.ts';
import type { StateStore } from '../../src/model/ports.ts';
import { KINDS, type Topology } from '../../src/model/topology.ts';
import { canonical } from '../../src/planner/canonical.ts';
import { computePlan, type Plan, type PlanInput } from '../../src/planner/plan.ts';
import { planJson } from '../../src/render/json.ts';
import type { LoadedTopology } from '../../src/topology/load.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { BASE } from '../topology/example.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const SHOP = `${BASE}channels:
  shop:
    between: [hz, ca]
    tables:
      - shop.orders
      - shop.stock
`;

export type Loaded = LoadedTopology & { readonly topology: Topology };

export function loaded(text: string): Loaded {
  const { topology, ...rest } = loadTexts([{ path: 'shop.yaml', text }]);
  if (topology === null) throw new Error(rest.diagnostics.map(({ summary }) => summary).join('; '));
  return { topology, ...rest };
}

export const NOTHING: Topology = {
  name: 't',
  region: {},
  node: {},
  database: {},
  channel: {},
  files: {},
  notify: {},
  alert: {},
  policy: {},
};

const asItsSchema = new Ajv({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(new URL('../../schema/plan.schema.json', import.meta.url), 'utf8')) as object,
);

/** Every plan that is made here is as its schema says. */
export async function planned(
  store: StateStore,
  desired: Topology | Loaded,
  more: Partial<PlanInput> = {},
): Promise<Plan> {
  const topology = 'topology' in desired ? (desired as Loaded).topology : (desired as Topology);
  const { applied, live, revision } = await readApplied(store, topology.name);
  const plan = computePlan({
    desired: topology,
    applied,
    live,
    destroy: false,
    target: [],
    sourceOf: (address, path) => {
      const range = 'topology' in desired ? (desired as Loaded).sourceOf(address, path) : null;
      return range === null ? null : { file: range.file, line: range.line, col: range.column };
    },
    digest: sha256,
    baseRevision: revision,
    ...more,
  });
  if (!asItsSchema(JSON.parse(planJson(plan)))) throw new Error(JSON.stringify(asItsSchema.errors));
  return plan;
}

export const ANN: Author = {
  by: 'ann',
  author: 'Ann <ann@example.org>',
  host: 'h1',
  pid: 7,
  version: '1.0.0',
  commit: null,
  dirty: null,
  command: 'apply',
};

let lineages = 0;

export function applying(store: StateStore, plan: Plan, more: Partial<ApplyOptions> = {}) {
  return applyPlan({
    store,
    plan,
    author: ANN,
    lockTimeoutMs: 0,
    signal: new AbortController().signal,
    now: () => 1_767_225_600_000,
    newId: () => `lineage-${++lineages}`,
    ...more,
  });
}

/** What the store holds, in the form of a topology. */
export async function present(store: StateStore, name: string): Promise<unknown> {
  const { applied } = await readApplied(store, name);
  const result: Record<string, Record<string, unknown>> = Object.fromEntries(KINDS.map((kind) => [kind, {}]));
  for (const { kind, name: object, spec } of applied.specs) result[kind]![object] = spec;
  return canonical({ name, ...result });
}
