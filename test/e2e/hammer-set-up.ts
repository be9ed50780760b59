/** What the hammer needs before it can fall: the servers of a case, the program with its store, and the topology in YAML. */
import { join } from 'node:path';
import type { StartOptions } from '../../src/lab/database.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { STARTS } from '../site/harness.ts';
import { Clocks } from './clocks.ts';
import { FailingOver, type Standing, standing } from './failing-over.ts';
import type { HammerCase } from './hammer.ts';
import { TABLES } from './hammer-statements.ts';
import { NAMES, Otter, passwordsOf } from './otter.ts';

/** What a run has to do with. */
export interface SetUp {
  readonly which: HammerCase;
  readonly standing: readonly Standing[];
  readonly otter: Otter;
  /** Null: a file. */
  readonly store: EtcdServer | null;
  readonly nodes: readonly string[];
  /** Null: they go right. */
  readonly clocks: Clocks | null;
  readonly closing: AsyncDisposableStack;
}

/** With those that take over. */
const NODES = ['west-1', 'east-1', 'south-1', 'west-2', 'east-2', 'south-2'];

/** Servers, store and program; nothing is applied yet, and no node runs. */
export async function setUp(which: HammerCase): Promise<SetUp> {
  await using closing = new AsyncDisposableStack();
  const { engines, failOver = [] } = which;
  const options = serverOptions(which);
  const sites = await Promise.all(
    engines.map(async (engine, i): Promise<Standing> => {
      if (!failOver.includes(i) || engine === 'mariadb11') return standing(closing.use(await STARTS[engine](options)));
      return closing.use(await FailingOver.start(engine, options));
    }),
  );
  const store = which.chaos === true ? closing.use(await startEtcd()) : null;
  const state = store === null ? {} : { OTTER_STATE: store.url };
  const otter = closing.use(await Otter.in({ ...passwordsOf(sites.map(({ server }) => server)), ...state }));
  const nodes = NODES.filter((_, i) => i % 3 < engines.length && (i < 3 || which.chaos === true));
  const clocks = which.chaos === true ? await clocksOf(nodes, otter) : null;
  return { which, standing: sites, otter, store, nodes, clocks, closing: closing.move() };
}

/** Two families have one collation to compare keys by only when they are told. */
function serverOptions({ engines }: HammerCase): StartOptions {
  return new Set(engines).size > 1 ? { args: ['--collation-server=utf8mb4_general_ci'] } : {};
}

/** Where the library for it is not to be had, clocks go right, and that is said. */
async function clocksOf(nodes: readonly string[], { folder }: Otter): Promise<Clocks | null> {
  const clocks = await Clocks.of(nodes, join(folder, 'clocks'));
  if (clocks instanceof Clocks) return clocks;
  console.warn(`chaos: no clock jumps here: ${clocks.missing}`);
  return null;
}

/** YAML beneath `channels:`. */
export function channelOf({ engines, shape, conflict, ofTables, manual, ddl }: HammerCase): string {
  const tables = TABLES.map((table) => {
    const own = ofTables?.[table];
    return own === undefined ? `      - hammer.${table}\n` : `      - { from: hammer.${table}, conflict: ${own} }\n`;
  });
  return [
    `  hammer:\n    between: [${NAMES.slice(0, engines.length).join(', ')}]\n`,
    shape === undefined ? '' : `    shape: ${shape}\n`,
    manual === true ? '    initial: none\n' : '',
    ddl === true ? '    ddl: replicate\n' : '',
    `    conflict: ${conflict}\n    tables:\n`,
    ...tables,
  ].join('');
}
