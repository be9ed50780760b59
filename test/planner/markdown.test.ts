/** Plans as Markdown: in sight what matters, and no name or value can break out of its place. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change } from '../../src/planner/change.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { planMarkdown } from '../../src/render/markdown.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, NOTHING, planned, SHOP } from './world.ts';

test('a change: count, effects by risk, attributes as a diff', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(SHOP)));
  const other = SHOP.replace('- shop.stock', '- shop.customer').replace('between: [hz, ca]', 'between: [ca, hz]');
  const plan = { ...(await planned(store, loaded(other))), plan_digest: 'abc' };
  expect(planMarkdown(plan, [{ code: 'OT2004', message: 'database.hz is <protected>' }])).toMatchInlineSnapshot(`
    "### otter plan: t

    **Plan: 0 to add, 1 to change, 0 to destroy.**

    **Refused:**

    - OT2004: database.hz is &lt;protected>

    By the rules:

    - warning OT2105  channel.shop: ca wins in place of hz

    | risk | object | what it does |
    | --- | --- | --- |
    | **high** | <code>&#126; channel.shop</code> | conflicts are won by ca from now on, no longer by hz; those decided already stay decided |
    | medium | <code>&#126; channel.shop</code> | existing rows of shop.customer are copied from ca to hz |
    | medium | <code>&#126; channel.shop</code> | shop.stock is not kept the same any more; rows stay where they are |
    | medium | <code>&#126; channel.shop</code> | what was written before that arrives, unless its pipeline cannot go on with it |
    | low | <code>&#126; channel.shop</code> | shop.customer joins shop/ca>hz, shop/hz>ca; other tables go on undisturbed |
    | low | <code>&#126; channel.shop</code> | target tables are created where they are missing, in hz |
    | low | <code>&#126; channel.shop</code> | a table of hz that has rows already is not copied into; its pipeline stops and says so |

    In all:

    - rows are copied from ca to hz; how many, the databases say: --live

    <details><summary>Every attribute</summary>

    \`\`\`diff
    !   channel.shop will be changed  # shop.yaml:11
    !       between           = [hz, ca] -> [ca, hz]
    !       conflict.priority = [hz, ca] -> [ca, hz]
    -       tables[shop.stock]
    +       tables[shop.customer]
    \`\`\`

    </details>

    Serial 2, digest \`abc\`
    "
  `);
});

test('nothing to do', async () => {
  await using store = memoryStore();
  expect(planMarkdown(await planned(store, NOTHING), [])).toBe('### otter plan: t\n\n**No changes.**\n');
});

test('whatever stands in names and values, a row stays a row, the fence is closed and the fold is folded', async () => {
  const odd = fc
    .array(fc.constantFrom('`', '```', '|', '\\', '\n', '<', '</details>', '*', 'a', '+ ', '\u001b'), { maxLength: 6 })
    .map((parts) => parts.join(''));
  await using store = memoryStore();
  const base = await planned(store, loaded(SHOP));
  fc.assert(
    fc.property(odd, odd, odd, (name, effect, value) => {
      const change: Change = {
        ...base.changes.at(-1)!,
        address: `channel.${name}`,
        effects: [effect],
        effect_risks: ['high'],
        attributes: [{ path: `tables[${name}].to`, action: 'change', before: value, after: `${value}x` }],
      };
      const plan: Plan = { ...base, changes: [change], drift: [{ address: name, kind: 'failed', message: value }] };
      const lines = planMarkdown(plan, [{ code: 'OT2004', message: value }]).split('\n');
      const at = lines.findIndex((line) => line.startsWith('| risk'));
      const unescaped = (line: string): number => line.replaceAll(/\\./g, '').split('|').length - 1;
      expect(unescaped(lines[at + 2]!)).toBe(4);
      expect(lines[at + 3]).toBe('');
      const fence = lines.findIndex((line) => /^`{3,}diff$/.test(line));
      const ticks = lines[fence]!.slice(0, -'diff'.length);
      const end = lines.findIndex((line, index) => index > fence && line.startsWith(ticks));
      expect(lines.slice(end)).toEqual([ticks, '', '</details>', '', expect.stringContaining('digest'), '']);
      expect(lines.join('')).not.toContain('\u001b');
    }),
  );
});
