/** Incidents in words: the notice that receivers get, and its subject and text where people read it. */
import type { Notice } from '../../model/alerts/notice.ts';
import type { About, Incident, NoticeKind } from '../../model/alerts/records.ts';
import { saidDuration } from '../../model/alerts/times.ts';
import type { Rule } from './step.ts';

export interface Sender {
  readonly topology: string;
  readonly node: string;
}

/** The newest notice of an incident that has one. */
export function noticeOf(rule: Rule, incident: Incident, { topology, node }: Sender): Notice {
  const { id, sinceMs, firedMs, endedMs, about, notice, actions } = incident;
  return {
    version: 1,
    topology,
    alert: rule.name,
    kind: notice!.kind,
    incident: id,
    number: notice!.number,
    summary: summaryOf(rule, notice!.kind, about, (endedMs ?? notice!.atMs) - sinceMs),
    on: `${rule.watched}.${rule.target}`,
    when: rule.spec.when,
    about,
    since: iso(sinceMs),
    fired: iso(firedMs!),
    ended: endedMs === null ? null : iso(endedMs),
    at: iso(notice!.atMs),
    action: rule.spec.do ?? null,
    actions,
    node,
  };
}

/** One that says that it is none: to see whether notices arrive. */
export function trialNotice(id: string, rule: Rule | null, nowMs: number, { topology, node }: Sender): Notice {
  const now = iso(nowMs);
  return {
    version: 1,
    topology,
    alert: rule?.name ?? 'test',
    kind: 'test',
    incident: `test-${id}`,
    number: 1,
    summary: `a test of otter's notices of ${topology}: nothing has happened`,
    on: rule === null ? `topology.${topology}` : `${rule.watched}.${rule.target}`,
    when: rule?.spec.when ?? '',
    about: [],
    since: now,
    fired: now,
    ended: null,
    at: now,
    action: rule?.spec.do ?? null,
    actions: 0,
    node,
  };
}

const NAMED_MAX = 3;

function summaryOf(rule: Rule, kind: NoticeKind, about: readonly About[], lastedMs: number): string {
  const { name, watched, target } = rule;
  const [lasted, own] = [saidDuration(lastedMs), `${watched} ${target}`];
  if (kind === 'recovered') return `${name} is over: it held for ${lasted} (${namesOf(about, own)})`;
  const still = kind === 'repeat' ? `, still, for ${lasted}` : lastedMs < 1000 ? '' : `, for ${lasted}`;
  return `${name}: ${about.length === 0 ? own : listOf(about)}${still}`;
}

function listOf(about: readonly About[]): string {
  const said = about.slice(0, NAMED_MAX).map(({ name, says }) => (says === '' ? name : `${name}: ${says}`));
  return `${said.join('; ')}${about.length > NAMED_MAX ? `; and ${about.length - NAMED_MAX} more` : ''}`;
}

function namesOf(about: readonly About[], own: string): string {
  const names = about.slice(0, NAMED_MAX).map(({ name }) => name);
  if (names.length === 0) return own;
  return `${names.join(', ')}${about.length > NAMED_MAX ? ` and ${about.length - NAMED_MAX} more` : ''}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
