import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Key, press, type Seen, type Step } from '../../src/dashboard/keys.ts';
import { FIRST_VIEW, filterOf, here, TYPED_MAX, type View } from '../../src/dashboard/view.ts';

const KNOWN = {
  channels: ['shop', 'crm'],
  pipelines: ['shop/hz>ca', 'shop/ca>hz'],
  nodes: ['n1'],
  databases: ['hz', 'ca'],
};
const SEEN: Seen = {
  names: ['a', 'b', 'c'],
  open: (name) => ({ kind: 'pipeline', name }),
  columns: 3,
  lines: 0,
  about: 'pipeline.shop/hz>ca',
  known: KNOWN,
  write: true,
  work: null,
};
const NAMED = [
  'up',
  'down',
  'pageUp',
  'pageDown',
  'home',
  'end',
  'enter',
  'escape',
  'tab',
  'backTab',
  'backspace',
  'interrupt',
] as const;

/** Keys by name in angle brackets, or as they are typed. */
function keys(text: string): Key[] {
  return [...text.matchAll(/<(\w+)>|(.)/gs)].map(([, name, char]): Key => {
    const named = NAMED.find((one) => one === name);
    return named === undefined ? { kind: 'char', char: char! } : { kind: named };
  });
}

function typed(text: string, seen: Partial<Seen> = {}, from: View = FIRST_VIEW): Step {
  return keys(text).reduce((step: Step, key) => press(step.view, key, { ...SEEN, ...seen }), {
    view: from,
    want: null,
  });
}
const kindsOf = ({ view }: Step): string[] => view.path.map(({ kind }) => kind);

describe('keys lead', () => {
  it.each<[string, string[]]>([
    ['', ['overview']],
    ['2', ['channels']],
    ['8', ['events']],
    ['9', ['overview']],
    ['<tab>', ['channels']],
    ['<tab><backTab><backTab>', ['events']],
    ['0', ['channels', 'pipelines']],
    ['<enter>', ['overview', 'pipeline']],
    ['2<enter><escape>', ['channels']],
    ['2<escape>', ['overview']],
    ['y', ['overview', 'yaml']],
    ['yy', ['overview', 'yaml']],
    ['t', ['overview', 'tables']],
    [':nodes<enter>', ['nodes']],
    [':no<enter>', ['overview']],
    [':ev<enter>', ['events']],
    [':pipeline shop/hz:ca<enter>', ['channels', 'pipelines', 'pipeline']],
    [':pipeline shop/hz<tab><enter>', ['channels', 'pipelines', 'pipeline']],
    [':pipelines<enter>', ['channels', 'pipelines']],
    [':yaml shop<enter>', ['overview', 'yaml']],
    [':conflict hz:4<enter>', ['conflicts', 'conflict']],
    [':<escape>2', ['channels']],
    [':<enter>2', ['channels']],
  ])('%j to %j', (text, path) => {
    expect(kindsOf(typed(text))).toEqual(path);
  });

  it('to a thing by its address, however it is called', () => {
    const yaml = (text: string) => here(typed(`:yaml ${text}<enter>`).view);
    expect(yaml('ca')).toEqual({ kind: 'yaml', name: 'database.ca' });
    expect(yaml('n1')).toEqual({ kind: 'yaml', name: 'node.n1' });
    expect(yaml('shop/hz:ca')).toEqual({ kind: 'yaml', name: 'channel.shop' });
    expect(yaml('alert.x')).toEqual({ kind: 'yaml', name: 'alert.x' });
  });
});

describe('keys choose', () => {
  const chosen = (text: string, seen: Partial<Seen> = {}): string | undefined =>
    typed(text, seen).view.chosen['overview'];
  it.each([
    ['j', 'b'],
    ['<down><down><down><down>', 'c'],
    ['jk', 'a'],
    ['G', 'c'],
    ['Gg', 'a'],
    ['<end><home>', 'a'],
    ['<pageDown>', 'c'],
  ])('%j is %s', (text, name) => {
    expect(chosen(text)).toBe(name);
  });

  it('keeps the choice when rows come and go, and in each place its own', () => {
    const before = typed('j');
    expect(press(before.view, { kind: 'down' }, { ...SEEN, names: ['x', 'a', 'b', 'c'] }).view.chosen['overview']).toBe(
      'c',
    );
    expect(press(before.view, { kind: 'down' }, { ...SEEN, names: ['x', 'y'] }).view.chosen['overview']).toBe('y');
    expect(typed('j2jj').view.chosen).toEqual({ overview: 'b', channels: 'c' });
  });

  it('finds nothing to open in nothing', () => {
    expect(typed('j<enter>G3j<enter>', { names: [] }).view.path).toEqual([{ kind: 'nodes' }]);
  });

  it('scrolls a page, and help', () => {
    expect(typed('jjj', { lines: 50 }).view.scroll).toBe(3);
    expect(typed('G', { lines: 50 }).view.scroll).toBe(49);
    expect(typed('?jj').view.chosen).toEqual({});
  });
});

