/**
 * Applies that die: random topologies, a process that ends at a random call of its store, before or after the call did its
 * work or with the call still on its way, somebody else who writes meanwhile, and whoever comes next and resumes.
 */
import { strict as assert } from 'node:assert';
import { applyPlan, readApplied } from '../../src/executor/apply.ts';
import { breakLock, readLock } from '../../src/executor/apply-lock.ts';
import { auditEntry, readAudit } from '../../src/executor/audit.ts';
import { readRuns } from '../../src/executor/journal.ts';
import { appliedAt, readPast } from '../../src/executor/past.ts';
import { cutRun } from '../../src/executor/resume.ts';
import { OtterError } from '../../src/model/error.ts';
import { RENAMABLE, type Renamable, specNamed } from '../../src/model/kept-names.ts';
import type { Commit, CommitResult, Lease, StateStore } from '../../src/model/ports.ts';
import type { ChannelSpec, DatabaseSpec, Move, Topology } from '../../src/model/topology.ts';
import { appliedTopology } from '../../src/planner/applied-topology.ts';
import { canonicalText } from '../../src/planner/canonical.ts';
import type { AppliedState } from '../../src/planner/change.ts';
import { guard } from '../../src/planner/guard.ts';
import { computePlan, type Plan, refusedPlan } from '../../src/planner/plan.ts';
import { refersTo } from '../../src/planner/references.ts';
import { lockKey, specKey, topologyPrefix } from '../../src/state/keys.ts';
import { ANN, sha256 } from '../planner/world.ts';

/** In [0, 1). */
export type Chance = () => number;

/** Changes of a step, so that small topologies have many. */
const STEP_CHANGES = 2;
/** Stands where secrets are referred to, and must be nowhere else. */
const SECRET = 'hunter2-planted';
process.env['PASSWORD'] = SECRET;

const pick = <T>(chance: Chance, list: readonly T[]): T => list[Math.floor(chance() * list.length)]!;
const some = <T>(chance: Chance, list: readonly T[], share: number): T[] => list.filter(() => chance() < share);

/** Everything refers to something that is there. */
export function randomTopology(name: string, chance: Chance): Topology {
  const regions = some(chance, ['east', 'west', 'north'], 0.8);
  if (regions.length === 0) regions.push('east');
  const region = Object.fromEntries(regions.map((one) => [one, { description: pick(chance, ['', 'a', 'b']) }]));
  const node = Object.fromEntries(
    some(chance, ['n1', 'n2', 'n3'], 0.6).map((one) => {
      const listen = `127.0.0.1:${pick(chance, ['7401', '7402'])}`;
      return [one, { region: pick(chance, regions), listen, advertise: listen }];
    }),
  );
  const databases = some(chance, ['x', 'y', 'z', 'w'], 0.75);
  const database = Object.fromEntries(
    databases.map((one): [string, DatabaseSpec] => [
      one,
      {
        region: pick(chance, regions),
        engine: pick(chance, ['mysql', 'mariadb']),
        endpoints: [pick(chance, ['h1:3306', 'h2:3306'])],
        user: 'otter',
        password: { env: 'PASSWORD' },
        tls: null,
        schema: 'otter',
        protect: chance() < 0.2,
      },
    ]),
  );
  const channel = Object.fromEntries(
    some(chance, ['one', 'two', 'three'], 0.6).flatMap((one): [string, ChannelSpec][] => {
      if (databases.length < 2) return [];
      const [from, to] = [...databases].sort(() => chance() - 0.5) as [string, string];
      const columns = { only: null, omit: [], rename: {} };
      const tables = some(chance, ['s.a', 's.b', 's.c'], 0.7).map((table) => ({
        from: `${one}_${table}`,
        to: null,
        columns,
        conflict: null,
      }));
      return [
        [
          one,
          {
            direction: { kind: 'one-way', from: [from], to: [to] },
            conflict: null,
            initial: pick(chance, ['copy', 'none']),
            existing: 'keep',
            ddl: 'stop',
            onError: 'stop',
            apply: { lanes: 1, atomic: true },
            enabled: chance() < 0.9,
            tables,
            inert: {},
          },
        ],
      ];
    }),
  );
  return { name, region, node, database, channel, files: {}, notify: {}, alert: {}, policy: {} };
}

