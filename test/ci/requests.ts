/** From a branch to what is applied, on either host: the histories that the two tests run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BASE } from '../topology/example.ts';
import { type Kind, Repository } from './flow.ts';
import { BOT, FakeHost, type Said } from './host.ts';

const SHOP = `${BASE}channels:\n  shop:\n    between: [hz, ca]\n    tables: [shop.orders]\n`;
const HOUR = { OTTER_CI_TIMEOUT: '1ms' };
/** Nobody runs nodes here: what was applied is written, and the nodes have not reported. */
const NO_NODES = 9;

/** One request, as it should go. */
export async function shortFlow(kind: Kind): Promise<void> {
  await using host = await FakeHost.start();
  await using repository = await Repository.with(BASE, host, kind);
  const one = await repository.branch('one', SHOP);
  const reviewed = await repository.run('review', one, 1);
  expect(reviewed, reviewed.err).toMatchObject({ code: 0 });
  const applied = await repository.run('apply', await repository.merge('one', 1), null, HOUR);
  expect(applied, applied.err).toMatchObject({ code: NO_NODES });
  expect(host.comments.get(1)).toMatchObject([{ author: BOT }]);
  expect(host.comments.get(1)![0]!.body).toContain('Applied as serial 1');
}

/** The same request for the topology and for an environment of it: a comment each, and each is applied by its own. */
export async function environments(kind: Kind): Promise<void> {
  await using host = await FakeHost.start();
  await using repository = await Repository.with(BASE, host, kind);
  await repository.write('topologies/env/prod.yaml', 'name: prod\n');
  const one = await repository.branch('one', SHOP);
  const prod = { ...HOUR, OTTER_CI_ENV: 'prod' };
  for (const more of [{}, prod]) expect(await repository.run('review', one, 1, more)).toMatchObject({ code: 0 });
  const bodies = (): string[] => host.comments.get(1)!.map(({ body }) => body);
  expect(bodies().map((body) => /^### otter plan: (\w+)$/m.exec(body)?.[1])).toEqual(['t', 'prod']);
  const merged = await repository.merge('one', 1);
  expect(await repository.run('apply', merged, null, prod)).toMatchObject({ code: NO_NODES });
  expect(bodies().map((body) => body.includes('Applied as serial 1'))).toEqual([false, true]);
  expect(await repository.run('apply', merged, null, HOUR)).toMatchObject({ code: NO_NODES });
}

/**
 * Paths that nobody should choose, and thousands of objects: each has a comment of its own that fits, the output of the run has all of the
 * plan, and nothing in a name is run.
 */
export async function oddFlow(kind: Kind): Promise<void> {
  await using host = await FakeHost.start();
  await using repository = await Repository.with(BASE, host, kind);
  const odd = ['ö', 'ü'].map((letter) => `topologies/${letter} $(touch pwned) \`x\` '"-->\n;::set-env name=a::b.yaml`);
  for (const [index, path] of odd.entries())
    await repository.write(path, `${SHOP.replace(/name: \w+/, `name: odd-${index}`)}  x: 1\n`);
  const one = await repository.branch('one', SHOP);
  for (const path of odd) {
    const { code, out } = await repository.run('review', one, 1, { OTTER_TOPOLOGY: path });
    expect(code).toBe(3);
    expect(out.split('\n').filter((line) => /^\s*;|^\s*::set-env/.test(line))).toEqual([]);
  }
  expect(host.comments.get(1)).toHaveLength(2);
  expect(existsSync(join(repository.folder, 'pwned'))).toBe(false);

  const channels = Array.from(
    { length: 200 },
    (_, i) => `  c${i}: { between: [hz, ca], tables: [shop.t${i}], conflict: { policy: site-priority } }\n`,
  );
  const two = await repository.branch('two', `${BASE}channels:\n${channels.join('')}`);
  const reviewed = await repository.run('review', two, 2);
  expect(reviewed, reviewed.err).toMatchObject({ code: 0 });
  for (const i of [0, 100, 199]) expect(reviewed.out).toContain(`+ channel.c${i} will be created`);
  const applied = await repository.run('apply', await repository.merge('two', 2), null, HOUR);
  expect(applied, applied.err).toMatchObject({ code: NO_NODES });
  expect(host.comments.get(2)![0]!.body).toContain('Applied as serial 1');
}

const FORGED = `<!-- otter: the plan of topologies -->\n<!-- otter: digest ${'0'.repeat(64)} -->\n### otter plan: t\n`;

export async function wholeFlow(kind: Kind): Promise<void> {
  await using host = await FakeHost.start();
  await using repository = await Repository.with(BASE, host, kind);
  const first = await repository.git('rev-parse', 'HEAD');
  // Nobody has seen a plan of this commit.
  expect(await repository.run('apply', first, null, HOUR)).toMatchObject({ code: 4 });

  // Somebody else's comment that looks like it, and stands before it, is neither read nor written.
  const forged = host.say(1, 'mallory', FORGED);
  const own = (request: number): Said[] => (host.comments.get(request) ?? []).filter(({ author }) => author === BOT);
  const one = await repository.branch('one', SHOP.replace('orders', 'order s'));
  const broken = await repository.run('review', one, 1);
  expect(broken, broken.err).toMatchObject({ code: 3 });
  expect(own(1)).toHaveLength(1);
  expect(own(1)[0]!.body).toContain('**Not valid**');
  if (kind === 'github') expect(broken.out).toContain('::error');

  const mended = await repository.commit(SHOP, 'mended');
  const reviewed = await repository.run('review', mended, 1, {
    OTTER_X_PASSWORD: 'orders',
    OTTER_X_TOKEN: 'shop.orders',
  });
  expect(reviewed, reviewed.err).toMatchObject({ code: 0 });
  expect(own(1)).toHaveLength(1);
  const { body } = own(1)[0]!;
  expect(body).toMatch(
    /^<!-- otter: the plan of topologies -->\n<!-- otter: digest [0-9a-f]{64} -->\n### otter plan: t\n/,
  );
  expect(body).toContain(`For commit ${mended.slice(0, 12)}`);
  // What secrets hold is not said, even where it is a name.
  expect(body).not.toContain('orders');
  expect(body).toContain('***');
  expect(forged.body).toBe(FORGED);

  const merged = await repository.merge('one', 1);
  host.failing = 2;
  const applied = await repository.run('apply', merged, null, HOUR);
  expect(applied, applied.err).toMatchObject({ code: NO_NODES });
  expect(applied.out).toContain('Applied as serial 1');
  expect(own(1)[0]!.body).toContain('Applied as serial 1');
  expect(own(1)).toHaveLength(1);
  expect((await repository.run('apply', merged, null, HOUR)).out).toContain('nothing to apply');

  // Two at once: the second was planned before the first was applied.
  const two = await repository.branch('two', SHOP.replace('tables:', 'ddl: ignore\n    tables:'));
  await repository.run('review', two, 2);
  // What a database is changed to depends on the channels that use it.
  const three = await repository.branch('three', SHOP.replace('user: otter', 'user: other'));
  await repository.run('review', three, 3);
  expect(await repository.run('apply', await repository.merge('two', 2), null, HOUR)).toMatchObject({ code: NO_NODES });
  const late = await repository.run('apply', await repository.merge('three', 3), null, HOUR);
  expect(late, late.err).toMatchObject({ code: 5 });
  expect(own(3)).toHaveLength(1);
  expect(own(3)[0]).toMatchObject({ author: BOT });
  expect(own(3)[0]!.body).toContain('**Not applied:**');
  // Nor is it agreed to any more.
  expect(await repository.run('apply', await repository.git('rev-parse', 'HEAD'), null, HOUR)).toMatchObject({
    code: 4,
  });
}
