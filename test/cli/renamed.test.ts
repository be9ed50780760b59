/** An object that was renamed, seen by every command that looks back or aside: it is one object, whatever it was called. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Ended, person } from './person.ts';

/** Of a channel `shop` between databases of these names, with what was renamed. */
const topology = (channel: string, database: string, moved = '', more = ''): string => `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  ${database}: { region: west, engine: mariadb, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: PASSWORD } }
channels:
  ${channel}:
    between: [${database}, b]
    conflict: { policy: site-priority }
    tables: [shop.orders]
${more}${moved}`;
const MOVED = 'moved:\n  - { from: channel.store, to: channel.shop }\n  - { from: database.a, to: database.home }\n';
const OLD = topology('store', 'a');
const NEW = topology('shop', 'home', MOVED);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-renamed-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function otter(...args: string[]): Promise<Ended> {
  return person(['-t', join(folder, 'main.yaml'), '--state', `file:${join(folder, 'state.db')}`, ...args], {
    env: { PASSWORD: 'p' },
  });
}

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await otter(...args);
  expect([code, err], err).toEqual([0, expect.any(String)]);
  return out + err;
}

async function applied(text: string): Promise<string> {
  await writeFile(join(folder, 'main.yaml'), text);
  return done('apply', '--auto-approve', '--no-wait');
}

test('rolled back, there and back and there again, it begins nothing anew', async () => {
  await applied(OLD);
  await applied(NEW);
  expect(await done('rollback', '1', '--auto-approve', '--no-wait')).toMatch(/0 added, \d changed, 0 destroyed/);
  await applied(NEW);
  const back = await done('rollback', '1', '--auto-approve', '--no-wait');
  expect(back).toMatch(/Applied as serial 5: 0 added, \d changed, 0 destroyed/);
  expect(await done('diff', '1..5')).toContain('declare the same');
});

test('what is gone is followed no further, nor is what was made later under its name taken for it', async () => {
  await applied(OLD);
  await applied(NEW);
  await done('destroy', '--auto-approve', '--no-wait');
  await applied(OLD);
  // It is another `store` than the one that was called `shop` for a while, and is declared the same.
  expect(await done('diff', '1..4')).toContain('declare the same');
  await applied(NEW);
  // `shop` goes and comes, as another one.
  const home = MOVED.replace(/.*store.*\n/, '');
  await applied(topology('late', 'home', home));
  await applied(topology('shop', 'home', home));
  expect(await done('diff', '4..7')).toMatch(
    / {2}- channel\.store\n(.|\n)* {2}\+ channel\.shop\n| {2}\+ channel\.shop\n(.|\n)* {2}- channel\.store/,
  );
  expect(await done('rollback', '4', '--auto-approve', '--no-wait')).toContain('1 added, 1 changed, 1 destroyed');
});

test('compared, it is renamed and nothing else', async () => {
  await applied(OLD);
  await applied(NEW);
  for (const range of ['1..2', '2..1']) {
    const { changes } = JSON.parse(await done('diff', range, '--json')) as {
      changes: { actions: string[]; attributes: { path: string }[] }[];
    };
    expect(changes.map(({ actions }) => actions)).toEqual([['update'], ['update']]);
    expect(changes.flatMap(({ attributes }) => attributes.map(({ path }) => path))).toEqual(['name', 'name']);
  }
});

test('an earlier name that another object has now is not taken from it', async () => {
  await applied(OLD);
  await applied(NEW);
  const other = topology('shop', 'home', MOVED, '  store:\n    from: home\n    to: b\n    tables: [shop.other]\n');
  await applied(other);
  const refused = await otter('rollback', '1', '--auto-approve', '--no-wait');
  expect([refused.code, refused.err]).toEqual([
    4,
    expect.stringContaining('channel.shop was called channel.store then'),
  ]);
});

test('exported and imported where it is, it is there already; under an earlier name it is renamed back', async () => {
  await applied(OLD);
  const old = join(folder, 'old.json');
  await done('state', 'export', old);
  await applied(NEW);
  const file = join(folder, 'state.json');
  await done('state', 'export', file);
  expect(await done('state', 'import', file, '--auto-approve', '--no-wait')).toContain('No changes.');
  expect(await done('state', 'import', old, '--auto-approve', '--no-wait')).toMatch(/0 added, \d changed, 0 destroyed/);
  expect(await done('state', 'import', file, '--auto-approve', '--no-wait')).toMatch(
    /0 added, \d changed, 0 destroyed/,
  );
});

test('about to be renamed, it is one object that differs by its name, which nobody writes back', async () => {
  await applied(OLD);
  await writeFile(join(folder, 'main.yaml'), NEW);
  const drift = await otter('drift', '--no-databases', '--json');
  const { drift: found } = JSON.parse(drift.out) as { drift: { address: string; kind: string }[] };
  expect(found.map(({ address, kind }) => [address, kind])).toEqual([
    ['database.home', 'changed'],
    ['channel.shop', 'changed'],
  ]);
  const adopted = await otter('drift', '--no-databases', '--adopt');
  expect([adopted.code, adopted.err]).toEqual([1, expect.stringContaining('OT7014')]);
});

test('what rests of a channel goes with the pipeline that it was', async () => {
  await applied(OLD);
  await applied(NEW);
  await done('pause', 'shop/home:b', '--no-wait');
  const oneWay = topology('shop', 'home', MOVED).replace(
    'between: [home, b]\n    conflict: { policy: site-priority }',
    'from: b\n    to: home',
  );
  await writeFile(join(folder, 'main.yaml'), oneWay);
  await done('apply', '--auto-approve', '--no-wait', '--allow-destroy', 'channel.shop');
  expect((await otter('plan')).out).not.toContain('paused');
});

test('a name that another object still has is refused, and nothing is destroyed for it', async () => {
  await applied(topology('one', 'a', '', '  two:\n    from: a\n    to: b\n    tables: [shop.other]\n'));
  await writeFile(
    join(folder, 'main.yaml'),
    topology('two', 'a', 'moved:\n  - { from: channel.one, to: channel.two }\n'),
  );
  const refused = await otter('apply', '--auto-approve', '--no-wait', '--allow-destroy', 'channel.one');
  expect([refused.code, refused.err]).toEqual([
    4,
    expect.stringContaining('channel.one cannot become channel.two, which is applied already'),
  ]);
});