/** The same with other names, some of which are given to new objects at once, and with something else changed. */
function renamedTopology(before: Topology, chance: Chance): Topology {
  const to = new Map<string, string>();
  const moved: Move[] = [];
  for (const kind of RENAMABLE) {
    const free = ['p', 'q', 'r', 'x', 'y', 'z', 'one', 'two'].filter((name) => !Object.hasOwn(before[kind], name));
    for (const name of some(chance, Object.keys(before[kind]), 0.6)) {
      const [other] = free.splice(Math.floor(chance() * free.length), 1);
      if (other === undefined) continue;
      to.set(`${kind}.${name}`, other);
      moved.push({ from: `${kind}.${name}`, to: `${kind}.${other}` });
    }
  }
  const rename = (kind: Renamable, name: string): string => to.get(`${kind}.${name}`) ?? name;
  const named = <T>(kind: Renamable, all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).map(([name, spec]) => [rename(kind, name), specNamed(kind, spec, rename)]));
  const database = named('database', before.database);
  const channel = named('channel', before.channel);
  for (const name of Object.keys(before.database)) {
    if (database[name] !== undefined || chance() < 0.4) continue;
    database[name] = { ...before.database[name]!, endpoints: ['h3:3306'], protect: false };
  }
  for (const name of Object.keys(before.channel)) {
    if (channel[name] !== undefined || chance() < 0.4) continue;
    const [from, other] = Object.keys(database).sort(() => chance() - 0.5) as [string, string];
    const tables = before.channel[name]!.tables.map((table) => ({ ...table, from: `new_${table.from}` }));
    channel[name] = { ...before.channel[name]!, tables, direction: { kind: 'one-way', from: [from], to: [other] } };
  }
  for (const name of some(chance, Object.keys(channel), 0.2)) delete channel[name];
  const region = Object.fromEntries(
    Object.entries(before.region).map(([name, spec]) => [name, chance() < 0.5 ? spec : { description: 'c' }]),
  );
  return { ...before, region, database, channel, moved };
}

/** How a process dies at a call: before it, after it has done its work, or while it is on its way and lands later. */
type Death = 'before' | 'after' | 'late';

/** A store as a process has it that dies at its `at`-th call. */
class Doomed implements StateStore {
  readonly url: string;
  readonly #inner: StateStore;
  readonly #at: number;
  readonly #death: Death;
  readonly leases: Lease[] = [];
  /** What it sent, and nobody has done yet. */
  late: Commit | null = null;
  #calls = 0;
  dead = false;

