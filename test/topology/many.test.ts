/** Thousands of mistakes of one kind: neither what is said nor the work grows with their pairs. Work is counted, not timed. */
import { describe, expect, it, vi } from 'vitest';
import { nearest, onlyNearest } from '../../src/model/suggest.ts';
import { overlap } from '../../src/model/table-pattern.ts';
import { loadTexts } from '../../src/topology/load.ts';

vi.mock('../../src/model/table-pattern.ts', async (original) => {
  const real = await original<typeof import('../../src/model/table-pattern.ts')>();
  return { ...real, overlap: vi.fn(real.overlap) };
});

const HEAD = `version: 1
name: shop
regions: { hz: {}, ca: {} }
nodes:
  n1: { region: hz, listen: 127.0.0.1:7001 }
  n2: { region: ca, listen: 127.0.0.1:7002 }
databases:
  hz: { engine: mariadb, region: hz, endpoints: ["127.0.0.1:3306"], user: otter, password: { env: P } }
  ca: { engine: mariadb, region: ca, endpoints: ["127.0.0.1:3307"], user: otter, password: { env: P } }
channels:
`;
const CONFLICT = 'conflict: { policy: site-priority, priority: [hz, ca] }';
const lines = (many: number, line: (i: number) => string): string =>
  Array.from({ length: many }, (_, i) => line(i)).join('');

const MISTAKES: readonly (readonly [string, string, (many: number) => string])[] = [
  [
    'two-way channels that all have the same tables',
    'OT1044',
    (many) => lines(many, (i) => `  c${i}: { between: [hz, ca], tables: [shop.*], ${CONFLICT} }\n`),
  ],
  [
    'one-way channels that all write the same tables',
    'OT1047',
    (many) => lines(many, (i) => `  c${i}: { from: hz, to: ca, tables: [shop.*] }\n`),
  ],
  [
    'entries that all get into the way of each other',
    'OT1053',
    (many) => `  shop:
    between: [hz, ca]
    ${CONFLICT}
    tables:
${lines(many, (i) => `      - { from: "shop.a${i}*", to: "shop.b*" }\n`)}`,
  ],
];

describe('many', () => {
  it.each(MISTAKES)('%s: each is told once', (_, code, channels) => {
    const many = 60;
    const { diagnostics } = loadTexts([{ path: 'topology.yaml', text: HEAD + channels(many) }]);
    expect(diagnostics.filter((one) => one.code === code)).toHaveLength(many - 1);
    expect(new Set(diagnostics.map((one) => one.code))).toEqual(new Set([code]));
  });

  it.each(MISTAKES.slice(0, 2))('%s: they are not compared each with each', (_, __, channels) => {
    const work = (many: number): number => {
      vi.mocked(overlap).mockClear();
      loadTexts([{ path: 'topology.yaml', text: HEAD + channels(many) }]);
      return vi.mocked(overlap).mock.calls.length;
    };
    const [few, more] = [work(30), work(120)];
    expect(few).toBeGreaterThan(0);
    expect(more).toBeLessThanOrEqual(few * 5);
  });

  it('rings of the same tables between the same databases: one is told of', () => {
    const ring = (i: number): string =>
      `  c${i}: { from: ${i % 2 === 0 ? 'hz' : 'ca'}, to: ${i % 2 === 0 ? 'ca' : 'hz'}, tables: [shop.*] }\n`;
    const { diagnostics } = loadTexts([{ path: 'topology.yaml', text: HEAD + lines(40, ring) }]);
    expect(diagnostics.filter(({ code }) => code === 'OT1045')).toHaveLength(1);
  });

  it('channels that share tables with two others are told of both', () => {
    const text = `${HEAD}  one: { between: [hz, ca], tables: [shop.a], ${CONFLICT} }
  two: { between: [hz, ca], tables: [shop.b], ${CONFLICT} }
  both: { between: [hz, ca], tables: [shop.a, shop.b], ${CONFLICT} }
`;
    const { diagnostics } = loadTexts([{ path: 'topology.yaml', text }]);
    expect(diagnostics.map(({ summary }) => summary)).toEqual([
      '`shop.a` of `hz` is in two two-way channels, `one` and `both`',
      '`shop.b` of `hz` is in two two-way channels, `two` and `both`',
    ]);
  });
});

describe('the nearest word', () => {
  it('is found without looking closely at those that are too long or too short', () => {
    let letters = 0;
    const word = (text: string): string =>
      new Proxy(new String(text), {
        get: (target, key) => {
          letters += 1;
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      }) as unknown as string;
    expect(nearest('orders', [word('a name that is nothing like it, and long')])).toBe(null);
    expect(letters).toBeLessThan(5);
  });

  it.each([
    ['ordres', ['ordered', 'orders', 'order'], 'orders', 'orders'],
    ['ab', ['ba'], 'ba', 'ba'],
    ['abcdef', ['abdcef', 'abcdfe'], 'abdcef', null],
    ['abcdef', ['badcfe'], null, null],
    ['xabcdefgh', ['abcdefgh'], 'abcdefgh', 'abcdefgh'],
    ['abcdefghi', ['bcdefghix'], 'bcdefghix', 'bcdefghix'],
    ['abc', ['xyz'], null, null],
  ] as const)('of %s among %j', (word, known, near, only) => {
    expect([nearest(word, known), onlyNearest(word, known)]).toEqual([near, only]);
  });
});

it('a channel that no state store takes is refused before anything is applied', () => {
  const of = (many: number): string[] =>
    loadTexts([
      {
        path: 'topology.yaml',
        text: `${HEAD}  shop:\n    from: hz\n    to: ca\n    tables:\n${lines(many, (i) => `      - shop.t${i}\n`)}`,
      },
    ]).diagnostics.map(({ code, range }) => `${code} ${range?.line}:${range?.column}`);
  expect(of(20)).toEqual([]);
  expect(of(20_000)).toEqual(['OT1003 11:3']);
});
