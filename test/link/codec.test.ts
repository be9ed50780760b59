import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliveryDecoder } from '../../src/link/decode.ts';
import { DeliveryEncoder } from '../../src/link/encode.ts';
import {
  decodeError,
  decodeOpening,
  decodeRequest,
  encodeError,
  encodeOpening,
  encodeRequest,
} from '../../src/link/messages.ts';
import { applyDifference, TextMemory, textDifference } from '../../src/link/text-memory.ts';
import { LONG_CHARS, PIECE_ENCODINGS, type Piece } from '../../src/link/wire.ts';
import { OtterError } from '../../src/model/error.ts';
import type { Delivery, RowChange, Seen } from '../../src/model/row.ts';
import { type Stream, stream, tableOf } from './deliveries.ts';

/** Of deliveries without long values. */
function payloadsOf(stream: Stream): string[] {
  return sentOf(stream).map((payload) => {
    if (typeof payload !== 'string') throw new Error('a piece of a long value');
    return payload;
  });
}

function sentOf({ start, batches }: Stream): (string | Piece)[] {
  const encoder = new DeliveryEncoder(start);
  return batches.flatMap((batch) => [...encoder.payloads(batch)]);
}

function given(decoder: DeliveryDecoder, payload: string | Piece): readonly Delivery[] {
  if (typeof payload === 'string') return decoder.deliveries(payload);
  decoder.piece(payload.bytes.toString(payload.encoding));
  return [];
}

function beat(seen: Seen, position: string): Delivery {
  return { kind: 'beat', gtid: '0-1-1', position, seen, clock: 1, bytes: 10, sentMs: 2, settled: 3 };
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.nat().map((n) => `mariadb:0-1-${n}`),
  fc.stringMatching(/^[a-c]?[0-9]{0,20}$/),
);