  constructor(inner: StateStore, at: number, death: Death) {
    this.url = inner.url;
    [this.#inner, this.#at, this.#death] = [inner, at, death];
  }

  async list(prefix: string, options?: Parameters<StateStore['list']>[1]): ReturnType<StateStore['list']> {
    return this.#call(async () => this.#inner.list(prefix, options));
  }

  async commit(commit: Commit): Promise<CommitResult> {
    return this.#call(async () => this.#inner.commit(commit), commit);
  }

  watch(...args: Parameters<StateStore['watch']>): ReturnType<StateStore['watch']> {
    return this.#inner.watch(...args);
  }

  async lease(ttlMs: number): Promise<Lease> {
    const lease = await this.#call(async () => this.#inner.lease(ttlMs));
    this.leases.push(lease);
    return { id: lease.id, lost: lease.lost, revoke: async () => this.#call(async () => lease.revoke()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return undefined;
  }

  async #call<T>(work: () => Promise<T>, commit: Commit | null = null): Promise<T> {
    if (this.dead) throw new Error('dead');
    this.#calls += 1;
    if (this.#calls !== this.#at) return work();
    this.dead = true;
    if (this.#death === 'after') await work();
    if (this.#death === 'late') this.late = commit;
    throw new Error('dead');
  }
}

export interface Outcome {
  /** What happened, to see that all of it does. */
  readonly events: readonly string[];
}

const never = new AbortController().signal;

/** One run. @throws AssertionError when something that is promised does not hold */
export async function crashRun(store: StateStore, name: string, chance: Chance): Promise<Outcome> {
  const events: string[] = [];
  const heard: string[] = [];
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const told = new Map<number, string>();
  let meddled = false;

  const plan = async (desired: Topology, allow = true): Promise<Plan> => {
    const { applied, live, revision } = await readApplied(store, name);
    const computed = computePlan({
      desired,
      applied,
      live,
      destroy: false,
      target: [],
      sourceOf: () => null,
      digest: sha256,
      baseRevision: revision,
    });
    const allowDestroy = allow ? computed.changes.map(({ address }) => address) : [];
    const refusals = guard(computed, { desired, applied, live, unbuilt: [], allowDestroy });
    return refusals.length === 0 ? computed : refusedPlan(computed, sha256);
  };
  const apply = async (through: StateStore, of: Plan, more: { readonly resume?: boolean } = {}): Promise<number> => {
    const { serial } = await applyPlan({
      store: through,
      plan: of,
      author: ANN,
      lockTimeoutMs: 0,
      signal: never,
      now: Date.now,
      newId,
      stepChangesMax: STEP_CHANGES,
      onEvent: (event) => heard.push(JSON.stringify(event)),
      ...more,
    });
    return serial;
  };
  const complete = async (desired: Topology): Promise<void> => {
    const made = await plan(desired);
    if (made.changes.length === 0) return;
    told.set(await apply(store, made), canonicalText(await present(store, name)));
  };

  await complete(randomTopology(name, chance));
  if (chance() < 0.3) {
    // There and back: what was planned once is planned again.
    const [first, second] = [randomTopology(name, chance), randomTopology(name, chance)];
    for (const one of [first, second, first, second]) await complete(one);
  }
  const renames = chance() < 0.4;
  const before = await readApplied(store, name);
  const desired = renames ? renamedTopology(appliedTopology(before.applied), chance) : randomTopology(name, chance);
  if (desired.moved !== undefined && desired.moved.length > 0) events.push('renamed');
  const { moved: _, ...objects } = desired;
  const wanted = canonicalText(objects);

  // A plan that a guard refuses is never carried out, however it is tried.
  const guarded = await plan(desired, false);
  if (!guarded.applyable && guarded.changes.length > 0) {
    events.push('refused');
    const before = await everything(store, name);
    await assert.rejects(apply(store, guarded), { code: 'OT2004' });
    assert.equal(await everything(store, name), before, 'a refused plan wrote something');
  }

  const chosen = await plan(desired);
  const other = chance();
  if (other < 0.15) {
    events.push('another apply before');
    await complete(randomTopology(name, chance));
  }
  // Some live.
  const dies = chance() < 0.1 ? Number.POSITIVE_INFINITY : 1 + Math.floor(chance() * 16);
  const doomed = new Doomed(store, dies, pick(chance, ['before', 'after', 'late']));
  const end = await apply(doomed, chosen).then(
    (serial) => {
      if (chosen.changes.length > 0) told.set(serial, '');
      return 'applied';
    },
    (error: unknown) => {
      heard.push(error instanceof Error ? `${error.message} ${JSON.stringify(error)}` : String(error));
      return error instanceof OtterError ? error.code : 'died';
    },
  );
  events.push(end);
  await check(store, name);

  // Its lock goes with its lease, or somebody takes it away.
  const held = await readLock(store, name);
  if (held !== null && chance() < 0.3) {
    events.push('lock broken');
    const put = auditEntry(name, ANN, Date.now(), newId()).put({ what: 'lock', result: 'done' });
    assert.equal(await breakLock(store, name, held, put), true);
  } else await Promise.all(doomed.leases.map((lease) => lease.revoke()));
  assert.equal((await store.list(lockKey(name))).entries.length, 0);

  // What was still on its way when its process died comes now, or when others have gone on, and is refused.
  const land = async (): Promise<void> => {
    const { late } = doomed;
    doomed.late = null;
    // To take the lock is nothing late: whoever does it then has it.
    if (late === null || late.puts.some(({ key }) => key === lockKey(name))) return;
    events.push('late write');
    const before = await everything(store, name);
    assert.equal((await store.commit(late)).ok, false, 'a late write landed');
    assert.equal(await everything(store, name), before);
  };
  if (chance() < 0.5) await land();

  if (other > 0.85) {
    const { applied } = await readApplied(store, name);
    const [spec] = applied.specs;
    if (spec !== undefined) {
      events.push('meddled');
      meddled = true;
      const shown = spec.key === specKey(name, spec.kind, spec.name) ? {} : { name: spec.name };
      const record = { generation: spec.generation + 1, spec: applied.names.keptSpec(spec.kind, spec.spec), ...shown };
      const put = { key: spec.key, value: JSON.stringify(record) };
      await store.commit({ conditions: [], puts: [put], deletes: [] });
    }
  } else if (other > 0.75) {
    events.push('another apply after');
    await complete(randomTopology(name, chance));
  }

  const resuming = await cutRun(store, name).then(
    ({ plan: cut }) => cut,
    (error: unknown) => (error instanceof OtterError && error.code === 'OT2032' ? null : Promise.reject(error)),
  );
  if (resuming !== null && chance() < 0.3) events.push('planned anew');
  else if (resuming !== null) {
    assert.equal(resuming.plan_digest, chosen.plan_digest);
    const done = new Set((await readRuns(store, name)).at(-1)!.batches.flatMap(({ record }) => record.addresses));
    const result = await apply(store, resuming, { resume: true }).then(
      () => 'resumed',
      (error: unknown) => (error instanceof OtterError && error.code === 'OT2001' ? error.code : Promise.reject(error)),
    );
    events.push(result);
    // Only what somebody wrote in between keeps it from going on.
    if (result === 'OT2001') assert.equal(meddled, true, 'a run that nobody disturbed was not resumed');
    else {
      assert.ok(done.size > 0 && done.size < chosen.changes.length);
      assert.equal(canonicalText(await present(store, name)), wanted, 'resumed, and not as desired');
      told.set(resuming.serial, canonicalText(await present(store, name)));
    }
  } else if (end === 'died' && !meddled && other < 0.75) events.push('nothing to resume');

  await land();

  // A name that somebody else has given away since is refused; then the rename is not asked for any more.
  const last = await plan(desired);
  if (!last.applyable && renames && (other < 0.15 || other > 0.75)) events.push('name taken');
  await complete(last.applyable ? desired : objects);
  assert.equal(canonicalText(await present(store, name)), wanted);
  if (other >= 0.15 && other <= 0.75) await keptIn(store, name, desired, before.applied);
  assert.equal((await plan(desired)).changes.length, 0, 'after apply something is left to plan');
  await check(store, name);
  if (!meddled) await lookBack(store, name, told);
  const text = (await everything(store, name)) + heard.join('\n') + JSON.stringify(await readAudit(store, name));
  assert.equal(text.includes(SECRET), false, 'a secret was told');
  return { events };
}

async function everything(store: StateStore, name: string): Promise<string> {
  return JSON.stringify((await store.list(topologyPrefix(name))).entries.filter(({ key }) => key !== lockKey(name)));
}

async function present(store: StateStore, name: string): Promise<Topology> {
  return appliedTopology((await readApplied(store, name)).applied);
}

/** What was renamed is still the same: it is kept where it was. */
async function keptIn(store: StateStore, name: string, desired: Topology, before: AppliedState): Promise<void> {
  const { applied } = await readApplied(store, name);
  for (const { from, to } of desired.moved ?? []) {
    const key = (state: AppliedState, address: string): string | undefined =>
      state.specs.find((one) => `${one.kind}.${one.name}` === address)?.key;
    if (key(applied, to) !== undefined) assert.equal(key(applied, to), key(before, from), `${from} is lost`);
  }
}

/** What holds at every moment. */
async function check(store: StateStore, name: string): Promise<void> {
  const { applied, history } = await readPast(store, name);
  const addresses = new Set(applied.specs.map(({ kind, name: object }) => `${kind}.${object}`));
  for (const { kind, name: object, spec, key } of applied.specs) {
    assert.equal(key, specKey(name, kind, applied.names.kept(kind, object)));
    for (const other of refersTo(kind, spec)) assert.ok(addresses.has(other), `${kind}.${object} refers to ${other}`);
  }
  const serials = history.map(({ serial }) => serial);
  assert.deepEqual(
    serials,
    [...new Set(serials)].sort((a, b) => a - b),
  );
  assert.equal(applied.meta.record?.serial ?? 0, serials.at(-1) ?? 0, 'a serial counts that is not complete');
  for (const { generation } of applied.specs) assert.ok(Number.isSafeInteger(generation));
}

/** Every serial is found again as it was. */
async function lookBack(store: StateStore, name: string, told: ReadonlyMap<number, string>): Promise<void> {
  const past = await readPast(store, name);
  for (const [serial, text] of told) {
    if (text === '') continue;
    assert.equal(canonicalText(appliedTopology(appliedAt(past, serial))), text, `serial ${serial} is found otherwise`);
  }
}
