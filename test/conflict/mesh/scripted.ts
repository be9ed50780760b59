/** One history that chance brings about once in ten thousand: a copy into a site that is restarted on the way. */
import { Random } from '../simulator/random.ts';
import { ITEM, TABLES } from '../simulator/schema.ts';
import { Transaction } from '../simulator/transaction.ts';
import { MeshCopier } from './copier.ts';
import { MeshDatabase } from './database.ts';
import type { Fault } from './faults.ts';
import { MeshLoader } from './loader.ts';
import { Ledger, SiteOracle } from './oracle.ts';
import { MeshSite } from './site.ts';
import { MeshStream } from './stream.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];
const START = 1_000;
const ROW = ['1', null, null, '1', '0'];

/**
 * `a` has a row that `b` has too and `c` is to get. A user of `b` deletes it; `c` hears of that and `a` does not, yet
 * their clocks pass it and all have seen `c`'s log; `c` is restarted; the row's chunk arrives, and then the delete at `a`.
 * Returns what each site has in the end.
 */
export function restartWhileCopying(has: (fault: Fault) => boolean): string[][] {
  let now = START;
  const databases = new Map(
    NAMES.map((site, at) => {
      const tick = (): number => {
        now += 10;
        return now;
      };
      return [site, new MeshDatabase({ site, server: at + 1, start: START, now: tick })];
    }),
  );
  const of = (name: Name): MeshDatabase => databases.get(name)!;
  for (const name of ['a', 'b'] as const) write(of(name), (transaction) => transaction.insert(ITEM, ROW));
  for (const database of databases.values()) {
    for (const source of NAMES) {
      const table = database.site === 'c' && source === 'a' ? 0 : TABLES.length;
      const seen = { [database.site]: database.first };
      if (source !== database.site)
        database.move(source, { seq: 0, ...database.first, seen, cursor: { table, after: null } });
    }
  }
  const random = new Random(1);
  const ledger = new Ledger();
  const sites = new Map(NAMES.map((name) => [name, new MeshSite(of(name), NAMES, has)]));
  const pipes = new Map(
    NAMES.flatMap((from) =>
      NAMES.filter((to) => to !== from).map((to) => {
        const database = of(to);
        const copier = new MeshCopier(of(from), database, random);
        const stream = new MeshStream({ source: of(from), target: database, copier, has });
        const oracle = new SiteOracle({ database, ledger, patient: true, copies: true, counts: new Map() });
        const truth = of(from).entries;
        const loader = new MeshLoader({ site: sites.get(to)!, source: from, truth, random, oracle, has });
        return [`${from}>${to}`, { stream, loader, copier }];
      }),
    ),
  );
  const run = (...names: readonly string[]): void => {
    for (const name of names) {
      const { stream, loader } = pipes.get(name)!;
      while (!stream.atEnd || stream.queue.length > 0 || !loader.idle) {
        stream.read();
        loader.step(stream.queue);
      }
    }
  };
  const beats = (): void => {
    for (const site of sites.values()) site.beat();
  };

  write(of('b'), (transaction) => transaction.delete(ITEM, ROW));
  of('b').append({ kind: 'user', changes: [{ kind: 'delete', table: ITEM, fkChecks: true, before: ROW }] });
  run('b>c');
  for (let round = 0; round < 3; round += 1) {
    beats();
    run('c>a', 'c>b', 'a>b', 'a>c', 'b>c');
  }
  for (const [name, { stream, loader }] of pipes) {
    if (name.endsWith('c')) loader.restart();
    if (name.includes('c')) stream.reset();
  }
  sites.get('c')!.restart();
  const copy = pipes.get('a>c')!;
  while (!copy.copier.done) {
    copy.copier.step();
    run('a>c');
  }
  run(...pipes.keys());
  return NAMES.map((name) => of(name).dump());
}

function write(database: MeshDatabase, what: (transaction: Transaction) => unknown): void {
  const transaction = new Transaction(database, null);
  what(transaction);
  transaction.commit();
}
