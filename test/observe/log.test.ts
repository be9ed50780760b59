/** Logs as JSON lines and as readable ones. */
import { expect, test } from 'vitest';
import { createLogger } from '../../src/observe/log.ts';

function lines(readable: boolean, level = 'info'): { log: ReturnType<typeof createLogger>; written: string[] } {
  const written: string[] = [];
  return { log: createLogger({ stream: { write: (text) => written.push(text) }, level, readable }), written };
}

test('one JSON object a line, with the fields of the parents', () => {
  const { log, written } = lines(false);
  log.child({ pipeline: 'shop/hz>ca' }).warn('the peer is away', { attempt: 2 });
  expect(written.join('').endsWith('\n')).toBe(true);
  expect(JSON.parse(written.join(''))).toMatchObject({
    level: 40,
    msg: 'the peer is away',
    pipeline: 'shop/hz>ca',
    attempt: 2,
    time: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});

test('readable lines: time, level, words; odd values are quoted and move no cursor', () => {
  const { log, written } = lines(true);
  log.error('it failed', { pipeline: 'shop/hz>ca', why: 'no\nsuch \u001b[2Jrow', rows: 3 });
  expect(written.join('')).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} error it failed {2}pipeline=shop\/hz>ca why="no\\nsuch \\u001b\[2Jrow" rows=3\n$/,
  );
});

test('the level holds; one that is not known is info', () => {
  for (const [level, expected] of [
    ['warn', 1],
    ['debug', 3],
    ['loud', 2],
    ['silent', 0],
  ] as const) {
    const { log, written } = lines(true, level);
    log.debug('a');
    log.info('b');
    log.warn('c');
    expect(written, level).toHaveLength(expected);
  }
});

test('no field is in a line twice: what is of another thing of the same name is said so', () => {
  const { log, written } = lines(false);
  const of = log.child({ node: 'ca-1' }).child({ node: 'ca-1', pipeline: 'shop/hz>ca' });
  of.warn('the link was cut', { node: 'hz-2', pipeline: 'shop/hz>ca', code: 'OT6002' });
  const [line] = written;
  for (const name of ['node', 'pipeline']) expect(line!.split(`"${name}":`), name).toHaveLength(2);
  expect(JSON.parse(line!)).toMatchObject({ node: 'ca-1', other_node: 'hz-2', pipeline: 'shop/hz>ca' });
});
