import { describe, expect, it } from 'vitest';
import type { Shown } from '../../src/dashboard/controller.ts';
import type { Loaded } from '../../src/dashboard/desk.ts';
import { pageOf } from '../../src/dashboard/pages.ts';
import { type Path, type Place, pathTo, placeKey, SCREENS } from '../../src/dashboard/places.ts';
import { printedLines, screenLines } from '../../src/dashboard/screens.ts';
import { type DashboardItem, EMPTY_STATE, reduce } from '../../src/dashboard/store.ts';
import { lineText, lineWidth } from '../../src/dashboard/text.ts';
import { glyphs } from '../../src/dashboard/theme.ts';
import { FIRST_VIEW, filtered, sortedAround, sortedByNext, type View } from '../../src/dashboard/view.ts';
import { begun, said } from '../../src/dashboard/work.ts';
import type { StatsJson } from '../../src/model/stats-json.ts';
import { ALERTS, historyOf, OPEN_CONFLICT, pretendDesk, RUN } from './desk.ts';
import { COPYING, channel, EMPTY, FAILED, FIFTY, HEALTHY, NODE_AWAY, NOW_MS, pipeline, report } from './reports.ts';

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
const desk = pretendDesk(true);
const never = new AbortController().signal;
/** As it is asked for by somebody who has been everywhere. */
const ANSWERS: readonly (readonly [Place, Loaded])[] = [
  [{ kind: 'runs' }, { kind: 'past', value: await desk.past(never) }],
  [{ kind: 'conflicts' }, { kind: 'conflicts', value: await desk.conflicts(never) }],
  [
    { kind: 'conflict', name: 'ca:7' },
    { kind: 'conflict', value: OPEN_CONFLICT },
  ],
  [
    { kind: 'tables', name: 'shop' },
    { kind: 'tables', value: await desk.tables('shop', never) },
  ],
  [
    { kind: 'yaml', name: 'channel.shop' },
    { kind: 'yaml', value: await desk.yaml('channel.shop', never) },
  ],
];
const ASKED: readonly DashboardItem[] = ANSWERS.map(([place, answer]) => ({
  asked: answer.kind === 'past' ? 'past' : placeKey(place),
  answer,
}));
const at = (place: Place): View => ({ ...FIRST_VIEW, path: pathTo(place) });
const PLACES: readonly Place[] = [
  ...SCREENS.map((kind) => ({ kind })),
  { kind: 'pipelines', name: null },
  { kind: 'pipelines', name: 'shop' },
  { kind: 'pipeline', name: 'shop/ca>hz' },
  { kind: 'pipeline', name: 'gone/a>b' },
  { kind: 'node', name: 'ca-1' },
  { kind: 'node', name: 'gone' },
  { kind: 'run', name: RUN.id },
  { kind: 'run', name: 'gone' },
  ...ANSWERS.map(([place]) => place),
];
const VIEWS: readonly View[] = [
  ...PLACES.map(at),
  { ...FIRST_VIEW, help: true },
  { ...filtered(FIRST_VIEW, 'nothing has this name'), typing: 'filter' },
  { ...FIRST_VIEW, typing: 'command', typed: 'pau' },
  { ...FIRST_VIEW, said: 'that was wrong' },
  sortedAround(sortedByNext(at({ kind: 'pipelines', name: null }), 9)),
];
const WORKS: readonly Shown['work'][] = [
  { ...said(begun({ kind: 'pause', address: 'shop' }), 'one\ntwo'), asks: { question: 'To pause it', word: 'shop' } },
  said(begun({ kind: 'verify', channel: null }), 'shop.orders: 12 rows'),
  { ...begun({ kind: 'resolve', id: 'hz:1', take: 'base' }), ended: { how: 'failed', verdict: null } },
];

interface Drawing {
  readonly view?: Partial<View>;
  readonly columns?: number;
  readonly rows?: number;
  readonly ascii?: boolean;
  readonly laterMs?: number;
  readonly work?: Shown['work'];
  readonly write?: boolean;
}

