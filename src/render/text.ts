/**
 * A plan as text, in the shape that Terraform made known: symbols, a line per attribute, a count. Beyond that, what each
 * change does, gravest first.
 *
 * Rule: whatever stands in a name or a value, what is printed is one line per line and moves no cursor.
 */
import type { AttributeChange, Change, Risk } from '../planner/change.ts';
import { RISKS } from '../planner/change.ts';
import type { Finding } from '../planner/finding.ts';
import type { Plan } from '../planner/plan.ts';
import { impactLines } from './impact.ts';
import { displayWidth, printable } from './width.ts';

export interface PlanView {
  /** Escape sequences for colour. */
  readonly colour: boolean;
  /** What alone was planned for; empty or left out for everything. */
  readonly target?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

const PAINT = {
  '+': '\u001b[32m',
  '-': '\u001b[31m',
  '~': '\u001b[33m',
  '-/+': '\u001b[31m',
  '!': '\u001b[35m',
  bold: '\u001b[1m',
  dim: '\u001b[2m',
  high: '\u001b[1;31m',
  medium: '\u001b[33m',
  low: '\u001b[2m',
} as const;

type Symbol = '+' | '-' | '~' | '-/+';
type Paint = (kind: keyof typeof PAINT, text: string) => string;

const VALUE_WIDTH_MAX = 100;

/** The plan as text, ending in a line end. */
export function renderPlan(plan: Plan, { colour, target = [], exclude = [] }: PlanView): string {
  const paint = painter(colour);
  const blocks: string[] = [];
  if (plan.drift.length > 0) blocks.push(driftText(plan, paint));
  if (plan.changes.length === 0) {
    const declared = plan.destroy ? 'there is nothing to destroy' : 'what is applied is what the topology declares';
    const serial = plan.serial === 0 ? '' : ` (serial ${plan.serial})`;
    const only = partWords(target, exclude);
    blocks.push(`${paint('bold', 'No changes.')} ${plan.topology}${serial}: ${declared}${only}.\n`);
    return blocks.join('\n');
  }
  blocks.push(`otter will do this to topology ${paint('bold', plan.topology)} (serial ${plan.serial}):\n`);
  for (const change of plan.changes) blocks.push(changeText(change, plan.destroy, paint));
  blocks.push(...[effectsText, lostText, findingsText].map((text) => text(plan, paint)).filter((text) => text !== ''));
  for (const note of plan.notes) blocks.push(`${paint('bold', 'Note:')} ${printable(note)}\n`);
  const { add, change, destroy } = plan.summary;
  const all = impactLines(plan.impact).map((line) => `  ${printable(line)}\n`);
  if (all.length > 0) blocks.push(`In all:\n\n${all.join('')}`);
  blocks.push(`${paint('bold', 'Plan:')} ${add} to add, ${change} to change, ${destroy} to destroy.\n`);
  return blocks.join('\n');
}

function partWords(target: readonly string[], exclude: readonly string[]): string {
  const words = [
    ...(target.length === 0 ? [] : [`--target ${target.join(', ')}`]),
    ...(exclude.length === 0 ? [] : [`--exclude ${exclude.join(', ')}`]),
  ];
  return words.length === 0
    ? ''
    : `, as far as ${printable(words.join(' and '))} ${words.length === 1 ? 'goes' : 'go'}`;
}

/** One change with its attributes, as it stands in the plan. */
export function changeLines(change: Change, destroying: boolean): string {
  return changeText(change, destroying, painter(false));
}

/** What nodes report that is not as it was applied, and nothing else. */
export function renderDrift(plan: Plan, { colour }: PlanView): string {
  if (plan.drift.length > 0) return driftText(plan, painter(colour));
  return plan.serial === 0
    ? `${plan.topology} was never applied: there is nothing to compare.\n`
    : `${plan.topology} (serial ${plan.serial}): what nodes report is as it was applied.\n`;
}

function painter(colour: boolean): Paint {
  return (kind, text) => (colour ? `${PAINT[kind]}${text}\u001b[0m` : text);
}

function driftText({ drift }: Plan, paint: Paint): string {
  const lines = drift.map(({ address, message }) => `  ${paint('!', '!')} ${printable(`${address}: ${message}`)}\n`);
  return `Live and applied differ (apply does not change this):\n\n${lines.join('')}`;
}

const DONE = { '+': 'created', '-': 'destroyed', '~': 'changed', '-/+': 'replaced' } as const;

function changeText(change: Change, destroying: boolean, paint: Paint): string {
  const symbol = symbolOf(change);
  const place = change.source === null ? '' : `  # ${change.source.file}:${change.source.line}`;
  const { moved_from: old, attributes } = change;
  const done =
    old === null
      ? DONE[symbol]
      : attributes.length === 1
        ? `renamed from ${old}`
        : `${DONE[symbol]}, renamed from ${old}`;
  const head = `${paint('bold', printable(change.address))} will be ${printable(done)}${paint('dim', printable(place))}`;
  const lines = [`${symbol === '-/+' ? '' : '  '}${paint(symbol, symbol)} ${head}\n`];
  if (symbol === '-/+') lines.push(`      because ${printable(change.reason)}\n`);
  else if (symbol === '-' && !destroying) lines.push(`      because it is ${printable(change.reason)}\n`);
  // Of what goes, the address says enough.
  if (symbol === '-') return lines.join('');
  const width = Math.max(0, ...change.attributes.filter(isPlain).map(({ path }) => displayWidth(printable(path))));
  for (const attribute of change.attributes) lines.push(attributeLine(attribute, width, paint));
  return lines.join('');
}

/** An added or removed table is its path and no more. */
function isPlain({ path, before, after }: AttributeChange): boolean {
  return !(path.startsWith('tables[') && path.endsWith(']') && typeof (before ?? after) === 'string');
}

function attributeLine(attribute: AttributeChange, width: number, paint: Paint): string {
  const { action, before, after } = attribute;
  const symbol = action === 'add' ? '+' : action === 'remove' ? '-' : '~';
  const path = printable(attribute.path);
  const sign = `      ${paint(symbol, symbol)} `;
  if (!isPlain(attribute)) return `${sign}${path}\n`;
  const label = path + ' '.repeat(Math.max(0, width - displayWidth(path)));
  switch (action) {
    case 'add':
      return `${sign}${label} = ${valueText(after)}\n`;
    case 'remove':
      return `${sign}${label} = ${valueText(before)}\n`;
    case 'change':
      return `${sign}${label} = ${valueText(before)} -> ${valueText(after)}\n`;
    default:
      return action satisfies never;
  }
}

/** A value in a line, as one would write it in YAML. */
export function valueText(value: unknown): string {
  const text = printable(typeof value === 'string' ? JSON.stringify(value) : plain(value));
  return text.length > VALUE_WIDTH_MAX ? `${[...text].slice(0, VALUE_WIDTH_MAX - 1).join('')}…` : text;
}

/** As one would write it in a line of YAML. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, one]) => one !== null);
    return pairs.length === 0 ? '{}' : `{ ${pairs.map(([key, one]) => `${key}: ${plain(one)}`).join(', ')} }`;
  }
  return String(value);
}

export function symbolOf({ actions }: Change): Symbol {
  if (actions.length > 1) return '-/+';
  return actions[0] === 'create' ? '+' : actions[0] === 'delete' ? '-' : '~';
}

function effectsText({ changes }: Plan, paint: Paint): string {
  const all = changes.flatMap(({ address, effects, effect_risks }) =>
    effects.map((text, index) => ({ address, text, risk: effect_risks[index] ?? ('low' as Risk) })),
  );
  if (all.length === 0) return '';
  const lines = [...RISKS]
    .reverse()
    .flatMap((risk) =>
      all
        .filter((effect) => effect.risk === risk)
        .map(({ address, text }) => `  ${paint(risk, risk.padEnd(6))}  ${printable(`${address}: ${text}`)}\n`),
    );
  return `What it does, by risk:\n\n${lines.join('')}`;
}

/** What no other plan brings back. */
function lostText({ changes }: Plan, paint: Paint): string {
  const lines = changes.flatMap(({ address, irrevocable }) =>
    irrevocable === null ? [] : [`  ${paint('high', printable(`${address}: ${irrevocable}`))}\n`],
  );
  return lines.length === 0 ? '' : `Cannot be undone:\n\n${lines.join('')}`;
}

function findingsText({ findings }: Plan, paint: Paint): string {
  const order = [...findings].sort((a, b) => rankOf(a) - rankOf(b));
  const lines = order.map((finding) => {
    const word = finding.waived === null ? finding.severity : 'waived';
    const sign = paint(word === 'error' ? 'high' : word === 'warning' ? 'medium' : 'low', word.padEnd(7));
    return `  ${sign}  ${printable(findingWords(finding))}\n`;
  });
  return lines.length === 0 ? '' : `By the rules:\n\n${lines.join('')}`;
}

function rankOf({ severity, waived }: Finding): number {
  return waived !== null ? 2 : severity === 'error' ? 0 : 1;
}

export function findingWords({ code, rule, address, message, waived, lapsed }: Finding): string {
  const until = waived === null ? '' : ` (waived until ${waived.until}: ${waived.reason})`;
  const over = lapsed === null ? '' : ` (its waiver ended on ${lapsed})`;
  return `${rule === null ? code : `${code} ${rule}`}  ${address}: ${message}${until}${over}`;
}
