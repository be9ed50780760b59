/** What is kept of a log, and what is said once. */
import { expect, test } from 'vitest';
import type { Fields, Logger } from '../../src/model/ports.ts';
import { LogRing } from '../../src/observe/log-ring.ts';

/** A real logger takes whatever it is given. */
function safe(fields: Fields): string {
  try {
    return JSON.stringify(fields);
  } catch {
    return 'whatever';
  }
}

function kept() {
  const clock = { now: 1_000 };
  const said: string[] = [];
  const at =
    (level: string, fields: Fields) =>
    (message: string, more: Fields = {}): unknown =>
      said.push(`${level} ${message} ${safe({ ...fields, ...more })}`);
  const loggerOf = (fields: Fields): Logger =>
    ({
      ...{ debug: at('debug', fields), info: at('info', fields), warn: at('warn', fields), error: at('error', fields) },
      child: (more) => loggerOf({ ...fields, ...more }),
    }) as Logger;
  const ring = new LogRing(() => clock.now);
  return { clock, said, ring, log: ring.remembered(loggerOf({ node: 'hz-1' }), { node: 'hz-1' }) };
}

test('every line goes on as it was, and is kept with the fields of its parents; debug is not kept', () => {
  const { said, ring, log } = kept();
  log.child({ pipeline: 'shop/hz>ca' }).info('phase changed', { to: 'streaming', big: 5n as unknown as string });
  log.debug('noise');
  expect(said).toHaveLength(2);
  expect(said.slice(1)).toEqual(['debug noise {"node":"hz-1"}']);
  expect(ring.read({ after: 0, limit: 10 })).toEqual([
    {
      ...{ seq: 1, at: 1_000, level: 'info', message: 'phase changed' },
      fields: { node: 'hz-1', pipeline: 'shop/hz>ca', to: 'streaming', big: '5' },
    },
  ]);
});

test('a condition that comes again is said once a minute, with how often it came; another one at once', () => {
  const { clock, said, ring, log } = kept();
  for (let n = 0; n < 5; n += 1) log.warn('the peer is away', { pipeline: 'shop/hz>ca' });
  log.warn('the peer is away', { pipeline: 'shop/ca>hz' });
  expect(said).toHaveLength(2);
  clock.now += 59_999;
  log.warn('the peer is away', { pipeline: 'shop/hz>ca' });
  expect(said).toHaveLength(2);
  clock.now += 1;
  log.info('something else');
  expect(said.slice(2)).toEqual([
    'warn the peer is away {"node":"hz-1","pipeline":"shop/hz>ca","repeated":5}',
    'info something else {"node":"hz-1"}',
  ]);
  log.warn('the peer is away', { pipeline: 'shop/hz>ca' });
  expect(said.at(-1)).toBe('warn the peer is away {"node":"hz-1","pipeline":"shop/hz>ca"}');
  log.warn('the peer is away', { pipeline: 'shop/hz>ca' });
  ring.flush();
  ring.flush();
  expect(said.at(-1)).toContain('"repeated":1');
  expect(ring.read({ after: 0, limit: 99 }).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('what is said after a change is news: a store that is away, back, and away again', () => {
  const { said, log } = kept();
  const pipeline = log.child({ pipeline: 'shop/hz>ca' });
  log.warn('state store away');
  pipeline.warn('interrupted');
  pipeline.warn('interrupted');
  log.info('state store back');
  log.warn('state store away');
  pipeline.warn('interrupted');
  pipeline.info('phase changed');
  pipeline.warn('interrupted');
  expect(said.map((line) => line.replace(/ \{.*?("repeated":\d)?\}$/, ' $1').trim())).toEqual([
    'warn state store away',
    'warn interrupted',
    'info state store back',
    'warn state store away',
    'warn interrupted "repeated":2',
    'info phase changed',
    'warn interrupted',
  ]);
});

test('what is kept is bounded in lines, in characters and in conditions, and numbers go on', () => {
  const { ring, log, said } = kept();
  for (let n = 0; n < 2_500; n += 1) log.info('line', { n });
  const lines = ring.read({ after: 0, limit: 9_999 });
  expect([lines.length, lines[0]!.seq, lines.at(-1)!.seq]).toEqual([2_000, 501, 2_500]);
  expect(ring.read({ after: 2_498, limit: 9 }).map(({ seq }) => seq)).toEqual([2_499, 2_500]);
  expect(ring.read({ after: 0, limit: 2 }).map(({ seq }) => seq)).toEqual([2_499, 2_500]);
  for (let n = 0; n < 50; n += 1) log.info('long', { text: 'x'.repeat(100_000) });
  expect(ring.read({ after: 0, limit: 9_999 }).length).toBeLessThan(12);
  const before = said.length;
  for (let n = 0; n < 2_000; n += 1) log.error('each is another', { n });
  expect(said.length - before).toBe(2_000);
});

test('fields that cannot be told do no harm', () => {
  const { ring, log } = kept();
  const round: Record<string, unknown> = {};
  round['itself'] = round;
  log.info('round', round);
  log.warn('round', round);
  expect(ring.read({ after: 0, limit: 9 }).map(({ fields }) => fields)).toEqual([
    { fields: 'cannot be told' },
    { fields: 'cannot be told' },
  ]);
});
