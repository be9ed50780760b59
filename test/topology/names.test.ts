import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mappingProblem, pairProblem, reversalProblem } from '../../src/model/table-mapping.ts';
import { tablePattern } from '../../src/model/table-pattern.ts';
import { formatName, inverse, mapName, matches, overlap, parsePattern, ruleFor } from '../../src/replication/names.ts';

describe('numbers that are padded at one end', () => {
  it.each([
    ['a.t[00-100]', 'a.t[000-100]'],
    ['a.t[0-07]', 'a.t[00-07]'],
    ['s[01-8].t_[0-31]', 's[01-08].t_[0-31]'],
    ['a.t[7-1]', undefined],
    ['a.t[0-7', undefined],
  ])('%s is meant as %s', (text, instead) => {
    const parsed = parsePattern(text);
    expect(parsed.ok ? null : parsed.instead).toBe(instead);
  });
});

describe('which tables a pattern means', () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['shop.orders', ['shop.orders'], ['shop.order', 'shop.orders2', 'Shop.orders', 'shopxorders']],
    ['shop.log_*', ['shop.log_', 'shop.log_2026', 'shop.log_a.b'], ['shop.log', 'shop.xlog_1', 'other.log_1']],
    ['shop.log_?', ['shop.log_1', 'shop.log_库'], ['shop.log_', 'shop.log_12']],
    ['*.orders', ['a.orders', 'b.orders'], ['a.order']],
    ['shop.a+(b', [], []],
    [
      'shop.item_[0-31]',
      ['shop.item_0', 'shop.item_31'],
      ['shop.item_32', 'shop.item_00', 'shop.item_', 'shop.item_-1', 'shop.item_1e1', 'shop.item_ 1'],
    ],
    ['shop.item_[00-31]', ['shop.item_00', 'shop.item_31'], ['shop.item_0', 'shop.item_032', 'shop.item_32']],
    ['shop.item_[08-12]_x', ['shop.item_08_x', 'shop.item_12_x'], ['shop.item_8_x', 'shop.item_07_x', 'shop.item_08']],
    ['shop_[1-2].item_[0-1]', ['shop_1.item_0', 'shop_2.item_1'], ['shop_0.item_0', 'shop_1.item_2']],
    ['/shop\\.(a|b)\\d+/', ['shop.a1', 'shop.b22'], ['shop.a', 'xshop.a1', 'shop.a1x']],
    ['shop./log_\\d{4}/', ['shop.log_2026'], ['shop.log_20267', 'crm.log_2026']],
    ['`my.schema`.`my ``table`', ['my.schema|my `table'], ['my|schema.my `table']],
    ['"a b"."c*"', ['a b|c*'], ['a b|cd']],
  ];
  it.each(cases)('%s', (pattern, yes, no) => {
    const split = (name: string): [string, string] => {
      const [schema, ...table] = name.includes('|') ? name.split('|') : name.split('.');
      return [schema!, table.join(name.includes('|') ? '|' : '.')];
    };
    if (pattern === 'shop.a+(b') {
      expect(parsePattern(pattern).ok).toBe(false);
      return;
    }
    for (const name of yes) expect(matches(pattern, ...split(name)), name).toBe(true);
    for (const name of no) expect(matches(pattern, ...split(name)), name).toBe(false);
  });

  it.each([
    ['orders', 'a schema and a table are wanted, as in `shop.orders`'],
    ['', 'a part of the name is empty'],
    ['a.b.c', 'it has more than two parts; quote a name that contains a dot'],
    ['a.b c', '` ` stands only in quoted names'],
    ['a.t[3]', '`[3]` is not a range like `[0-31]`'],
    ['a.t[3-1]', '`[3-1]` runs backwards'],
    ['a.t[00-100]', '`[00-100]` has a leading zero; give both ends the same number of digits'],
    ['a.t[0-999999]', '`[0-999999]` is more than 100000 tables'],
    ['a.t_*_[0-3]', 'a range cannot be mixed with wildcards or odd characters'],
    ['a.t[0-3][0-3]', 'one range like `[0-31]` is possible in each part'],
    ['a.`b', 'the quoted name does not end'],
    ['a./b(/', 'the regular expression is not valid (Unterminated group)'],
    ['/(/', 'the regular expression is not valid (Unterminated group)'],
    ['a.**', '`**` means no more than `*`'],
  ])('%s is refused', (text, problem) => {
    expect(parsePattern(text)).toMatchObject({ ok: false, problem });
  });

  it('any text parses or has a problem, and quoting a name means that name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parsed = parsePattern(text);
        expect(parsed.ok || parsed.problem.length > 0).toBe(true);
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 64 }),
        fc.string({ minLength: 1, maxLength: 64 }),
        (schema, table) => {
          expect(matches(formatName(schema, table), schema, table)).toBe(true);
        },
      ),
    );
  });
});

