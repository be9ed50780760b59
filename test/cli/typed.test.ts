/** Commands that are printed do what they say when they are typed as they are, and hold no secret. */
import { expect, test } from 'vitest';
import { asTyped } from '../../src/cli/typed.ts';

const near = { parts: { exists: (path: string): boolean => path.includes('/') } };
const FLAGS = { topology: 'topologies/shop', state: 'etcd://10.0.0.2:2379', var: ['lanes=4'], varFile: ['a b.yaml'] };
const ALL = "-t topologies/shop --state etcd://10.0.0.2:2379 --var lanes=4 --var-file 'a b.yaml'";

test.each([
  ['Run `otter plan` to see it.', `Run \`otter plan ${ALL}\` to see it.`],
  ['to start: `otter node a1`, `otter node b1`.', `to start: \`otter node ${ALL} a1\`, \`otter node ${ALL} b1\`.`],
  ['`otter plan --out FILE`', `\`otter plan ${ALL} --out FILE\``],
  // It knows its topology, and refuses variables.
  ['To carry it out: otter apply my.plan', 'To carry it out: otter apply --state etcd://10.0.0.2:2379 my.plan'],
  ['Apply it first: otter apply', `Apply it first: otter apply ${ALL}`],
  ['More: otter explain OT2001', 'More: otter explain OT2001'],
])('%s', (text, typed) => {
  expect(asTyped(text, FLAGS, near)).toBe(typed);
});

test('what was not given is not written', () => {
  expect(asTyped('`otter plan`', {}, near)).toBe('`otter plan`');
});

test('a name is no path: commands that read files are typed without it', () => {
  const options = { topology: 'shop' };
  expect(asTyped('`otter plan`, `otter status`', options, near)).toBe('`otter plan`, `otter status -t shop`');
});

test('secrets are left to the person, and odd words are quoted', () => {
  const options = {
    state: 'etcds://otter:hunter2@10.0.0.2:2379?ca=/etc/ca.pem',
    var: ['db_password=hunter2', 'url=etcd://u:hunter2@h:1', "words=it's $HOME"],
  };
  const typed = asTyped('otter status', options, near);
  expect(typed).toBe(
    `otter status --state 'etcds://USER:PASSWORD@10.0.0.2:2379?ca=/etc/ca.pem' --var db_password=VALUE --var url=etcd://USER:PASSWORD@h:1 --var 'words=it'\\''s $HOME'`,
  );
});
