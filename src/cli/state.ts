/** `otter state export` and `import`: the state as one file. `otter migrate`: the state in the format of this version. */

import { readApplied } from '../executor/applied.ts';
import { type UnderLock, underLock } from '../executor/apply-lock.ts';
import {
  exportState,
  importState,
  migrationOfFile,
  readKept,
  readStateFile,
  recordsToWrite,
  type StateFile,
} from '../executor/backup.ts';
import type { Author } from '../executor/batches.ts';
import type { Migration } from '../executor/formats.ts';
import { migrate as migrateState, readMigration } from '../executor/migrate.ts';
import { OtterError } from '../model/error.ts';
import { Names } from '../model/kept-names.ts';
import type { StateStore } from '../model/ports.ts';
import type { KeptName } from '../model/records.ts';
import { type Kind, type Move, NOTHING_DECLARED, type Topology } from '../model/topology.ts';
import { type AppliedState, addressOf } from '../planner/change.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { type ApplyOptions, review } from './apply.ts';
import { authorOf } from './author.ts';
import { agree } from './consent.ts';
import { type CommonOptions, type Context, EXIT, stateUrl, storeToRead, topologyName } from './context.ts';
import { planFor } from './plan.ts';

export interface StateOptions extends ApplyOptions {
  readonly yes?: boolean;
}

const LOCK_TIMEOUT_MS = 20_000;

export async function state(context: Context, options: StateOptions, what: string, file?: string): Promise<number> {
  if (what === 'export') return exported(context, options, file);
  if (file === undefined) {
    throw new OtterError('OT7001', 'otter state import needs the file', {
      hint: 'For example: otter state import shop.state.json',
    });
  }
  return imported(context, options, file);
}

async function exported(context: Context, options: CommonOptions, path: string | undefined): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const { user, host } = context.parts.who();
  const file = await exportState(
    store,
    topology,
    {
      otter: context.version,
      exported_at: new Date(context.now()).toISOString(),
      exported_by: `${user}@${host}`,
      digest: context.parts.digest,
    },
    context.signal,
  );
  const text = `${JSON.stringify(file, null, 2)}\n`;
  if (path === undefined) context.stdout.write(text);
  else {
    context.parts.writeFile(path, text, { secret: true });
    context.stderr.write(`${topology}: ${Object.keys(file.entries).length} records are in ${path}.\n`);
  }
  return EXIT.done;
}

async function imported(context: Context, options: StateOptions, path: string): Promise<number> {
  const file = readStateFile(context.parts.readFile(path), context.parts.digest);
  const { topology } = file;
  const asked = options.topology === undefined ? topology : topologyName(context, options, loadTopology);
  if (asked !== topology) {
    throw new OtterError('OT7001', `the state in ${path} is of the topology ${topology}, not of ${asked}`, {
      hint: 'Leave `-t` out. A state cannot be imported under another name: the databases know it by this one.',
    });
  }
  const migration = migrationOfFile(file);
  await using store = context.parts.openStore(stateUrl(context, options));
  const { records: present } = await readKept(store, topology, context.signal);
  if (present.has('meta')) {
    const other = present.get('meta')!.value['lineage'] !== file.entries['meta']!.value['lineage'];
    context.stderr.write(
      `${topology} is there already: what is declared in the file is planned for. Lineage and history stay as they are here${other ? '; the file is of another lineage' : ''}.\n`,
    );
    const desired = declaredIn(file, migration);
    const renamed = other ? [] : movesTo(file, (await readApplied(store, topology, context.signal)).applied);
    const planned = await planFor(context, { ...options, topology }, store, {
      desired: { ...desired, moved: renamed },
    });
    return await review(context, { ...options, topology }, store, planned, 'state import');
  }
  const toWrite = recordsToWrite(file, migration);
  const objects = [...toWrite.keys()].filter((key) => key.startsWith('spec/')).length;
  tell(context, migration);
  context.stdout.write(
    `${topology}, exported ${printable(`${file.exported_at} by ${file.exported_by}`)}: ${objects} objects, ${toWrite.size} records go into ${store.url}, where nothing of it is.\n`,
  );
  await agreed(context, options, 'Import it?');
  const author = authorOf(context, { ...options, topology }, 'state import');
  await underLock(locking(context, store, topology, author), async (lock, put) => {
    await importState({ store, topology, records: toWrite, lock, put, signal: context.signal });
  });
  context.stdout.write(`Imported. \`otter plan\` compares it with the files.\n`);
  return EXIT.done;
}