describe('where a table goes', () => {
  it.each([
    ['shop.orders', null, 'shop.orders', 'shop.orders'],
    ['shop.customer', 'crm.client', 'shop.customer', 'crm.client'],
    ['shop.item_[0-31]', 'dw.item', 'shop.item_7', 'dw.item'],
    ['shop.item_[00-31]', 'crm.part_[100-131]', 'shop.item_07', 'crm.part_107'],
    ['shop_[0-1].item_[0-3]', 'crm.item_[0-7]', 'shop_1.item_2', 'crm.item_6'],
    ['crm.item_[0-7]', 'shop_[0-1].item_[0-3]', 'crm.item_6', 'shop_1.item_2'],
    ['shop.log_*', 'crm.journal_*', 'shop.log_2026', 'crm.journal_2026'],
    ['shop.log_*', 'crm.*', 'shop.log_2026', 'crm.log_2026'],
    ['shop_*.orders', 'crm_*.orders', 'shop_eu.orders', 'crm_eu.orders'],
    ['/shop\\.log_.*/', 'crm.*', 'shop.log_1', 'crm.log_1'],
    ['/shop\\.log_.*/', 'crm.log', 'shop.log_1', 'crm.log'],
    ['*.?_*', '*.x?y*', 'a.b_c', 'a.xbyc'],
  ])('%s to %s: %s is %s', (from, to, name, expected) => {
    const [schema, table] = name.split('.') as [string, string];
    expect(mapName({ from, to }, schema, table)).toEqual({
      schema: expected.split('.')[0],
      table: expected.split('.')[1],
    });
  });

  it.each([
    ['shop.item_[0-3]', 'dw.item', 'many tables would be merged into one'],
    ['shop.log_*', 'dw.log', 'many tables would be merged into one'],
    ['shop.log_*', 'dw.*', '`*` alone keeps the whole name; write the fixed part on both sides'],
    ['shop.*_*', 'dw.*x*', 'with two stars in one part a name can be split in several ways'],
    ['/a\\..*/', 'b.*', 'a regular expression cannot be renamed in both directions'],
  ])('%s to %s cannot be reversed', (from, to, problem) => {
    expect(reversalProblem({ from, to })).toBe(problem);
  });

  const word = fc.stringMatching(/^[a-c]{0,3}$/);
  const name = fc.stringMatching(/^[a-c]{1,3}$/);
  const part = fc.oneof(
    name.map((n) => ({ pattern: n, sample: fc.constant(n) })),
    fc.constant({ pattern: '*', sample: name }),
    fc.tuple(name, word).map(([a, b]) => ({ pattern: `${a}*${b}`, sample: word.map((w) => a + w + b) })),
    fc.tuple(word, word).map(([a, b]) => ({ pattern: `${a}?${b}`, sample: name.map((w) => a + w[0]! + b) })),
    fc.tuple(name, word).map(([a, b]) => ({
      pattern: `${a}*x?${b}`,
      sample: fc.tuple(word, name).map(([w, v]) => `${a}${w}x${v[0]}${b}`),
    })),
    fc
      .tuple(word, word, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 }), fc.boolean())
      .map(([a, b, low, more, padded]) => {
        const width = padded ? 2 : 1;
        const digits = (n: number): string => String(n).padStart(width, '0');
        return {
          pattern: `${a}[${digits(low)}-${digits(low + more)}]${b}`,
          sample: fc.integer({ min: low, max: low + more }).map((n) => a + digits(n) + b),
        };
      }),
  );
  const entry = fc
    .tuple(part, part)
    .chain(([s, t]) =>
      fc.tuple(s.sample, t.sample).map(([schema, table]) => ({ pattern: `${s.pattern}.${t.pattern}`, schema, table })),
    );

  it('a reversible rule leads there and back to the same table', () => {
    let reversed = 0;
    fc.assert(
      fc.property(
        entry,
        fc.oneof(
          entry.map((e) => e.pattern),
          fc.constant('same'),
        ),
        (one, other) => {
          // Half of the partners are the same pattern with another spelling of the fixed letters, which reverses often.
          const to = other === 'same' ? one.pattern.replaceAll(/[a-c]/g, 'd') : other;
          const rule = { from: one.pattern, to };
          const parsed = parsePattern(to);
          expect(parsed.ok).toBe(true);
          if (!matches(rule.from, one.schema, one.table) || reversalProblem(rule) !== null) return;
          if (mappingProblem(tablePattern(rule.from), tablePattern(to)) !== null) return;
          const there = mapName(rule, one.schema, one.table);
          reversed++;
          expect(matches(to, there.schema, there.table)).toBe(true);
          expect(mapName(inverse(rule), there.schema, there.table)).toEqual({ schema: one.schema, table: one.table });
        },
      ),
      { numRuns: 2000 },
    );
    expect(reversed).toBeGreaterThan(200);
  });

  it('overlap never says no when a table matches both', () => {
    fc.assert(
      fc.property(entry, entry, fc.boolean(), (a, b, whole) => {
        const other = whole
          ? `/${b.pattern
              .replaceAll('.', '\\.')
              .replaceAll('*', '.*')
              .replaceAll('?', '.')
              .replaceAll(/\[.*?\]/g, '\\d+')}/`
          : b.pattern;
        const both = matches(a.pattern, a.schema, a.table) && matches(other, a.schema, a.table);
        if (both) {
          expect(overlap(a.pattern, other)).toBe(true);
          expect(overlap(other, a.pattern)).toBe(true);
        }
        expect(overlap(a.pattern, other)).toBe(overlap(other, a.pattern));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['shop.log_*', 'shop.*_2026', true],
    ['shop.log_*', 'shop.*log', true],
    ['shop.a*b', 'shop.c*', false],
    ['shop.a?', 'shop.?b', true],
    ['shop.a?', 'shop.a', false],
    ['shop.item_[0-9]', 'shop.item_[10-19]', false],
    ['shop.item_[0-9]', 'shop.item_?', true],
    ['shop.item_[10-19]', 'shop.item_?', false],
    ['shop.*', 'crm.*', false],
    ['/shop\\..*/', 'crm.orders', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlap(a, b)).toBe(expected);
  });
});

describe('which rule', () => {
  const rules = [
    { from: '/shop\\..*/', to: null },
    { from: 'shop.*', to: null },
    { from: 'shop.item_*', to: null },
    { from: 'shop.item_[0-9]', to: 'dw.item' },
    { from: 'shop.item_3', to: 'dw.third' },
  ];
  it.each([
    ['item_3', 4],
    ['item_4', 3],
    ['item_x', 1],
    ['orders', 1],
  ])('%s', (table, index) => {
    expect(ruleFor(rules, 'shop', table)).toBe(rules[index]);
  });
  it('nothing matches, nothing is found', () => {
    expect(ruleFor(rules, 'crm', 'x')).toBeNull();
  });

  it.each([
    ['shop.*', null, 'shop.customer', null, true],
    ['shop.*', null, 'shop.customer', 'shop.customer', true],
    ['shop.*', null, 'shop.customer', 'crm.client', false],
    ['shop.*', 'crm.*', 'shop.customer', 'crm.customer', true],
    ['shop.a', 'shop.c', 'shop.b', 'shop.c', false],
    ['shop.a', 'shop.b', 'shop.b', 'shop.a', true],
    ['shop.x', 'shop.log_x', 'shop.log_*', null, false],
    ['shop.log_*', 'crm.log_*', 'shop.*', 'crm.*', false],
    ['shop.a_*', 'crm.a_*', 'shop.b_*', 'crm.b_*', true],
  ])('%s to %s beside %s to %s: %s', (from, to, otherFrom, otherTo, fits) => {
    expect(pairProblem({ from, to }, { from: otherFrom, to: otherTo }) === null).toBe(fits);
    expect(pairProblem({ from: otherFrom, to: otherTo }, { from, to }) === null).toBe(fits);
  });
});
