/** What the log hears of a pipeline that cannot go on: that it cannot, once, and that it does. */
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import { Figures } from '../../src/site/figures.ts';
import { Trouble } from '../../src/site/trouble.ts';
import { quiet } from '../link/contract/source.ts';

function troubled(): { trouble: Trouble; figures: Figures; said: string[]; later: (ms: number) => void } {
  const said: string[] = [];
  const say = (message: string, fields = {}): void => {
    const { code, after, stood_seconds: seconds } = fields as Record<string, unknown>;
    said.push([message, code, after, seconds].filter((one) => one !== undefined).join(' '));
  };
  const logger = { ...quiet, info: say, warn: say, error: say };
  let now = 0;
  const figures = new Figures(
    () => now,
    () => now,
  );
  figures.phase = 'streaming';
  const trouble = new Trouble({ figures, generation: () => 1, logger, elapsed: () => now });
  const later = (ms: number): void => {
    now += ms;
  };
  return { trouble, figures, said, later };
}

const away = new OtterError('OT4001', 'ca: connect ECONNREFUSED', { retry: 'backoff' });

test('an interruption is said once, and when it has stood for a while that it is over', () => {
  const { trouble, figures, said, later } = troubled();
  trouble.failed(away);
  later(4_000);
  trouble.failed(away);
  later(3_000);
  trouble.over();
  trouble.over();
  expect(figures.error).toBeNull();
  expect(said).toEqual(['pipeline interrupted; it will go on OT4001', 'pipeline goes on OT4001 7']);
});

test('one that is over at once is not, and neither is one that failed, of which the phase tells', () => {
  const { trouble, figures, said, later } = troubled();
  trouble.failed(away);
  later(100);
  trouble.over();
  trouble.failed(new OtterError('OT5016', 'shop.orders: id=1'));
  later(60_000);
  trouble.over();
  expect(figures.error).toBeNull();
  expect(said).toEqual(['pipeline interrupted; it will go on OT4001', 'pipeline failed OT5016']);
});

test('a server that was silent and answers again', () => {
  const { trouble, figures, said, later } = troubled();
  trouble.silent(new OtterError('OT4004', 'ca has not answered since 03:43', { retry: 'backoff' }));
  later(20_000);
  trouble.heard();
  expect(figures.error).toBeNull();
  expect(said).toEqual(['pipeline interrupted; it will go on OT4004', 'pipeline goes on OT4004 20']);
});
