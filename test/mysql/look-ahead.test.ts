/** What is looked at in the log, and what is remembered of it, against a log that is a list. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogBatch, Statement } from '../../src/model/ports.ts';
import { LookAhead, type OpenLog } from '../../src/mysql/look-ahead.ts';

const signal = new AbortController().signal;
const at = (n: number): string => (n === 0 ? 'mariadb:' : `mariadb:0-1-${n}`);

/** A log of transactions, of which every third is a definition. */
class Log {
  end = 0;
  /** Transactions that were looked at. */
  looked = 0;
  /** How many a stream may have read and not given out. */
  ahead = 0;
  written = 0;

  statement(n: number): Statement {
    return {
      kind: 'statement',
      gtid: `0-1-${n}`,
      position: at(n),
      commitUs: 0,
      passed: [],
      schema: 'd',
      sql: '',
      plain: '',
    };
  }

  definitions(from: number, to: number): string[] {
    return Array.from({ length: to - from }, (_, i) => from + i + 1).flatMap((n) => (n % 3 === 0 ? [`0-1-${n}`] : []));
  }

  readonly logEnd = async () => ({ position: at(this.end), point: { file: 'log.1', offset: this.end } });

  readonly open: OpenLog = async (from) => {
    let n = from === 'mariadb:' ? 0 : Number(from.split('-').at(-1));
    const position = (): string => at(Math.max(n, Math.min(n + this.ahead, this.written)));
    return {
      get position() {
        return position();
      },
      next: async (): Promise<LogBatch> => {
        n += 1;
        this.looked += 1;
        return { items: n % 3 === 0 ? [this.statement(n)] : [], point: { file: 'log.1', offset: n } };
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
}

test('every definition ahead is found, whoever asks and in whatever order', async () => {
  const asks = fc.array(fc.record({ grow: fc.nat(40), back: fc.nat(60) }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(asks, fc.integer({ min: 2, max: 30 }), async (list, definitionsMax) => {
      const log = new Log();
      const look = new LookAhead({ logEnd: log.logEnd, definitionsMax });
      for (const { grow, back } of list) {
        log.end += grow;
        const from = Math.max(0, log.end - back);
        const found = await look.from(at(from), log.open, signal);
        expect(found.map(({ gtid }) => gtid)).toEqual(log.definitions(from, log.end));
      }
    }),
  );
});

test('a stretch is looked at once, however often somebody begins in it; what was passed meanwhile is not looked at', async () => {
  const log = new Log();
  const look = new LookAhead({ logEnd: log.logEnd });
  log.end = 1_000;
  for (let n = 0; n < 5; n += 1) await look.from(at(10 * n), log.open, signal);
  expect(log.looked).toBe(1_000);
  log.end = 1_010;
  await look.from(at(40), log.open, signal);
  expect(log.looked).toBe(1_010);
  // A reader that has kept up asks again after a long time.
  log.end = 9_000;
  await look.from(at(8_990), log.open, signal);
  expect(log.looked).toBe(1_020);
});

test('what a stream has read and not given out is looked at the next time', async () => {
  const log = new Log();
  log.ahead = 3;
  log.written = 12;
  const look = new LookAhead({ logEnd: log.logEnd });
  for (const end of [4, 5, 9, 12]) {
    log.end = end;
    const found = await look.from(at(0), log.open, signal);
    expect(found.map(({ gtid }) => gtid)).toEqual(log.definitions(0, end));
  }
});