function declaredIn(file: StateFile, { changes }: Migration): Topology {
  const upgraded = new Map(changes.map(({ path, after }) => [path, after]));
  const kinds: Record<string, Record<string, unknown>> = {};
  const names = new Names(keptIn(file));
  for (const [path, { value }] of Object.entries(file.entries)) {
    const [room, kind = '', name = ''] = path.split('/');
    if (room !== 'spec') continue;
    const spec = names.shownSpec(kind as Kind, (upgraded.get(path) ?? value)['spec']);
    kinds[kind] = { ...kinds[kind], [names.shown(kind as Kind, decodeURIComponent(name))]: spec };
  }
  return { ...NOTHING_DECLARED, ...kinds, name: file.topology };
}

/** The names that objects have in a file, and those under which they are kept. */
function keptIn(file: StateFile): KeptName[] {
  return Object.entries(file.entries).flatMap(([path, { value }]) => {
    const [room, kind = '', name = ''] = path.split('/');
    if (room !== 'spec') return [];
    const kept = decodeURIComponent(name);
    const shown = value['name'];
    return [{ kind: kind as Kind, kept, shown: typeof shown === 'string' ? shown : kept }];
  });
}

/** Of objects that are called otherwise here than in the file, and are the same. */
function movesTo(file: StateFile, { specs, names }: AppliedState): Move[] {
  const here = new Set(specs.map(({ kind, name }) => `${kind} ${names.kept(kind, name)}`));
  return keptIn(file).flatMap(({ kind, kept, shown }) => {
    const now = names.shown(kind, kept);
    return now === shown || !here.has(`${kind} ${kept}`)
      ? []
      : [{ from: addressOf(kind, now), to: addressOf(kind, shown) }];
  });
}

export async function migrate(context: Context, options: StateOptions): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const found = await readMigration(store, topology, context.signal);
  if (found === null) {
    throw new OtterError('OT7005', `topology ${topology} was never applied to ${store.url}`, {
      hint: 'There is nothing to migrate.',
    });
  }
  const { migration } = found;
  if (options.json === true) context.stdout.write(`${JSON.stringify({ topology, ...migration }, null, 2)}\n`);
  if (migration.changes.length === 0) {
    if (options.json !== true)
      context.stdout.write(
        `${topology}: the state has format ${migration.to}, as this version writes it. Nothing to do.\n`,
      );
    return EXIT.done;
  }
  tell(context, migration);
  await agreed(
    context,
    options,
    'Migrate it? Nodes of earlier versions go on with what they run, and begin nothing new.',
  );
  await underLock(locking(context, store, topology, authorOf(context, options, 'migrate')), async (lock, put) => {
    // Under the lock nothing else is written.
    const now = await readMigration(store, topology, context.signal);
    if (now !== null) await migrateState(store, topology, now, lock, put, context.signal);
  });
  context.stderr.write(`Migrated to format ${migration.to}.\n`);
  return EXIT.done;
}

function tell({ stderr }: Context, { from, to, what, changes }: Migration): void {
  if (from === to) return;
  const lines = [
    `State format ${from} -> ${to}:`,
    ...what.map((line) => `  ${line}`),
    ...changes.map(({ path }) => `  ~ ${path}`),
    `Plan: ${changes.length} records to change.`,
  ];
  stderr.write(`${lines.map(printable).join('\n')}\n`);
}

async function agreed(context: Context, options: StateOptions, question: string): Promise<void> {
  if (options.yes === true || options.autoApprove === true) return;
  await agree(context, question, { alone: 'nobody has agreed to this', hint: 'Add --auto-approve when it is meant.' });
}

function locking(context: Context, store: StateStore, topology: string, author: Author): UnderLock {
  const { now, signal, parts, stderr } = context;
  return {
    store,
    topology,
    author,
    now,
    newId: parts.newId,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    signal,
    waiting: ({ holder }) => stderr.write(`Waiting for ${printable(holder)}, who holds the lock.\n`),
  };
}
