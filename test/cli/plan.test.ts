/** `otter plan` and the consent of `otter apply`, in this process: what is printed, what is asked, how it ends. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { statusKey } from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { type Ended, type Habits, person } from './person.ts';

const TOPOLOGY = `version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:7401" }
  east-1: { region: east, listen: "127.0.0.1:7402" }
databases:
  a: { region: west, engine: mariadb, endpoints: ["127.0.0.1:1"], user: otter, password: { env: A_PASSWORD } }
  b: { region: east, engine: mariadb, endpoints: ["127.0.0.1:2"], user: otter, password: { env: B_PASSWORD } }
channels:
  shop:
    between: [a, b]
    conflict: { policy: site-priority }
    tables: [shop.orders]
`;
const WITHOUT = TOPOLOGY.slice(0, TOPOLOGY.indexOf('channels:'));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-plan-'));
  await write(TOPOLOGY);
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(text: string): Promise<void> {
  await writeFile(join(folder, 'main.yaml'), text);
}

const at = (): string[] => ['-t', join(folder, 'main.yaml'), '--state', `file:${join(folder, 'state.db')}`];

async function otter(args: readonly string[], habits: Habits = {}): Promise<Ended> {
  return person([...at(), ...args], habits);
}

/** Applied, and reported as running by a node. */
async function running(): Promise<void> {
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  await using store = openStore(`file:${join(folder, 'state.db')}`);
  const record = {
    observedGeneration: 1,
    phase: 'streaming',
    position: null,
    error: null,
    node: 'east-1',
    updatedMs: 0,
  };
  const puts = ['shop/a>b', 'shop/b>a'].map((name) => ({
    key: statusKey('main', 'pipeline', name),
    value: JSON.stringify(record),
  }));
  await store.commit({ conditions: [], puts, deletes: [] });
}

test('what cannot be undone wants its name: typed, or on the command line; a yes alone is not enough', async () => {
  await running();
  await write(WITHOUT);
  const alone = await otter(['apply', '--auto-approve', '--no-wait']);
  expect(alone.code).toBe(4);
  expect(alone.err).toContain(
    'Refused OT2010: channel.shop: positions of shop/a>b, shop/b>a are lost, and that cannot be undone\n  When it is meant: --allow-destroy channel.shop\n',
  );
  const wrong = await otter(['apply', '--no-wait'], { types: { sees: 'nothing else (shop)', text: 'yes\r' } });
  expect([wrong.code, wrong.out]).toEqual([8, expect.stringContaining('nothing else (shop)')]);
  const typed = await otter(['apply', '--no-wait'], { types: { sees: 'nothing else (shop)', text: 'shop\r' } });
  expect([typed.code, typed.out]).toEqual([0, expect.stringContaining('Applied as serial 2')]);
});

test('with its name on the command line nothing more is asked, and of a saved plan the review was the question', async () => {
  await running();
  await write(WITHOUT);
  const plan = join(folder, 'p.json');
  expect((await otter(['plan', '--out', plan])).code).toBe(0);
  const named = await otter(['apply', '--auto-approve', '--no-wait', '--allow-destroy', 'shop']);
  expect(named.code).toBe(0);
  await write(TOPOLOGY);
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
});

test('a name that is nowhere allows nothing to be destroyed, and is told with the one that is near', async () => {
  await running();
  await write(WITHOUT);
  for (const args of [['plan'], ['apply', '--auto-approve', '--no-wait']]) {
    const slip = await otter([...args, '--allow-destroy', 'channel.shpo']);
    expect([slip.code, slip.out]).toEqual([3, '']);
    expect(slip.err).toContain('nothing declared or applied has the address `channel.shpo`');
    expect(slip.err).toContain('Did you mean `channel.shop`?');
  }
  // A part of an object is not the object.
  expect((await otter(['plan', '--allow-destroy', 'shop/a:b'])).code).toBe(3);
  expect((await otter(['plan', '--allow-destroy', 'table.shop/shop.orders'])).code).toBe(3);
});

test('to destroy everything its name is typed, once anything has run', async () => {
  await running();
  const yes = await otter(['destroy', '--no-wait'], {
    types: { sees: 'nothing else (main)', text: 'yes\r' },
  });
  expect(yes.code).toBe(8);
  const typed = await otter(['destroy', '--no-wait'], {
    types: { sees: 'nothing else (main)', text: 'main\r' },
  });
  expect([typed.code, typed.out]).toEqual([0, expect.stringContaining('7 destroyed')]);
});

test('a stale saved plan says what a new one would do', async () => {
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  const plan = join(folder, 'p.json');
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  expect((await otter(['plan', '--out', plan])).code).toBe(0);
  await write(TOPOLOGY.replace('conflict:', 'ddl: ignore\n    conflict:'));
  expect((await otter(['apply', '--auto-approve', '--no-wait'])).code).toBe(0);
  await write(
    TOPOLOGY.replace('conflict:', 'ddl: ignore\n    conflict:').replace('[shop.orders]', '[shop.orders, shop.stock]'),
  );
  const { code, err } = await otter(['apply', plan, '--no-wait']);
  expect(code).toBe(5);
  expect(err).toMatch(/spec\/channel\/shop \(revision \d+, now revision \d+: serial 2 by .*: ddl "stop" -> "ignore"\)/);
  expect(err).toContain('A new plan would differ from this one:\n  otherwise\n  ~ channel.shop will be changed');
});