function shownOf(items: readonly DashboardItem[], view: View, work: Shown['work'] = null, write = false): Shown {
  const state = items.reduce((known, item) => reduce(known, item, NOW_MS), EMPTY_STATE);
  return { state, view, work, write, asks: true };
}

function draw(
  items: readonly DashboardItem[],
  { view = {}, columns = 80, rows = 23, ascii = false, laterMs = 0, work = null, write = false }: Drawing = {},
): string {
  const paint = { glyphs: glyphs(ascii), columns, nowMs: NOW_MS + laterMs };
  const lines = screenLines(shownOf(items, { ...FIRST_VIEW, ...view }, work, write), rows, paint);
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
    const paint = { glyphs: glyphs(false), columns, nowMs: NOW_MS };
    for (const shown of [
      ...VIEWS.map((view, index) => shownOf(index % 2 === 0 ? items : [...items, ...ASKED], view, null, true)),
      ...ANSWERS.map(([place]) => shownOf([...items, ...ASKED], at(place))),
      ...WORKS.map((work) => shownOf(items, FIRST_VIEW, work)),
    ]) {
      const lines = screenLines(shown, rows, paint);
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(lineWidth(line)).toBe(columns);
    }
  });

  it('every screen can be drawn in ASCII', () => {
    for (const view of VIEWS) expect(draw([...items, ...ASKED], { view, ascii: true })).toMatch(/^[\x20-\x7e\n]*$/);
    for (const work of WORKS) expect(draw(items, { work, ascii: true })).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe('the overview at 80x24', () => {
  it('of a healthy topology', () => {
    expect(draw([HEALTHY])).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                   ● healthy   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events
        Both pipelines are up to date, 14 ms at most.

       ╭─ hangzhou ───╮                                              ╭─ california ─╮
       │ hz           ├──────── shop · 12 ms · 1,204 rows/s ────────▶│ ca           │
       │ ● hz-1       │◀───────── shop · 14 ms · 311 rows/s ─────────┤ ● ca-1       │
       ╰──────────────╯                                              ╰──────────────╯

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      ▸ shop/hz>ca    ● streaming    12 ms            ▁    1,204          ▆          0
        shop/ca>hz    ● streaming    14 ms            ▁      311          ▆          3

        NODES  ● hz-1 hz   ● ca-1 ca








       ↑↓ move  ⏎ open  / filter  y yaml  v verify  : command  ? help  q quit"
    `);
  });

  it('of a copy', () => {
    expect(draw([COPYING], { rows: 15 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                   ◐ copying   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events

       ╭─ hangzhou ───╮                                              ╭─ california ─╮
       │ hz           ├╌╌╌╌╌ shop · copying 43% · 1,204 rows/s ╌╌╌╌╌▶│ ca           │
       │ ● hz-1       │◀──────── shop · 14 ms · 1,204 rows/s ────────┤ ● ca-1       │
       ╰──────────────╯                                              ╰──────────────╯

        PIPELINE      PHASE            LAG                ROWS/S             CONFLICTS
      ▸ shop/hz>ca    ◐ copying          –  ██░░░░  43%    1,204          ▆          0
        shop/ca>hz    ● streaming    14 ms            ▁    1,204          ▆          0

        NODES  ● hz-1 hz   ● ca-1 ca

       ↑↓ move  ⏎ open  / filter  y yaml  v verify  : command  ? help  q quit"
    `);
  });

  it('of a failure, in ASCII', () => {
    expect(draw([FAILED], { ascii: true, rows: 20 })).toMatchInlineSnapshot(`
      " otter | shop | serial 7                                    x failed   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events
        1 of 2 pipelines fails.

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

       j/k move  Enter open  / filter  y yaml  v verify  : command  ? help  q quit"
    `);
  });

  it('of a node that is away', () => {
    expect(draw([NODE_AWAY], { rows: 20 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                  ✕ degraded   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events
        1 of 2 pipelines is 4.2 s behind; 1 has not begun; node ca-1 is away.

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

       ↑↓ move  ⏎ open  / filter  y yaml  v verify  : command  ? help  q quit"
    `);
  });

  it('of fifty pipelines: shows what fits and counts the rest', () => {
    const text = draw([FIFTY], { view: { chosen: { overview: 'ch2/hz3>w5' } } });
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
    const text = draw([FAILED], { view: at({ kind: 'pipeline', name: 'shop/ca>hz' }) });
    expect(text).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                    ✕ failed   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events
       channels › shop › shop/ca>hz
         ✕ failed   from ca (california) to hz (hangzhou); applied by hz-1

         Last error   OT5016 Row cannot be applied
                      shop.orders key 4711: the target answered "Column 'total'
                      cannot be null" and the row stays where it is
                      → Make the column shop.orders.total of database hz nullable, as
                      it is in ca
                      → otter explain OT5016

         Lag          1m33s
         Rows/s       0                                               ▁
         Window       120 rows in 9 ms at the target   the mean of the last twenty
         Applied      1.23M rows
         Conflicts    0   since its node started
         Drift        0   rows found other than the log said, put right
         Generation   3
         Position     mariadb:0-1-4711


       ↑↓ scroll  Esc back  t tables  y yaml  v verify  : command  ? help  q quit"
    `);
  });

  it('shows its copy with what is left', () => {
    const text = draw([COPYING], { view: at({ kind: 'pipeline', name: 'shop/hz>ca' }) });
    expect(text).toContain('86,000 of about 200,000 rows, 2 of 5 tables, about 12 s left');
    expect(text).toContain('43%');
  });

  it('shows what it waits for, and that no node runs it', () => {
    const text = draw([NODE_AWAY], { view: at({ kind: 'pipeline', name: 'shop/hz>ca' }) });
    expect(text).toContain('node ca-1 to come back');
    expect(text).toContain('applied by no node');
  });
});

describe('nodes', () => {
  it('are listed with what they own and use', () => {
    expect(draw([NODE_AWAY], { view: at({ kind: 'nodes' }), rows: 8 })).toMatchInlineSnapshot(`
      " otter · shop · serial 7                                  ✕ degraded   HH:MM:SS
       1 overview 2 channels 3 nodes 4 conflicts 5 files 6 alerts 7 runs 8 events

        NODE        STATE    REGION      OWNS  PIPELINES    CPU    MEMORY      LEASE
      ▸ hz-1        ● alive  hangzhou    hz            1     3%    142 MB  1.0 s ago
        ca-1        ✕ away   california  –             0      –         –          –

       ↑↓ move  ⏎ open  / filter  s sort  y yaml  : command  ? help  q quit"
    `);
  });
});

describe('a list', () => {
  const paint = { glyphs: glyphs(false), columns: 80, nowMs: NOW_MS };
  const namesAt = (view: View): readonly string[] => {
    const page = pageOf(reduce(EMPTY_STATE, FIFTY, NOW_MS), FIFTY, view, false, paint);
    return page.kind === 'list' ? page.list.names : [];
  };
  const all = at({ kind: 'pipelines', name: null });
  it.each([
    ['', 50],
    ['ch3', 10],
    ['W4', 5],
    ['streaming', 50],
    ['hz2>w1', 1],
    ['nobody', 0],
  ])('with the filter %j has %d rows', (filter, expected) => {
    expect(namesAt(filtered(all, filter))).toHaveLength(expected);
  });

  it('is sorted by a column, and turned round', () => {
    // Name, phase, lag.
    const byLag = sortedByNext(sortedByNext(sortedByNext(all, 9), 9), 9);
    expect(namesAt(byLag)[0]).toBe('ch0/hz>w0');
    expect(namesAt(sortedAround(byLag))[0]).toBe('ch4/hz5>w9');
    expect(namesAt(byLag)).toHaveLength(50);
    expect(draw([FIFTY], { view: byLag, columns: 120 })).toContain('LAG▴');
  });

  it('of a channel has its pipelines only, and says how the chosen one stands', () => {
    expect(namesAt(at({ kind: 'pipelines', name: 'ch2' }))).toHaveLength(10);
    expect(draw([HEALTHY], { view: at({ kind: 'pipelines', name: 'shop' }) })).toContain('shop/hz>ca is up to date');
    expect(
      draw([FAILED], {
        view: { ...at({ kind: 'pipelines', name: 'shop' }), chosen: { 'pipelines shop': 'shop/ca>hz' } },
      }),
    ).toContain('→ Make the column');
  });
});

describe('what was asked for', () => {
  it('is asked, had, or could not be had', () => {
    const view = at({ kind: 'conflicts' });
    expect(draw([HEALTHY], { view })).toContain('Asking ...');
    const failed: DashboardItem = { asked: 'conflicts', answer: { failed: 'OT4001: ca does not answer' } };
    expect(draw([HEALTHY, failed], { view })).toContain('OT4001: ca does not answer');
    expect(draw([HEALTHY, ...ASKED, failed], { view })).toMatch(/From before: OT4001[\s\S]*ca:7/);
  });

  it('shows a conflict side by side, with what is not as it was marked', () => {
    const view = at({ kind: 'conflict', name: 'ca:7' });
    const text = draw([HEALTHY, ...ASKED], { view, rows: 30 });
    expect(text).toMatch(/COLUMN +INCOMING +HERE +BASE/);
    expect(text).toMatch(/city +\* 'Hangzhou' +\* 'San Jose' +'Oakland'/);
    expect(text).toMatch(/points +\* 12 +10 +10/);
    expect(text).toContain('otter conflicts resolve ca:7 --take incoming|local|base');
    expect(draw([HEALTHY, ...ASKED], { view, rows: 30, write: true })).toMatch(/i +the incoming row/);
  });

  it('shows a run with what of it is written', () => {
    const text = draw([HEALTHY, ...ASKED], { view: at({ kind: 'run', name: RUN.id }) });
    expect(text).toMatch(/● ~ +channel\.shop +tables differ\n +copies shop\.audit/);
  });

  it('puts the audit and what happened since into one list, the newest first', () => {
    const items = [HEALTHY, FAILED, ...ASKED];
    const rows = draw(items, { view: at({ kind: 'events' }), columns: 120 }).split('\n');
    expect(rows[4]).toMatch(/state +shop\/ca>hz +failed: OT5016/);
    expect(rows[5]).toMatch(/audit +ann@desk +pause: channel\.shop: done/);
  });

  it('shows flows of files with what is to come, what is missing, and why one waits', () => {
    const flow = {
      ...{ name: 'files.images/hangzhou>california', source: 'hangzhou', target: 'california', node: 'ca-1' },
      ...{ phase: 'copying' as const, backlog_files: 1200, backlog_bytes: 5e6, files_done: 7, bytes_done: 1 },
      ...{ bytes_received: 1, bytes_per_second: 2e6, conflicts: 0, refused: 0, failures: 0, missing: 3 },
      ...{ observed_generation: 1, error: null, waiting: 'the source, which is looking through its root' },
    };
    const files = [{ name: 'images', ready: false, generation: 1, flows: [flow] }];
    const text = draw([{ ...HEALTHY, files }], { view: at({ kind: 'files' }), columns: 130, rows: 30 });
    expect(text).toMatch(/FLOW +PHASE +TO COME +SIZE +A SECOND +DONE +MISSING +FAILING +BESIDE +NODE/);
    expect(text).toMatch(/files\.images\/hangzhou>california +\S copying +1,200 +5 MB +2 MB +7 +3 +0 +0 +ca-1/);
    expect(text).toContain('waits for the source, which is looking through its root');
  });

  it('a channel is ready only where nothing is wrong, and says which way it goes', () => {
    const error = { code: 'OT4001', message: 'dw: connect ECONNREFUSED', hint: null };
    const channels = [
      channel('ok', [pipeline('ok/hz>ca'), pipeline('ok/ca>hz')]),
      channel('cut', [pipeline('cut/hz>dw', { error })]),
      channel('slow', [pipeline('slow/hz>dw', { lag_ms: 60_000 })]),
    ];
    const text = draw([report({ channels })], { view: at({ kind: 'channels' }), columns: 130 });
    expect(text).toMatch(/ok +● ready +hz, ca/);
    expect(text).toMatch(/cut +✕ OT4001 +hz → dw/);
    expect(text).toMatch(/slow +● late +hz → dw/);
  });

  it('shows every alert that is applied, the most urgent first, and who could not be told', () => {
    const answer = { asked: 'alerts', answer: { kind: 'alerts' as const, value: ALERTS } };
    const text = draw([HEALTHY, answer], { view: at({ kind: 'alerts' }), columns: 130 });
    const rows = text
      .split('\n')
      .slice(4, 8)
      .map((row) => row.slice(2).replace(/ {2,}/g, ' | ').trimEnd());
    expect(rows).toEqual([
      'letters | ✕ fires | shop/hz>ca | 1m05s | dead_letters 2',
      'letters | ✕ not told | mail | – | OT8154: answered with 550',
      'away | ‖ silenced | node.ca-1 | – | down (silenced until 2026-11-23THH:MM:SS.000Z by ann@desk: a move)',
      'lag | ● quiet | channel.shop | – | lag > 30s',
    ]);
  });

  it('shows what nodes have kept of a pipeline: the whole day, however wide', () => {
    const view = { path: pathTo({ kind: 'pipeline', name: 'shop/hz>ca' }) };
    const of = (value: StatsJson) => ({ asked: 'pipeline shop/hz>ca', answer: { kind: 'history' as const, value } });
    for (const [columns, ago] of [
      [80, '24 h ago'],
      [130, '24 h ago'],
      [50, '17.5 h ago'],
    ] as const) {
      const text = draw([HEALTHY, of(historyOf('shop/hz>ca'))], { view, columns, rows: 50 });
      expect(text, String(columns)).toMatch(/The last 24 h: lag 45 ms on average/);
      expect(text, String(columns)).toMatch(new RegExp(`2m00s │ +█[█ ]*\\n[\\s\\S]*0 │ +[▁█ ]+\\n +${ago} +now`));
    }
    expect(draw([HEALTHY, of(historyOf('shop/hz>ca'))], { view, columns: 130, rows: 50 })).toContain(
      '2m00s at most; 423 rows, could not go on for 1m35s',
    );
    expect(draw([HEALTHY, of(historyOf('shop/hz>ca', []))], { view, rows: 50 })).toContain(
      'no node has kept anything of it',
    );
    const failed = { asked: 'pipeline shop/hz>ca', answer: { failed: 'OT8103: no node tells' } };
    expect(draw([HEALTHY, failed], { view, rows: 50 })).toContain('OT8103: no node tells');
  });

  it('names no alert and no file set where there are none', () => {
    expect(draw([HEALTHY], { view: at({ kind: 'alerts' }) })).toContain('No alert fires.');
    expect(draw([HEALTHY], { view: at({ kind: 'files' }) })).toContain('No file set is declared.');
    const since = new Date(NOW_MS - 65_000).toISOString();
    const firing = [{ alert: 'lag', since, about: [{ name: 'shop', says: 'lag is 40 s' }] }];
    const alerts = { firing, receivers: [{ receiver: 'ops', code: 'OT7003', message: 'no answer' }] };
    expect(draw([{ ...HEALTHY, alerts }], { view: at({ kind: 'alerts' }) })).toMatch(
      /lag +✕ fires +shop +1m05s +lag is 40 s\n +– +✕ not told +ops/,
    );
    expect(draw([{ ...HEALTHY, alerts }])).toContain('1 alert fires: 6');
  });
});

describe('a path', () => {
  it('is shown above what is opened', () => {
    const path: Path = pathTo({ kind: 'pipeline', name: 'shop/ca>hz' });
    expect(draw([HEALTHY], { view: { path } })).toContain(' channels › shop › shop/ca>hz');
  });
});

describe('a print', () => {
  it('has everything, and nothing that is for a person at keys', () => {
    const lines = printedLines(shownOf([FIFTY], at({ kind: 'pipelines', name: null })), {
      glyphs: glyphs(false),
      columns: 80,
      nowMs: NOW_MS,
    }).map(lineText);
    for (const name of ['ch0/hz>w0', 'ch4/hz5>w9']) expect(lines.join('\n')).toContain(name);
    expect(lines.at(-1)).not.toBe('');
    expect(lines.join('\n')).not.toContain('q quit');
  });
});
