import { describe, expect, it } from 'vitest';
import { FILTER_MAX, FIRST_VIEW, type Key, press, type View } from '../../src/dashboard/keys.ts';

const LISTED = { pipelines: ['a', 'b', 'c'], nodes: ['n1', 'n2'] };
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

const pressed = (text: string, listed = LISTED): View =>
  keys(text).reduce((view, key) => press(view, key, listed), FIRST_VIEW);

describe('keys', () => {
  it.each<[string, Partial<View>]>([
    ['', {}],
    ['2', { screen: 'pipelines' }],
    ['3', { screen: 'nodes' }],
    ['<tab>', { screen: 'pipelines' }],
    ['<tab><tab><tab>', {}],
    ['j', { pipeline: 'b' }],
    ['<down><down><down><down>', { pipeline: 'c' }],
    ['jk', { pipeline: 'a' }],
    ['G', { pipeline: 'c' }],
    ['Gg', { pipeline: 'a' }],
    ['<end><home>', { pipeline: 'a' }],
    ['<pageDown>', { pipeline: 'c' }],
    ['3j', { screen: 'nodes', node: 'n2' }],
    ['3<enter>', { screen: 'nodes' }],
    ['<enter>', { detail: true, pipeline: 'a' }],
    ['j<enter>j', { detail: true, pipeline: 'c' }],
    ['j<enter><escape>', { pipeline: 'b' }],
    ['2<enter>2', { screen: 'pipelines', pipeline: 'a' }],
    ['2<escape>', {}],
    ['?', { help: true }],
    ['??', {}],
    ['?<escape>', {}],
    ['?j', { help: true }],
    ['?2', { screen: 'pipelines' }],
    ['/q', { typing: true, filter: 'q' }],
    ['/ab<backspace>', { typing: true, filter: 'a' }],
    ['/<backspace>', {}],
    ['/ab<enter>', { filter: 'ab' }],
    ['/ab<enter><escape>', {}],
    ['/ab<escape>', {}],
    ['/ab<enter>q', { filter: 'ab', quit: true }],
    ['q', { quit: true }],
    ['<interrupt>', { quit: true }],
    ['/a<interrupt>', { typing: true, filter: 'a', quit: true }],
    ['x', {}],
  ])('%j', (text, expected) => {
    expect(pressed(text)).toEqual({ ...FIRST_VIEW, ...expected });
  });

  it('find nothing to open in nothing', () => {
    const nothing = { pipelines: [], nodes: [] };
    expect(pressed('j<enter>G3j', nothing)).toEqual({ ...FIRST_VIEW, screen: 'nodes' });
  });

  it('keep the choice when rows come and go', () => {
    const view = pressed('j');
    const down: Key = { kind: 'down' };
    expect(press(view, down, { ...LISTED, pipelines: ['x', 'a', 'b', 'c'] }).pipeline).toBe('c');
    expect(press(view, down, { ...LISTED, pipelines: ['x', 'y'] }).pipeline).toBe('y');
  });

  it('bound the filter', () => {
    expect(pressed(`/${'z'.repeat(500)}`).filter).toHaveLength(FILTER_MAX);
  });
});
