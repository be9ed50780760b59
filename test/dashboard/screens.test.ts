import { describe, expect, it } from 'vitest';
import { FIRST_VIEW, type View } from '../../src/dashboard/keys.ts';
import { listed, screenLines } from '../../src/dashboard/screens.ts';
import { type DashboardItem, EMPTY_STATE, reduce } from '../../src/dashboard/store.ts';
import { lineText, lineWidth } from '../../src/dashboard/text.ts';
import { glyphs } from '../../src/dashboard/theme.ts';
import { COPYING, EMPTY, FAILED, FIFTY, HEALTHY, NODE_AWAY, NOW_MS } from './reports.ts';

const AWAY: DashboardItem = { away: 'etcd://127.0.0.1:2379 does not answer' };
const STORY: readonly DashboardItem[] = ['two servers are up', 'writers: 120 trx/s', 'killing node ca-1'].map(
  (note) => ({ note }),
);

const SITUATIONS: Readonly<Record<string, readonly DashboardItem[]>> = {
  nothing: [],
  healthy: [HEALTHY],
  copying: [COPYING],
  failed: [FAILED],
  'node away': [NODE_AWAY],
  'store away': [HEALTHY, AWAY],
  'store never there': [AWAY],
  fifty: [FIFTY],
  empty: [EMPTY],
  story: [...STORY, FAILED],
};
const VIEWS: readonly View[] = [
  FIRST_VIEW,
  { ...FIRST_VIEW, screen: 'pipelines' },
  { ...FIRST_VIEW, screen: 'nodes' },
  { ...FIRST_VIEW, help: true },
  { ...FIRST_VIEW, detail: true, pipeline: 'shop/ca>hz' },
  { ...FIRST_VIEW, detail: true, pipeline: 'gone/a>b' },
  { ...FIRST_VIEW, typing: true, filter: 'nothing has this name' },
];

interface Drawing {
  readonly view?: Partial<View>;
  readonly columns?: number;
  readonly rows?: number;
  readonly ascii?: boolean;
  readonly laterMs?: number;
}

function draw(
  items: readonly DashboardItem[],
  { view = {}, columns = 80, rows = 23, ascii = false, laterMs = 0 }: Drawing = {},
): string {
  const state = items.reduce((at, item) => reduce(at, item, NOW_MS), EMPTY_STATE);
  const paint = { glyphs: glyphs(ascii), columns, nowMs: NOW_MS + laterMs };
  const lines = screenLines(state, { ...FIRST_VIEW, ...view }, rows, paint);
  // The clock on the wall is that of the machine's own time zone.
  return lines.map((line) => lineText(line).replace(/\d\d:\d\d:\d\d/g, 'HH:MM:SS')).join('\n');
}

