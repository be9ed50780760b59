/**
 * A draft as the text of a topology file: short objects on a line, notes as `# otter:` comments above what they are about.
 *
 * Rule: whatever texts a draft holds (they come from other systems), they end up as one YAML string or inside a comment, and
 * never as structure.
 */
import type { Draft, DraftChannel, Fields, Item, LeftOut, Value } from './draft.ts';

/** Where the lines of something begin, counted from 1. */
export interface Place {
  readonly line: number;
  readonly channel: string;
  /** Index among the channel's tables; null: the channel itself. */
  readonly table: number | null;
}

export interface Written {
  readonly text: string;
  /** In the order of the text. */
  readonly places: readonly Place[];
}

const COMMENT_CHARS_MAX = 110;

export function write(draft: Draft): Written {
  const page = new Page();
  page.line('# yaml-language-server: $schema=../../schema/topology.schema.json');
  page.notes(draft.notes, '', '#');
  page.line('version: 1');
  page.line(`name: ${scalar(draft.name)}`);
  section(page, 'regions', draft.regions, oneLine);
  section(page, 'nodes', draft.nodes, oneLine);
  section(page, 'databases', draft.databases, severalLines);
  channels(page, draft);
  section(page, 'notify', draft.notify, oneLine);
  section(page, 'alerts', draft.alerts, oneLine);
  return { text: page.text(), places: page.places };
}

class Page {
  readonly lines: string[] = [];
  readonly places: Place[] = [];

  line(text: string): void {
    this.lines.push(text);
  }

  place(channel: string, table: number | null): void {
    this.places.push({ line: this.lines.length + 1, channel, table });
  }

  notes(notes: readonly string[], indent: string, sign = '# otter:'): void {
    for (const note of notes) {
      wrapped(note, COMMENT_CHARS_MAX - indent.length - sign.length).forEach((text, i) => {
        this.line(`${indent}${i === 0 ? sign : '#'.padEnd(sign.length)} ${text}`.trimEnd());
      });
    }
  }

  text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

type Draw = (page: Page, item: Item) => void;

function section(page: Page, key: string, items: readonly Item[], draw: Draw): void {
  if (items.length === 0) return;
  page.line('');
  page.line(`${key}:`);
  for (const item of items) {
    page.notes(item.notes, '  ');
    draw(page, item);
  }
}

const oneLine: Draw = (page, { name, fields }) => page.line(`  ${scalar(name)}: ${flow(fields)}`);

const severalLines: Draw = (page, { name, fields }) => {
  page.line(`  ${scalar(name)}:`);
  for (const [key, value] of said(fields)) page.line(`    ${scalar(key)}: ${flow(value)}`);
};

function channels(page: Page, draft: Draft): void {
  if (draft.channels.length + draft.leftOut.length === 0) return;
  page.line('');
  page.line(draft.channels.length === 0 ? 'channels: {}' : 'channels:');
  for (const channel of draft.channels) drawChannel(page, channel);
  for (const { channel, why } of draft.leftOut) {
    page.notes([`left out, channel ${channel.name}: ${why.join(' ')}`], '  ');
    const apart = new Page();
    drawChannel(apart, channel);
    for (const line of apart.lines) page.line(`  # ${line.slice(2)}`);
  }
}

function drawChannel(page: Page, channel: DraftChannel): void {
  const { name, fields, notes, tables, leftOut } = channel;
  page.place(name, null);
  page.line(`  ${scalar(name)}:`);
  page.notes(notes, '    ');
  for (const [key, value] of said(fields)) page.line(`    ${scalar(key)}: ${flow(value)}`);
  page.line(tables.length === 0 ? '    tables: []' : '    tables:');
  tables.forEach((table, i) => {
    page.place(name, i);
    page.notes(table.notes, '      ');
    page.line(`      - ${entry(table.fields)}`);
  });
  for (const one of leftOut) drawLeftOut(page, one);
}

function drawLeftOut(page: Page, { fields, why }: LeftOut): void {
  page.notes(
    why.map((text, i) => (i === 0 ? `left out: ${text}` : text)),
    '      ',
  );
  page.line(`      # - ${entry(fields)}`);
}

/** A table of which only the name is said is its name. */
function entry(fields: Fields): string {
  const all = said(fields);
  const [only] = all;
  return all.length === 1 && only![0] === 'from' ? alone(String(only![1])) : flow(fields);
}

function said(fields: Fields): [string, Value][] {
  return Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
}

function flow(value: Value): string {
  if (typeof value === 'string') return scalar(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as Value[]).map(flow).join(', ')}]`;
  const parts = said(value as Fields).map(([key, one]) => `${scalar(key)}: ${flow(one)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** Texts that YAML takes for a text as they stand, also between brackets. */
const PLAIN = /^[a-z_][\w./*<-]*$/i;
const WORDS = /^(true|false|yes|no|on|off|y|n|null|~)$/i;

/** On a line of its own brackets are letters like others. */
function alone(text: string): string {
  return /^[a-z_][\w./*?[\]-]*$/i.test(text) && !WORDS.test(text) ? text : scalar(text);
}

/** What looks like a variable of a topology is made a text. */
function scalar(text: string): string {
  if (PLAIN.test(text) && !WORDS.test(text)) return text;
  // YAML's double quotes know all of JSON's escapes.
  return JSON.stringify(text.replaceAll('${', '$${')).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A comment ends where its line ends, so nothing in it may end one. */
function wrapped(text: string, width: number): string[] {
  const clean = text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\ufeff]+/gu, ' ').trim();
  const lines: string[] = [];
  let line = '';
  // A command that is to be typed stands in one line.
  for (const word of clean.match(/otter position set \S+ --to \S+|\S+/g) ?? []) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
