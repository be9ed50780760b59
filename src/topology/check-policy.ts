/** `rules` and `moved`: codes that exist, conditions that can be read, days that are days, names that lead somewhere. */
import { CODES } from '../model/codes.ts';
import { ExpressionProblem } from '../model/expression-words.ts';
import { RENAMABLE } from '../model/kept-names.ts';
import { didYouMean, nearest, onlyNearest } from '../model/suggest.ts';
import { factCondition } from '../replication/expression/facts.ts';
import type { Checked } from './checked.ts';
import { SECTIONS } from './resolve.ts';
import type { Path } from './tree.ts';

interface Rule {
  readonly severity?: string;
  readonly when?: string;
  readonly message?: string;
  readonly on?: string;
  readonly waive?: readonly { readonly for: string; readonly until: string }[];
}

export function checkPolicy(checked: Checked): void {
  const rules = (checked.topology.policy['rules'] ?? {}) as Readonly<Record<string, Rule>>;
  for (const [name, rule] of Object.entries(rules)) {
    if (/^OT\d{4}$/.test(name)) checkCode(checked, name, rule);
    else checkRule(checked, name, rule);
    for (const [i, { until }] of (rule.waive ?? []).entries()) {
      if (isDay(until)) continue;
      const path: Path = ['rules', name, 'waive', i, 'until'];
      checked.report({ code: 'OT1080', summary: `\`${until}\` is no day`, path, at: 'value' });
    }
  }
  checkMoved(checked);
}

function checkCode(checked: Checked, code: string, rule: Rule): void {
  const { report } = checked;
  const path: Path = ['rules', code];
  if (!Object.hasOwn(CODES, code)) {
    const near = nearest(code, Object.keys(CODES));
    const detail = `${near === null ? '' : `Did you mean \`${near}\`? `}\`otter explain\` lists all.`;
    report({ code: 'OT1080', summary: `no finding has the code \`${code}\``, detail, path, at: 'key' });
  }
  for (const key of ['when', 'on', 'message'] as const) {
    // With `when` the default of `on` is filled in.
    if (rule[key] === undefined || (key === 'on' && rule.when !== undefined)) continue;
    const detail = 'A rule of your own has a name, like `no-copies`.';
    report({
      code: 'OT1080',
      summary: `\`${key}\` does not belong to a finding's code`,
      detail,
      path: [...path, key],
      at: 'key',
    });
  }
  if (rule.waive !== undefined && !isWaivable(code)) {
    const detail =
      'Only warnings of `otter validate`, and what is found in a plan (OT21xx), can be waived for an object.';
    report({ code: 'OT1080', summary: `\`${code}\` cannot be waived`, detail, path: [...path, 'waive'], at: 'key' });
  }
  // A plan is also about what goes; what is found in the files is about what they declare.
  if (!code.startsWith('OT21')) checkWaived(checked, code, rule);
  if (Object.keys(rule).length === 0)
    report({
      code: 'OT1080',
      summary: `\`rules.${code}\` says nothing`,
      detail: 'Say `severity` or `waive`.',
      path,
      at: 'key',
    });
}

/** What is found in the files, in the databases, or in a plan. */
function isWaivable(code: string): boolean {
  return /^OT(?:1|21|3020|4|5)/.test(code);
}

function checkWaived({ report, names }: Checked, code: string, { waive = [] }: Rule): void {
  const declared = Object.entries(SECTIONS).flatMap(([kind, section]) =>
    names(section).map((name) => `${kind}.${name}`),
  );
  for (const [i, waiver] of waive.entries()) {
    if (declared.includes(waiver.for) || /^policy\.(?:guards|rules|history)$/.test(waiver.for)) continue;
    const near = nearest(waiver.for, declared);
    const detail = near === null ? 'Addresses look like `channel.shop`.' : `Did you mean \`${near}\`?`;
    report({
      code: 'OT1080',
      summary: `\`${waiver.for}\` is not declared`,
      detail,
      path: ['rules', code, 'waive', i, 'for'],
      at: 'value',
      instead: onlyNearest(waiver.for, declared),
    });
  }
}

function checkRule({ report }: Checked, name: string, { when, message }: Rule): void {
  const path: Path = ['rules', name];
  for (const [key, value] of Object.entries({ when, message })) {
    if (value !== undefined) continue;
    report({ code: 'OT1080', summary: `\`rules.${name}\` has no \`${key}\``, path, at: 'key' });
  }
  if (when === undefined) return;
  try {
    factCondition(when);
  } catch (error) {
    if (!(error instanceof ExpressionProblem)) throw error;
    const { at, end } = error;
    const facts = { code: 'OT1080' as const, summary: `\`when\` of \`rules.${name}\`: ${error.message}` };
    report({ ...facts, path: [...path, 'when'], at: 'value', part: { at, end } });
  }
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function checkMoved({ topology, report, names, broken }: Checked): void {
  const moves = topology.moved ?? [];
  const next = new Map(moves.map(({ from, to }) => [from, to]));
  const seen = new Set<string>();
  for (const [i, { from, to }] of moves.entries()) {
    const path: Path = ['moved', i];
    const [kind, name] = partsOf(to);
    const told = (summary: string, detail: string, severity: 'error' | 'warning' = 'error'): void =>
      report({ code: 'OT1081', severity, summary, detail, path, at: 'key' });
    if (kind === null || partsOf(from)[0] === null) {
      told(`\`${kind === null ? to : from}\` is no address`, 'Addresses look like `channel.shop` and `database.hz`.');
    } else if (partsOf(from)[0] !== kind) {
      told(`${from} cannot become ${to}`, 'An object keeps its kind.');
    } else if (seen.has(from)) {
      told(`\`moved\` says twice what ${from} is called now`, '');
    } else if (leadsBack(from, next)) {
      told(
        `the new names of ${from} lead back to it`,
        'Names are exchanged in two plans, with a third name in between.',
      );
    } else if (!(RENAMABLE as readonly string[]).includes(kind)) {
      const detail = `A ${kind} has no position that a new name could lose: it is destroyed and created.`;
      told(`\`moved\` does nothing for ${from}`, detail, 'warning');
    } else if (!names(SECTIONS[kind]).includes(name) && !next.has(to) && !broken.has(SECTIONS[kind])) {
      const detail =
        `${didYouMean(name, names(SECTIONS[kind]))} An entry whose object is gone can be taken out.`.trim();
      told(`\`moved\` leads to ${to}, which is not declared`, detail, 'warning');
    }
    seen.add(from);
  }
}

function partsOf(address: string): [keyof typeof SECTIONS | null, string] {
  const [, kind, name] = /^([a-z]+)\.([a-z][a-z0-9_-]{0,62})$/.exec(address) ?? [];
  return kind !== undefined && Object.hasOwn(SECTIONS, kind) ? [kind as keyof typeof SECTIONS, name!] : [null, ''];
}

function leadsBack(from: string, next: ReadonlyMap<string, string>): boolean {
  const seen = new Set<string>();
  for (let at = next.get(from); at !== undefined && !seen.has(at); at = next.get(at)) {
    if (at === from) return true;
    seen.add(at);
  }
  return false;
}
