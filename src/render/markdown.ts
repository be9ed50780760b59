/**
 * A plan as Markdown, for a comment on a pull request: the count and the effects in sight, the rest folded.
 *
 * Rule: whatever stands in a name or a value, it ends neither the table, nor the fence, nor the fold it stands in.
 */
import type { Change } from '../planner/change.ts';
import { RISKS } from '../planner/change.ts';
import type { Finding } from '../planner/finding.ts';
import type { Plan } from '../planner/plan.ts';
import type { Refusal } from '../planner/refusal.ts';
import { impactLines } from './impact.ts';
import { changeLines, findingWords, symbolOf } from './text.ts';
import { printable } from './width.ts';

/** GitHub takes 65,536 characters in a comment; something around it must have room too. */
export const MARKDOWN_CHARS_MAX = 60_000;
/** What stands in sight; the rest of the effects is folded. */
const ROWS_IN_SIGHT = 12;
const EFFECTS_CHARS_MAX = 20_000;
const LINES_MAX = 50;

export interface Part {
  readonly target?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** The plan as GitHub-flavoured Markdown, ending in a line end; what does not fit is counted, and `otter plan` shows it. */
export function planMarkdown(
  plan: Plan,
  refusals: readonly Refusal[],
  { target = [], exclude = [] }: Part = {},
): string {
  const { add, change, destroy } = plan.summary;
  const options = [
    ...(target.length === 0 ? [] : [`--target ${inline(target.join(', '))}`]),
    ...(exclude.length === 0 ? [] : [`--exclude ${inline(exclude.join(', '))}`]),
  ];
  const only = options.length === 0 ? '' : ` (only ${options.join(' ')})`;
  const count =
    plan.changes.length === 0 ? 'No changes.' : `Plan: ${add} to add, ${change} to change, ${destroy} to destroy.`;
  const parts = [`### otter plan: ${inline(plan.topology)}\n\n**${count}**${only}\n`];
  parts.push(list('**Refused:**', refusals, ({ code, message }) => `${code}: ${inline(message)}`));
  parts.push(
    list(
      '**Cannot be undone:**',
      lostIn(plan),
      ({ address, irrevocable }) => `${code(address)}: ${inline(irrevocable!)}`,
    ),
  );
  parts.push(list('By the rules:', plan.findings, findingLine));
  parts.push(
    list(
      'Live and applied differ:',
      plan.drift,
      ({ address, message }) => `\`!\` ${code(address)}: ${inline(message)}`,
    ),
  );
  if (plan.changes.length > 0) {
    parts.push(effectTables(plan));
    parts.push(list('In all:', impactLines(plan.impact), inline));
    parts.push(list('**Note:**', plan.notes, inline));
    const end = `Serial ${plan.serial}, digest \`${plan.plan_digest}\`\n`;
    const room = MARKDOWN_CHARS_MAX - parts.join('\n').length - end.length;
    parts.push(attributes(plan, room), end);
  }
  return parts.filter((part) => part !== '').join('\n');
}

function lostIn({ changes }: Plan): readonly Change[] {
  return changes.filter(({ irrevocable }) => irrevocable !== null);
}

function findingLine(finding: Finding): string {
  const { severity, waived } = finding;
  const sign = waived !== null ? 'waived' : severity === 'error' ? '**error**' : severity;
  return `${sign} ${inline(findingWords(finding))}`;
}

function list<T>(head: string, items: readonly T[], line: (item: T) => string): string {
  if (items.length === 0) return '';
  const shown = items.slice(0, LINES_MAX).map((item) => `- ${cutLine(line(item))}\n`);
  const rest = items.length - shown.length;
  return `${head}\n\n${shown.join('')}${rest > 0 ? `- and ${rest} more\n` : ''}`;
}

/** A message may quote a value of any length; cut where no escape is cut in two. */
function cutLine(line: string): string {
  const most = 500;
  return line.length <= most ? line : `${line.slice(0, most).replace(/(&[a-z]*|\\)$/, '')}…`;
}

/** The gravest in sight, the others folded. */
function effectTables({ changes }: Plan): string {
  const rows = effectRows(changes);
  if (rows.length === 0) return '';
  const head = '| risk | object | what it does |\n| --- | --- | --- |\n';
  const fitting = within(rows, EFFECTS_CHARS_MAX);
  const rest = rows.length - fitting.length;
  const more = rest > 0 ? `\nand ${rest} more effects, which \`otter plan\` shows\n` : '';
  const [seen, folded] = [fitting.slice(0, ROWS_IN_SIGHT), fitting.slice(ROWS_IN_SIGHT)];
  if (folded.length === 0) return `${head}${seen.join('')}${more}`;
  const words = `${folded.length} more ${folded.length === 1 ? 'effect' : 'effects'}`;
  return `${head}${seen.join('')}\n<details><summary>${words}</summary>\n\n${head}${folded.join('')}${more}\n</details>\n`;
}

function within(texts: readonly string[], charsMax: number): readonly string[] {
  let left = charsMax;
  return texts.filter((text) => {
    left -= text.length;
    return left >= 0;
  });
}

function effectRows(changes: readonly Change[]): string[] {
  const all = changes.flatMap((change) =>
    change.effects.map((text, index) => ({ change, text, risk: change.effect_risks[index] ?? 'low' })),
  );
  return [...RISKS]
    .reverse()
    .flatMap((risk) => all.filter((one) => one.risk === risk))
    .map(({ change, text, risk }) => {
      const sign = risk === 'high' ? '**high**' : risk;
      return `| ${sign} | ${codeCell(`${symbolOf(change)} ${change.address}`)} | ${cutLine(inline(text))} |\n`;
    });
}

/** Whole objects, as many as there is room for. */
function attributes(plan: Plan, room: number): string {
  const texts = plan.changes.map((change) => diffText(change, plan.destroy));
  const frame = `<details><summary>Every attribute</summary>\n\n${fenced('', texts.join('\n'))}\n</details>\n`;
  const shown = within(
    texts.map((text) => `${text}\n`),
    Math.max(0, room - frame.length - 100),
  );
  const rest = texts.length - shown.length;
  const more = rest > 0 ? `\nand ${rest} more ${rest === 1 ? 'object' : 'objects'}, which \`otter plan\` shows\n` : '';
  const text = shown.join('').trimEnd();
  const head = rest > 0 ? `${shown.length} of ${texts.length} objects` : 'Every attribute';
  return `<details><summary>${head}</summary>\n\n${fenced(text, text)}${more}\n</details>\n`;
}

/** A change with each sign at the beginning of its line, where a diff has it. */
function diffText(change: Change, destroying: boolean): string {
  return changeLines(change, destroying)
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, indent, sign, rest] = /^( *)(\+|-\/\+|-|~)( .*)$/.exec(line) ?? [];
      if (sign === undefined) return line;
      // `!` is what a diff has for a changed line.
      return `${sign === '~' || sign === '-/+' ? '!' : sign}${indent}${sign === '-/+' ? ' -/+' : ''}${rest}`;
    })
    .join('\n')
    .concat('\n');
}

/** @param all a text whose backticks count too */
function fenced(text: string, all: string): string {
  const fence = '`'.repeat(Math.max(3, longestTicks(all) + 1));
  return `${fence}diff\n${text}\n${fence}\n`;
}

function longestTicks(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
}

/** Text in which nothing is markup. */
function inline(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/([\\`*_~[\]|@#!])/g, '\\$1');
}

function code(text: string): string {
  const plain = printable(text);
  const ticks = '`'.repeat(longestTicks(plain) + 1);
  return ticks.length === 1 ? `\`${plain}\`` : `${ticks} ${plain} ${ticks}`;
}

/**
 * Code in a table's cell. Cells are split before code is read, and there a backslash before a bar is ambiguous, so both
 * stand as entities, which backticks would show as they are.
 * Source: GitHub Flavored Markdown, section 4.10 (tables).
 */
function codeCell(text: string): string {
  const marked = printable(text).replaceAll(/[^\p{L}\p{N} .>/=,-]/gu, (sign) => `&#${sign.codePointAt(0)};`);
  return `<code>${marked}</code>`;
}