describe('deliveries as payloads', () => {
  it('come back as they were, in order', () => {
    fc.assert(
      fc.property(stream, (all) => {
        const decoder = new DeliveryDecoder({ ...all.start });
        const back = payloadsOf(all).flatMap((payload) => decoder.deliveries(payload));
        expect(back).toEqual(all.batches.flat());
      }),
    );
  });

  it('have long values ahead of them, in pieces', () => {
    const long = (fill: string): string => `'${fill.repeat(LONG_CHARS)}${fill}\u{1f600}'`;
    const digits = (fill: string): string => `${fill.repeat(LONG_CHARS)}${fill}`;
    const table = tableOf('long', 3);
    const common = { gtid: '0-1-2', position: 'mariadb:0-1-2', seen: {}, clock: 1 };
    const before = ['1', long('ab'), null];
    const changes: RowChange[] = [
      { kind: 'update', table, fkChecks: true, before, after: ['1', before[1]!, long('c')] },
      { kind: 'insert', table, fkChecks: true, after: ['2', 'short', long('\u{1f600}')] },
      { kind: 'delete', table, fkChecks: true, before: ['3', null, 'short'] },
      ...[`x'${digits('0f')}'`, `_gbk x'${digits('c4e3')}'`, `x'${digits('0F')}'`, `x'${digits('0f')}0'`].map(
        (value): RowChange => ({
          kind: 'insert',
          table,
          fkChecks: true,
          after: ['5', value, `'\ud83d${digits('-')}'`],
        }),
      ),
    ];
    const chunk = { table, rows: [['4', long('d'), null]], cursor: null, rowsDone: 1, rowsEstimate: 1 };
    const all: Delivery[] = [
      { ...common, kind: 'changes', bytes: 30 * LONG_CHARS, first: true, last: true, changes },
      { ...common, kind: 'chunk', bytes: 2 * LONG_CHARS, chunk },
    ];
    const start = { position: '', seen: {} };
    const payloads = sentOf({ start, batches: [all] });
    for (const payload of payloads)
      expect(typeof payload === 'string' ? payload.length : payload.bytes.length).toBeLessThanOrEqual(4 * LONG_CHARS);
    const decoder = new DeliveryDecoder(start);
    const back = payloads.flatMap((payload) => given(decoder, payload));
    // Not by toEqual, which would print them.
    expect(isDeepStrictEqual(back, all)).toBe(true);
    const encodings = payloads.map((payload) => (typeof payload === 'string' ? '' : payload.encoding));
    expect(new Set(encodings)).toEqual(new Set(['', ...PIECE_ENCODINGS]));
    const pieces = payloads.flatMap((payload, at) => (typeof payload === 'string' ? [] : [at]));
    expect(pieces.length).toBeGreaterThan(8);
    for (const at of pieces.filter((_, n) => n % 6 === 0)) {
      const poor = new DeliveryDecoder(start);
      expect(() => payloads.toSpliced(at, 1).map((payload) => given(poor, payload))).toThrow(OtterError);
      const rich = new DeliveryDecoder(start);
      const more: Piece = { encoding: 'utf8', bytes: Buffer.from('more') };
      expect(() => payloads.toSpliced(at, 0, more).map((payload) => given(rich, payload))).toThrow(OtterError);
    }
  });

  it('share tables and seen as they did', () => {
    fc.assert(
      fc.property(stream, (all) => {
        const sent = all.batches.flat();
        const decoder = new DeliveryDecoder(all.start);
        const back = payloadsOf(all).flatMap((payload) => decoder.deliveries(payload));
        if (sent[0]?.seen === all.start.seen) expect(back[0]!.seen).toBe(all.start.seen);
        for (let i = 1; i < sent.length; i++) {
          expect(back[i]!.seen === back[i - 1]!.seen).toBe(sent[i]!.seen === sent[i - 1]!.seen);
        }
        const theirs = new Map<unknown, unknown>();
        sent.forEach((delivery, i) => {
          tablesOf(delivery).forEach((table, j) => {
            const got = tablesOf(back[i]!)[j];
            if (theirs.has(table)) expect(got).toBe(theirs.get(table));
            theirs.set(table, got);
          });
        });
      }),
    );
  });

  it('name a table once per stream, also when an equal one comes as another object', () => {
    const seen = {};
    const change = () =>
      ({
        ...beat(seen, 'mariadb:0-1-2'),
        kind: 'changes',
        first: true,
        last: true,
        changes: [{ kind: 'insert', table: tableOf('a_long_name_to_look_for'), fkChecks: true, after: ["'1'", null] }],
      }) as const;
    const payloads = payloadsOf({ start: { position: '', seen }, batches: [[change(), change()], [change()]] });
    expect(payloads.join('').split('a_long_name_to_look_for')).toHaveLength(2);
    const decoder = new DeliveryDecoder({ position: '', seen });
    const tables = payloads.flatMap((payload) => decoder.deliveries(payload)).flatMap(tablesOf);
    expect(new Set(tables).size).toBe(1);
  });

  it('send of long positions only what changed', () => {
    const set = Array.from({ length: 60 }, (_, i) => `3e11fa47-71ca-11e1-9e33-c80aa94295${10 + i}:1-${i + 1000}`);
    const at = (n: number) => `mysql:${set.with(30, `${set[30]!.slice(0, 39)}${n}`).join(',')}`;
    const batch = Array.from({ length: 100 }, (_, i) => beat({ 'shop/ca>hz': at(i + 5000) }, at(i + 9000)));
    const payloads = payloadsOf({ start: { position: at(1), seen: { 'shop/ca>hz': at(2) } }, batches: [batch] });
    expect(payloads.join('').length).toBeLessThan(100 * 100);
    expect(at(1).length).toBeGreaterThan(2500);
  });

  it('are cut into payloads of bounded size, of any batch', () => {
    const seen = {};
    const value = `'${'x'.repeat(10_000)}'`;
    const table = tableOf('t');
    const batch = Array.from({ length: 200 }, (_, i) => ({
      ...beat(seen, `mariadb:0-1-${i}`),
      kind: 'changes' as const,
      bytes: 10_000,
      first: true,
      last: true,
      changes: [{ kind: 'insert' as const, table, fkChecks: true, after: [`${i}`, value] }],
    }));
    const payloads = payloadsOf({ start: { position: '', seen }, batches: [batch] });
    expect(payloads.length).toBeGreaterThan(5);
    expect(Math.max(...payloads.map((payload) => payload.length))).toBeLessThan(300_000);
  });
});

