/**
 * A plan as Markdown, for a comment on a pull request: the count and the effects in sight, the rest folded.
 *
 * Rule: whatever stands in a name or a value, it ends neither the table, nor the fence, nor the fold it stands in.
 */
import type { Change } from '../planner/change.ts';
import { RISKS } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import type { Refusal } from '../planner/refusal.ts';
import { renderPlan, symbolOf } from './text.ts';
import { printable } from './width.ts';

/** The plan as GitHub-flavoured Markdown, ending in a line end. */
export function planMarkdown(plan: Plan, refusals: readonly Refusal[], target: readonly string[] = []): string {
  const { add, change, destroy } = plan.summary;
  const only = target.length === 0 ? '' : ` (only --target ${inline(target.join(', '))})`;
  const count =
    plan.changes.length === 0 ? 'No changes.' : `Plan: ${add} to add, ${change} to change, ${destroy} to destroy.`;
  const parts = [`### otter plan: ${inline(plan.topology)}\n\n**${count}**${only}\n`];
  if (refusals.length > 0) {
    const lines = refusals.map(({ code, message }) => `- ${code}: ${inline(message)}\n`);
    parts.push(`**Refused:**\n\n${lines.join('')}`);
  }
  if (plan.drift.length > 0) {
    const lines = plan.drift.map(({ address, message }) => `- \`!\` ${code(address)}: ${inline(message)}\n`);
    parts.push(`Live and applied differ:\n\n${lines.join('')}`);
  }
  if (plan.changes.length > 0) {
    const effects = effectRows(plan.changes);
    if (effects.length > 0) parts.push(`| risk | object | what it does |\n| --- | --- | --- |\n${effects.join('')}`);
    parts.push(`<details><summary>Every attribute</summary>\n\n${fenced(diffText(plan))}\n</details>\n`);
    parts.push(`Serial ${plan.serial}, digest \`${plan.plan_digest}\`\n`);
  }
  return parts.join('\n');
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
      return `| ${sign} | ${codeCell(`${symbolOf(change)} ${change.address}`)} | ${inline(text)} |\n`;
    });
}

/** The plan's text with each sign at the beginning of its line, where a diff has it; effects are in the table. */
function diffText(plan: Plan): string {
  const silent = { ...plan, drift: [], changes: plan.changes.map((change) => ({ ...change, effects: [] })) };
  return renderPlan(silent, { colour: false })
    .split('\n')
    .slice(2, -3)
    .map((line) => {
      const [, indent, sign, rest] = /^( *)(\+|-\/\+|-|~)( .*)$/.exec(line) ?? [];
      if (sign === undefined) return line;
      // `!` is what a diff has for a changed line.
      return `${sign === '~' || sign === '-/+' ? '!' : sign}${indent}${sign === '-/+' ? ' -/+' : ''}${rest}`;
    })
    .join('\n');
}

function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestTicks(text) + 1));
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