describe.each(Object.entries(SITUATIONS))('when %s', (_, items) => {
  it.each([
    [80, 23],
    [200, 59],
    [120, 35],
    [40, 10],
    [20, 4],
    [3, 2],
  ])('every screen fits %d x %d exactly', (columns, rows) => {
    const state = items.reduce((at, item) => reduce(at, item, NOW_MS), EMPTY_STATE);
    for (const view of VIEWS) {
      const lines = screenLines(state, view, rows, { glyphs: glyphs(false), columns, nowMs: NOW_MS });
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(lineWidth(line)).toBe(columns);
    }
  });

  it('every screen can be drawn in ASCII', () => {
    for (const view of VIEWS) expect(draw(items, { view, ascii: true })).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe('the overview at 80x24', () => {
  it('of a healthy topology', () => {
    expect(draw([HEALTHY])).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                   ● healthy   HH:MM:SS
      ────────────────────────────────────────────────────────────────────────────────

       ╭─ hangzhou ───╮                                              ╭─ california ─╮
       │ hz           ├──────── shop · 12 ms · 1,204 rows/s ────────▶│ ca           │
       │ ● hz-1       │◀───────── shop · 14 ms · 311 rows/s ─────────┤ ● ca-1       │
       ╰──────────────╯                                              ╰──────────────╯

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      ▸ shop/hz>ca    ● streaming    12 ms            ▁    1,204          ▆          0
        shop/ca>hz    ● streaming    14 ms            ▁      311          ▆          3

        NODES  ● hz-1 hz   ● ca-1 ca









       1 overview  2 pipelines  3 nodes  ↑↓ move  ⏎ open  / find  ? help  q quit"
    `);
  });

  it('of a copy', () => {
    expect(draw([COPYING], { rows: 14 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                   ◐ copying   HH:MM:SS
      ────────────────────────────────────────────────────────────────────────────────

       ╭─ hangzhou ───╮                                              ╭─ california ─╮
       │ hz           ├╌╌╌╌╌ shop · copying 43% · 1,204 rows/s ╌╌╌╌╌▶│ ca           │
       │ ● hz-1       │◀──────── shop · 14 ms · 1,204 rows/s ────────┤ ● ca-1       │
       ╰──────────────╯                                              ╰──────────────╯

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      ▸ shop/hz>ca    ◐ copying          –  ██░░░░  43%    1,204          ▆          0
        shop/ca>hz    ● streaming    14 ms            ▁    1,204          ▆          0

        NODES  ● hz-1 hz   ● ca-1 ca
       1 overview  2 pipelines  3 nodes  ↑↓ move  ⏎ open  / find  ? help  q quit"
    `);
  });

  it('of a failure, in ASCII', () => {
    expect(draw([FAILED], { ascii: true, rows: 19 })).toMatchInlineSnapshot(`
      " otter | shop | serial 7                                    x failed   HH:MM:SS
      --------------------------------------------------------------------------------

       +- hangzhou ---+                                              +- california -+
       | hz           |-------- shop | 12 ms | 1,204 rows/s -------->| ca           |
       | o hz-1       |<.............. shop | x failed ..............| o ca-1       |
       +--------------+                                              +--------------+

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      > shop/hz>ca    o streaming    12 ms            _    1,204          +          0
        shop/ca>hz    x failed       1m33s  OT5016             0          _          0

       x shop/ca>hz  OT5016 Row cannot be applied
         shop.orders key 4711: the target answered "Column 'total' cannot be null" ~
         -> Make the column shop.orders.total of database hz nullable, as it is in ca

        NODES  o hz-1 hz   o ca-1 ca

       1 overview  2 pipelines  3 nodes  j/k move  Enter open  / find  ? help  q quit"
    `);
  });

  it('of a node that is away', () => {
    expect(draw([NODE_AWAY], { rows: 18 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                  ✕ degraded   HH:MM:SS
      ────────────────────────────────────────────────────────────────────────────────

       ╭─ hangzhou ───╮                                              ╭─ california ─╮
       │ hz           ├┄┄┄┄┄┄┄┄┄┄┄┄┄ shop · ○ pending ┄┄┄┄┄┄┄┄┄┄┄┄┄┄▶│ ca           │
       │ ● hz-1       │◀──────── shop · 4.2 s · 1,204 rows/s ────────┤ ✕ no node    │
       ╰──────────────╯                                              ╰──────────────╯

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      ▸ shop/hz>ca    ○ pending          –  waits              0          ▁          0
        shop/ca>hz    ● streaming    4.2 s            ▆    1,204          ▆          0

       ✕ node ca-1 is away. → start it on its machine: otter node ca-1 -t shop
       ○ shop/hz>ca waits for node ca-1 to come back
       ● shop/ca>hz waits for the owner of database ca

        NODES  ● hz-1 hz   ✕ ca-1 away
       1 overview  2 pipelines  3 nodes  ↑↓ move  ⏎ open  / find  ? help  q quit"
    `);
  });

  it('of fifty pipelines: shows what fits and counts the rest', () => {
    const text = draw([FIFTY], { view: { pipeline: 'ch2/hz3>w5' } });
    expect(text).toContain('▸ ch2/hz3>w5');
    expect(text).toMatch(/\d+ to \d+ of 50/);
    expect(text).toMatch(/and \d+ more pairs of databases/);
  });

  it('of an empty topology: says what to type', () => {
    expect(draw([EMPTY])).toContain('otter apply');
  });

  it('of a story: with its newest lines', () => {
    const text = draw([...STORY, HEALTHY]);
    expect(text).toContain('STORY');
    expect(text).toContain('killing node ca-1');
  });

  it('when the store is away: says since when and that figures are old', () => {
    const text = draw([HEALTHY, AWAY], { laterMs: 5_000, columns: 120 });
    expect(text).toContain('State store away for 5.0 s, since HH:MM:SS. The figures below are from before.');
    expect(text).toContain('etcd://127.0.0.1:2379 does not answer');
    expect(text).toContain('unknown');
    expect(text).toContain('shop/hz>ca');
  });

  it('says when nothing new has come for long', () => {
    expect(draw([HEALTHY], { laterMs: 5_000 })).not.toContain('No news');
    expect(draw([HEALTHY], { laterMs: 15_000 })).toContain('No news for 15 s');
  });

  it('names who applies', () => {
    expect(draw([{ ...HEALTHY, applying: 'ana@laptop' }])).toContain('ana@laptop applies');
  });
});

describe('one pipeline', () => {
  it('shows its error in full, with the hint and what to type', () => {
    const text = draw([FAILED], { view: { detail: true, pipeline: 'shop/ca>hz' } });
    expect(text).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                    ✕ failed   HH:MM:SS
      ────────────────────────────────────────────────────────────────────────────────
       ▸ shop/ca>hz   ✕ failed
         from ca (california) to hz (hangzhou); applied by hz-1

         Last error   OT5016 Row cannot be applied
                      shop.orders key 4711: the target answered "Column 'total'
                      cannot be null" and the row stays where it is
                      → Make the column shop.orders.total of database hz nullable, as
                      it is in ca
                      → otter explain OT5016

         Lag          1m33s
            1m33s │                                                                █
                0 │                                                                █

         Rows/s       0                                               ▁
         Applied      1.23M rows
         Conflicts    0   decided against its changes
         Drift        0   rows found other than the log said, put right
         Generation   3
         Position     mariadb:0-1-4711
       1 overview  2 pipelines  3 nodes  ↑↓ move  Esc back  ? help  q quit"
    `);
  });

  it('shows its copy with what is left', () => {
    const text = draw([COPYING], { view: { detail: true, pipeline: 'shop/hz>ca' } });
    expect(text).toContain('86,000 of about 200,000 rows, 2 of 5 tables, about 12 s left');
    expect(text).toContain('43%');
  });

  it('shows what it waits for, and that no node runs it', () => {
    const text = draw([NODE_AWAY], { view: { detail: true, pipeline: 'shop/hz>ca' } });
    expect(text).toContain('node ca-1 to come back');
    expect(text).toContain('applied by no node');
  });
});

describe('nodes', () => {
  it('are listed with what they own and use', () => {
    expect(draw([NODE_AWAY], { view: { screen: 'nodes' }, rows: 8 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                  ✕ degraded   HH:MM:SS
      ────────────────────────────────────────────────────────────────────────────────

        NODE        STATE    REGION      DATABASES  PIPELINES    MEMORY       UP
      ▸ hz-1        ● alive  hangzhou    hz                 1    142 MB    3h04m
        ca-1        ✕ away   california  –                  0         –        –

       1 overview  2 pipelines  3 nodes  ↑↓ move  ⏎ open  / find  ? help  q quit"
    `);
  });
});

describe('the filter', () => {
  const state = reduce(EMPTY_STATE, FIFTY, NOW_MS);
  it.each([
    ['', 50],
    ['ch3', 10],
    ['W4', 5],
    ['streaming', 50],
    ['hz2>w1', 1],
    ['nobody', 0],
  ])('%j lets %d through', (filter, expected) => {
    expect(listed(state, filter).pipelines).toHaveLength(expected);
  });
});