describe('reading damaged payloads', () => {
  const start = { position: 'mariadb:0-1-5', seen: { p: 'x' } };

  function readOrTyped(read: () => unknown): void {
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(OtterError);
      expect((error as OtterError).code).toBe('OT6007');
      expect((error as OtterError).retry).toBe('backoff');
    }
  }

  it('never fails untyped on any JSON or text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (payload) => {
        readOrTyped(() => new DeliveryDecoder(start).deliveries(payload));
        readOrTyped(() => decodeRequest(payload));
        readOrTyped(() => decodeOpening(payload));
        readOrTyped(() => decodeError(payload));
      }),
      { numRuns: 300 },
    );
  });

  it('never fails untyped on a true payload with one thing replaced', () => {
    fc.assert(
      fc.property(stream, fc.nat(), fc.jsonValue(), (all, at, other) => {
        const decoder = new DeliveryDecoder(all.start);
        for (const payload of payloadsOf(all)) {
          readOrTyped(() => decoder.deliveries(JSON.stringify(replaceOne(JSON.parse(payload), at, other))));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not quote row values', () => {
    expect(() => new DeliveryDecoder(start).deliveries('[[],["secret')).toThrow(/^(?!.*secret)/);
  });
});

describe('texts as differences', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(anyText, fc.array(anyText), (first, texts) => {
        const here = new TextMemory(first);
        const there = new TextMemory(first);
        for (const text of texts) expect(there.restore(JSON.parse(JSON.stringify(here.difference(text))))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(applyDifference(a, textDifference(a, b))).toBe(b);
      }),
    );
  });

  it('of the next transaction are one number', () => {
    const memory = new TextMemory('mariadb:1-2-7,0-1-99');
    expect(memory.difference('mariadb:1-2-7,0-1-100')).toBe(1);
    expect(memory.difference('mariadb:1-2-7,0-1-100')).toBe(0);
    expect(memory.difference('mariadb:1-2-8,0-1-100')).toEqual([12, 8, '8']);
  });
});

describe('requests, openings and errors', () => {
  it('come back as they were', () => {
    const request = {
      pipeline: 'shop/hz>ca',
      generation: 3,
      from: { position: 'mariadb:0-1-5', clock: 3, seen: { 'shop/ca>hz': 'mariadb:0-2-6' } },
      copied: {
        'shop.orders': { cursor: ["'7'", null], done: false, rows: 7 },
        'shop.tags': { cursor: null, done: true, rows: 1 },
      },
      known: {
        'shop.orders': { structure: 'd1', since: 'mariadb:0-1-4' },
        'shop.tags': {
          structure: 'd2',
          since: null,
          definition: { create: 'CREATE TABLE `tags` (...)', position: 'mariadb:0-1-3' },
        },
      },
      making: { 'shop.new': { create: 'CREATE TABLE `new` (...)', position: 'mariadb:0-1-6' } },
    };
    expect(decodeRequest(encodeRequest(request))).toEqual(request);
    expect(decodeRequest(encodeRequest({ ...request, from: null, copied: {} }))).toEqual({
      ...request,
      from: null,
      copied: {},
    });
    const opening = { position: 'p', clock: 7, seen: { a: 'b' }, logsCascades: true };
    expect(decodeOpening(encodeOpening(opening))).toEqual(opening);
    const error = new OtterError('OT4001', 'gone', {
      hint: 'wait',
      where: { table: 'shop.orders', row: 7 },
      retry: 'backoff',
    });
    expect(decodeError(encodeError(error))).toMatchObject({
      code: 'OT4001',
      message: 'gone',
      hint: 'wait',
      where: error.where,
      retry: 'backoff',
    });
  });

  it('with a code of a later version keep their words', () => {
    const payload = JSON.stringify({ code: 'OT9999', message: 'something new', hint: null, where: {}, retry: 'never' });
    expect(decodeError(payload)).toMatchObject({ code: 'OT6009', message: 'OT9999: something new', retry: 'never' });
  });
});

function tablesOf(delivery: Delivery): unknown[] {
  switch (delivery.kind) {
    case 'changes':
      return delivery.changes.map((change) => change.table);
    case 'answers':
      return delivery.answers.map((answer) => answer.table);
    case 'chunk':
      return [delivery.chunk.table];
    case 'resync':
      return [delivery.table];
    case 'table':
      return [delivery.announced.table];
    case 'definition':
      return delivery.changes.flatMap(({ before, after }) =>
        [before, after].flatMap((one) => (one === null ? [] : [one.table])),
      );
    case 'beat':
    case 'kept':
      return [];
    default:
      return delivery satisfies never;
  }
}

/** The value with its n-th part, counted depth first and round, put in place of. */
function replaceOne(value: unknown, n: number, other: unknown): unknown {
  let left = n % partsOf(value);
  const visit = (part: unknown): unknown => {
    if (left-- === 0) return other;
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part === 'object' && part !== null) {
      return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, visit(inner)]));
    }
    return part;
  };
  return visit(value);
}

function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + partsOf(inner), 1);
}