describe('keys filter and sort', () => {
  it.each([
    ['/q', 'q'],
    ['/ab<backspace>', 'a'],
    ['/ab<enter>', 'ab'],
    ['/ab<enter><escape>', ''],
    ['/ab<escape>', ''],
    [`/${'z'.repeat(500)}`, 'z'.repeat(TYPED_MAX)],
  ])('%j filters by %j', (text, filter) => {
    expect(filterOf(typed(text).view)).toBe(filter);
  });

  it('each place by itself', () => {
    expect(filterOf(typed('/ab<enter>2').view)).toBe('');
    expect(filterOf(typed('/ab<enter>21').view)).toBe('ab');
  });

  it('by the next column, and after the last as they come', () => {
    expect(typed('s').view.sorts).toEqual({ overview: { column: 0, down: false } });
    expect(typed('ssS').view.sorts).toEqual({ overview: { column: 1, down: true } });
    expect(typed('ssss').view.sorts).toEqual({});
    expect(typed('sS', { columns: 0 }).view.sorts).toEqual({});
  });
});

describe('what changes something', () => {
  it.each([
    ['p', { kind: 'pause', address: 'shop/hz>ca' }],
    ['r', { kind: 'resume', address: 'shop/hz>ca' }],
    ['v', { kind: 'verify', channel: 'shop' }],
    [':pause shop<enter>', { kind: 'pause', address: 'shop' }],
    [':resume shop/hz:ca<enter>', { kind: 'resume', address: 'shop/hz>ca' }],
    [':verify<enter>', { kind: 'verify', channel: null }],
    [':conflict hz:4<enter>b', { kind: 'resolve', id: 'hz:4', take: 'base' }],
    [':resolve hz:4 local<enter>', { kind: 'resolve', id: 'hz:4', take: 'local' }],
  ])('%j', (text, deed) => {
    expect(typed(text).want).toEqual({ kind: 'deed', deed });
    const reading = typed(text, { write: false });
    if (deed.kind === 'verify') expect(reading.want).not.toBeNull();
    else expect([reading.want, reading.view.said]).toEqual([null, expect.stringContaining('--write')]);
  });

  it('is nothing where nothing is chosen, and of what cannot rest', () => {
    for (const about of [null, 'node.n1', 'database.hz']) {
      for (const key of ['p', 'r', 'v', 'i', 'l', 'b']) expect(typed(key, { about }).want).toBeNull();
    }
  });

  it('is agreed to by the word alone', () => {
    const work = { asks: 'shop' };
    expect(typed('shop<enter>', { work }).want).toEqual({ kind: 'answer', yes: true });
    expect(typed('<escape>', { work }).want).toEqual({ kind: 'answer', yes: false });
    for (const text of ['<enter>', 'yes<enter>', 'shop2<enter>', 'y', 'q', 'shop<backspace><enter>', 'sh<tab><enter>'])
      expect(typed(text, { work }).want).toBeNull();
    expect(typed('shop2<backspace><enter>', { work }).want).not.toBeNull();
    // As lists show it, too.
    for (const name of ['shop/hz:ca', 'shop/hz>ca'])
      expect(typed(`${name}<enter>`, { work: { asks: 'shop/hz:ca' } }).want, name).not.toBeNull();
  });

  it('leaves no other key anything to do while it runs', () => {
    for (const text of ['q', '2', ':', 'p', '<enter>']) expect(typed(text, { work: 'runs' })).toEqual(typed(''));
    expect(typed('<escape>', { work: 'runs' }).want).toEqual({ kind: 'leave' });
    expect(typed('<enter>', { work: 'ended' }).want).toEqual({ kind: 'leave' });
  });
});

describe('a wrong command', () => {
  it.each([
    [':nonsense', 'there is no command nonsense'],
    [':p', 'there is no command p'],
    [':pause', 'pause wants CHANNEL|PIPELINE'],
    [':pause nowhere', 'there is no channel nowhere'],
    [':pause shop/a:b', 'there is no pipeline shop/a>b'],
    [':nodes 3', 'nodes takes nothing more'],
    [':verify a b', 'verify takes [CHANNEL]'],
    [':resolve hz:4 mine', 'resolve wants ID incoming|local|base'],
  ])('%j says why', (text, why) => {
    const { view, want } = typed(`${text}<enter>`);
    expect([want, view.said]).toEqual([null, expect.stringContaining(why)]);
    expect(typed(`${text}<enter>2`).view.said).toBeNull();
  });
});

describe('keys of any kind in any order', () => {
  it('leave the dashboard only by q, Ctrl-C or :quit, and never do without --write what changes something', () => {
    const key = fc.oneof(
      fc.constantFrom(...NAMED.filter((one) => one !== 'interrupt')).map((kind): Key => ({ kind })),
      fc.constantFrom(...'0123456789prvytsSgGjk/:ilb?xe'.split('')).map((char): Key => ({ kind: 'char', char })),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), (pressed) => {
        let view = FIRST_VIEW;
        for (const one of pressed) {
          const step = press(view, one, { ...SEEN, write: false });
          view = step.view;
          expect(step.want === null || (step.want.kind === 'deed' && step.want.deed.kind === 'verify')).toBe(true);
        }
        expect(view.quit).toBe(false);
        expect(view.path.length).toBeGreaterThan(0);
      }),
    );
    expect(typed('q').view.quit).toBe(true);
    expect(typed(':q<enter>').view.quit).toBe(true);
    for (const before of ['', '/a', ':a', '?']) expect(typed(`${before}<interrupt>`).view.quit).toBe(true);
    expect(typed('<interrupt>', { work: 'runs' }).view.quit).toBe(true);
  });
});