test('a saved plan that rests on a waiver ends with it', async () => {
  const rules = (until: string) =>
    `${TOPOLOGY}rules: { no-copies: { when: "initial = 'copy'", message: no, waive: [{ for: channel.shop, until: "${until}", reason: testing }] } }\n`;
  await write(rules('9999-01-01'));
  const plan = join(folder, 'p.json');
  expect((await otter(['plan', '--out', plan])).out).toContain(
    'waived   OT2100 no-copies  channel.shop: no (waived until 9999-01-01: testing)',
  );
  expect((await otter(['apply', plan, '--no-wait'])).code).toBe(0);
  const history = JSON.parse((await otter(['history', '--json'])).out) as { waived?: unknown }[];
  expect(history[0]!.waived).toEqual([
    { code: 'OT2100', rule: 'no-copies', address: 'channel.shop', until: '9999-01-01', reason: 'testing' },
  ]);
  await write(rules('2020-01-01').replace('[shop.orders]', '[shop.orders, shop.stock]'));
  const lapsed = await otter(['plan']);
  expect([lapsed.code, lapsed.err]).toEqual([4, expect.stringContaining('its waiver ended on 2020-01-01')]);
});

test('--exclude, and --live where nobody answers', async () => {
  const part = await otter(['plan', '--exclude', 'database.b']);
  expect(part.out).toContain('Plan: 5 to add');
  expect(part.out).not.toContain('channel.shop');
  const none = await otter(['plan', '--exclude', 'a', '--exclude', 'b', '--target', 'shop']);
  expect(none.out).toContain('Plan: 2 to add');
  await otter(['apply', '--auto-approve', '--no-wait']);
  expect((await otter(['plan', '--exclude', 'shop'])).out).toContain(
    'No changes. main (serial 1): what is applied is what the topology declares, as far as --exclude shop goes.',
  );
  await write(TOPOLOGY.replace('[shop.orders]', '[shop.orders, shop.stock]'));
  const live = await otter(['plan', '--live'], { env: { A_PASSWORD: 'x', B_PASSWORD: 'x' } });
  expect(live.err).toContain('a was not asked how large its tables are: OT4001');
  expect(live.out).toContain('how many, the databases say: --live');
  expect((await otter(['plan', '--exclude', 'nowhere'])).code).toBe(3);
});

/** Where somebody may write a secret by mistake, or where one stands near. */
const PLANTED: readonly ((secret: string) => string)[] = [
  (secret) => TOPOLOGY.replace('{ env: A_PASSWORD }', JSON.stringify(secret)),
  (secret) => TOPOLOGY.replace('"127.0.0.1:1"', JSON.stringify(`otter:${secret}@127.0.0.1:1`)),
  (secret) =>
    TOPOLOGY.replace(
      'user: otter, password: { env: A_PASSWORD }',
      `user: otter, password: { env: ${JSON.stringify(`${secret} x`)} }`,
    ),
  (secret) => `${TOPOLOGY}link: { token: ${JSON.stringify(secret)} }\n`,
  (secret) => `${TOPOLOGY}notify: { ops: { webhook: ${JSON.stringify(`https://example.org/${secret}`)} } }\n`,
  () => TOPOLOGY,
];

test('no secret is in any output of a plan, wherever it was planted', async () => {
  const secret = fc.string({
    unit: fc.constantFrom('h', 'u', 'n', 't', 'e', 'r', '2', 'Q', '%'),
    minLength: 12,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...PLANTED), secret, async (plant, text) => {
      await write(plant(text));
      for (const args of [
        ['plan'],
        ['plan', '--json'],
        ['plan', '--format', 'markdown'],
        ['graph', '--plan'],
        ['plan', '--out', join(folder, 'p')],
      ]) {
        const { out, err } = await otter(args, { env: { A_PASSWORD: text, B_PASSWORD: text, OTTER_VAR_X: text } });
        expect(out + err, args.join(' ')).not.toContain(text);
      }
      expect(await readFile(join(folder, 'p'), 'utf8').catch(() => '')).not.toContain(text);
    }),
    { numRuns: 18 },
  );
});

test('a plan with everything in it is as its schema says', async () => {
  const schema = JSON.parse(
    await readFile(new URL('../../schema/plan.schema.json', import.meta.url), 'utf8'),
  ) as object;
  const valid = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);
  await running();
  const waive = '[{ for: channel.store, until: "9999-01-01", reason: testing }]';
  await write(
    `${TOPOLOGY.replace('  shop:', '  store:').replace('[shop.orders]', '[shop.orders, shop.stock]')}moved: [{ from: channel.shop, to: channel.store }]\nguards: { max_destroy: 1 }\nrules: { mine: { when: "kind = 'channel'", message: no, waive: ${waive} } }\n`,
  );
  const plan = JSON.parse((await otter(['plan', '--json'])).out) as Record<string, unknown[]>;
  expect(valid(plan) ? [] : valid.errors).toEqual([]);
  expect(plan['moved']).toHaveLength(1);
  expect(plan['findings']).toHaveLength(1);
  await write(WITHOUT);
  const gone = JSON.parse((await otter(['plan', '--json'])).out) as object;
  expect(valid(gone) ? [] : valid.errors).toEqual([]);
});
