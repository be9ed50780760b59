/** Alerts for people: a line each, beneath it who was told and who was not; then what is over, and the receivers. */
import type { AlertJson, AlertsJson, PastJson, ToldJson } from '../model/alerts/alerts-json.ts';
import type { About } from '../model/alerts/records.ts';
import { saidDuration } from '../model/alerts/times.ts';
import { displayWidth, printable } from './width.ts';

const NAMED_MAX = 3;
const RECENT_MAX = 10;
const COLOURS = { quiet: 32, pending: 33, firing: 31, over: 33 } as const;

export function renderAlerts(
  { topology, judge, alerts, receivers, silences }: AlertsJson,
  { nowMs, colour }: { readonly nowMs: number; readonly colour: boolean },
): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  if (alerts.length === 0) return `No alert is applied in ${topology}. docs/alerts.md shows some.\n`;
  const by = judge === null ? paint(31, 'no node judges them: see `otter status`') : `judged by ${judge}`;
  const rows = alerts.map((one) => ({ one, cells: cellsOf(one, nowMs) }));
  const heads = ['ALERT', 'ON', 'STATE', 'FOR', 'WHAT'];
  const widths = widthsOf(
    heads,
    rows.map(({ cells }) => cells),
  );
  const lines = [`${paint(1, topology)}  ${by}`, '', paint(2, lineOf(heads, widths))];
  for (const { one, cells } of rows) {
    lines.push(one.state === 'quiet' ? lineOf(cells, widths) : paint(COLOURS[one.state], lineOf(cells, widths)));
    lines.push(...beneath(one, nowMs));
  }
  lines.push(...recent(alerts, paint));
  const other = silences.filter(({ address }) => !alerts.some(({ silenced }) => silenced?.address === address));
  if (other.length > 0)
    lines.push(
      '',
      ...other.map(
        ({ address, until, by: who, why }) =>
          `Silenced: ${address} until ${until} by ${printable(who)}, because ${printable(why)}`,
      ),
    );
  if (receivers.length > 0) {
    const table = receivers.map(({ name, kind, error }) => [
      name,
      kind,
      error === null ? '' : printable(`${error.code} ${error.message} (${error.alert})`),
    ]);
    const wide = widthsOf(['RECEIVER', 'KIND', ''], table);
    lines.push('', paint(2, lineOf(['RECEIVER', 'KIND', ''], wide)));
    lines.push(...table.map((cells) => (cells[2] === '' ? lineOf(cells, wide) : paint(31, lineOf(cells, wide)))));
  }
  return `${lines.join('\n')}\n`;
}

function cellsOf({ name, on, when, state, since, ended, about }: AlertJson, nowMs: number): string[] {
  const held = since === null ? '' : saidDuration((ended === null ? nowMs : Date.parse(ended)) - Date.parse(since));
  const what = state === 'quiet' ? when : aboutOf(about);
  return [name, on, state === 'firing' ? 'FIRING' : state, held, printable(what === '' ? when : what)];
}

function beneath({ silenced, told, does, state, notice, when }: AlertJson, nowMs: number): string[] {
  const lines: string[] = [];
  if (state !== 'quiet') lines.push(`when ${printable(when)}`);
  if (silenced !== null)
    lines.push(`silenced until ${silenced.until} by ${printable(silenced.by)}, because ${printable(silenced.why)}`);
  if (notice !== null) lines.push(...told.map((one) => toldLine(one, notice.number, nowMs)));
  if (does !== null && (does.done > 0 || state !== 'quiet'))
    lines.push(`${does.what}: ${does.done} of ${does.limit} within 24 hours`);
  return lines.map((line) => `    ${line}`);
}

function toldLine({ receiver, number, at, error, again }: ToldJson, newest: number, nowMs: number): string {
  if (error !== null) {
    const nextMs = again === null ? null : Date.parse(again) - nowMs;
    // It may be told at this very moment.
    const next = nextMs === null ? '' : nextMs <= 0 ? '; again now' : `; again in ${saidDuration(nextMs)}`;
    return printable(`${receiver} was not told: ${error.code} ${error.message}${next}`);
  }
  return number >= newest ? `${receiver} was told at ${at ?? ''}` : `${receiver} is being told`;
}

function recent(alerts: readonly AlertJson[], paint: (code: number, text: string) => string): string[] {
  const all = alerts
    .flatMap(({ name, past }) => past.map((one) => ({ name, one })))
    .sort((a, b) => (a.one.ended < b.one.ended ? 1 : -1))
    .slice(0, RECENT_MAX);
  if (all.length === 0) return [];
  const heads = ['RECENT', 'SINCE', 'FOR', 'NOTICES', 'WHAT'];
  const cells = all.map(({ name, one }) => pastCells(name, one));
  const widths = widthsOf(heads, cells);
  return ['', paint(2, lineOf(heads, widths)), ...cells.map((row) => lineOf(row, widths))];
}

function pastCells(name: string, { since, ended, notices, about, actions }: PastJson): string[] {
  const held = saidDuration(Date.parse(ended) - Date.parse(since));
  const acted = actions === 0 ? '' : ` (${actions} done by itself)`;
  return [name, since, held, String(notices), printable(`${aboutOf(about)}${acted}`)];
}

function aboutOf(about: readonly About[]): string {
  const said = about.slice(0, NAMED_MAX).map(({ name, says }) => (says === '' ? name : `${name}: ${says}`));
  return `${said.join('; ')}${about.length > NAMED_MAX ? `; and ${about.length - NAMED_MAX} more` : ''}`;
}

function widthsOf(heads: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return heads.map((head, i) => Math.max(head.length, ...rows.map((row) => displayWidth(row[i]!))));
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, i) => cell + ' '.repeat(Math.max(0, widths[i]! - displayWidth(cell))))
    .join('  ')
    .trimEnd();
}
