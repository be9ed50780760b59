import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inParcels } from '../../src/mysql/long-literals.ts';

const LONG = 300 << 10;
const PACKET = 1 << 20;

/** What the server would make of the sets, and of the variables in the statement. */
function together(sql: string): string {
  const { sets, sql: short, variables } = inParcels(sql, PACKET);
  const values = new Map<string, { x: string; text: string }>();
  for (const set of sets) {
    expect(Buffer.byteLength(set)).toBeLessThan(PACKET);
    const [, name, x, text] =
      /^SET (@otter_\d+)=(x?)''()$/.exec(set) ?? /^SET (@otter_\d+)=CONCAT\(\1,(x?)'(.*)'\)$/s.exec(set)!;
    expect(text).not.toMatch(/(^|[^\\])(\\\\)*\\$/);
    expect(text!.isWellFormed()).toBe(true);
    values.set(name!, { x: x!, text: (values.get(name!)?.text ?? '') + text! });
  }
  expect([...values.keys()]).toEqual(variables);
  return short.replace(/CONVERT\((@otter_\d+) USING (\w+)\)|(@otter_\d+)/g, (_, converted, charset, plain) => {
    const { x, text } = values.get(converted ?? plain)!;
    return `${charset === undefined ? '' : `_${charset} `}${x}'${text}'`;
  });
}

const value = fc.oneof(
  fc.constantFrom('NULL', '1', "''", "'it\\'s'", "x'00ff'", "_gbk x'c4e3'"),
  fc
    .tuple(fc.constantFrom('\\\\', "\\'", '\\0', 'é', '😀', 'a'), fc.nat(3))
    .map(([piece, more]) => `'${'b'.repeat(more)}${piece.repeat(Math.ceil(LONG / piece.length))}'`),
  fc.constantFrom('', '_gbk ').map((introducer) => `${introducer}x'${'c4e3'.repeat(LONG / 4)}'`),
);

test('long literals go ahead in pieces, and nothing else changes', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      const sql = `INSERT INTO \`it's\`.\`a\`\`b'\` (\`x\`) VALUES (${values.join(',')})`;
      expect(together(sql) === sql).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('there are as few pieces as the packet allows: the server copies what it has for each', () => {
  const sql = `INSERT INTO t VALUES (x'${'00'.repeat(8 << 20)}')`;
  expect(inParcels(sql, 64 << 20).sets).toHaveLength(2);
  expect(inParcels(sql, 16 << 20).sets).toHaveLength(5);
});
