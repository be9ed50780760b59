/** `alerts` and `notify`: what is watched, conditions that can be read, times and zones that are, and who is told. */
import { parseCondition } from '../model/alerts/condition.ts';
import type { Watched } from '../model/alerts/facts.ts';
import { durationMs, isZone, minutesOf } from '../model/alerts/times.ts';
import { ConditionProblem } from '../model/alerts/words.ts';
import type { AlertSpec, EmailSpec } from '../model/topology.ts';
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';

const SECTION_OF = { channel: 'channels', database: 'databases', node: 'nodes', files: 'files' } as const;

export function checkAlerts(checked: Checked): void {
  const { topology, report, refer } = checked;
  for (const [name, alert] of Object.entries(topology.alert)) {
    const base: Path = ['alerts', name];
    const watched = (Object.keys(SECTION_OF) as Watched[]).filter((key) => alert[key] !== undefined);
    for (const key of watched)
      refer(SECTION_OF[key], key === 'files' ? 'file set' : key, String(alert[key]), [...base, key]);
    if (watched.length !== 1) {
      const summary = `\`alerts.${name}\` wants exactly one of \`channel\`, \`database\`, \`node\` and \`files\``;
      report({ code: 'OT1015', summary, path: watched.length === 0 ? base : [...base, watched[1]!], at: 'key' });
    } else {
      checkWhen(checked, alert, watched[0]!, base);
      checkDo(checked, alert, watched[0]!, base);
    }
    checkTimes(checked, alert, base);
    alert.notify.forEach((receiver, i) => {
      refer('notify', 'receiver', receiver, [...base, 'notify', i]);
    });
    if (watched.length !== 1 || alert.notify.length > 0 || alert.do !== undefined) continue;
    const summary = `alert \`${name}\` tells nobody and does nothing`;
    const detail = 'It is only seen with `otter alerts`. Name a receiver: `notify: [ops]`.';
    report({ code: 'OT1084', severity: 'warning', summary, detail, path: base, at: 'key' });
  }
  checkReceivers(checked);
}

function checkWhen({ report }: Checked, { when }: AlertSpec, watched: Watched, base: Path): void {
  try {
    parseCondition(when, watched);
  } catch (error) {
    if (!(error instanceof ConditionProblem)) throw error;
    const { at, end, instead, message } = error;
    const detail = '`docs/alerts.md` lists what can be asked.';
    const facts = { code: 'OT1082', summary: `\`when\`: ${message}`, detail, path: [...base, 'when'] } as const;
    report({ ...facts, at: 'value', part: { at, end }, instead });
  }
}

function checkDo({ report }: Checked, alert: AlertSpec, watched: Watched, base: Path): void {
  if (alert.do !== undefined && watched !== 'channel') {
    const summary = `\`do: ${alert.do}\` is for channels, and this alert watches a ${watched === 'files' ? 'file set' : watched}`;
    report({ code: 'OT1083', summary, path: [...base, 'do'], at: 'key' });
  }
  if (alert.do === undefined && alert.limit !== undefined) {
    const summary = '`limit` says how often `do` is done, and there is no `do`';
    report({ code: 'OT1083', summary, path: [...base, 'limit'], at: 'key' });
  }
}

function checkTimes({ report }: Checked, alert: AlertSpec, base: Path): void {
  const { between, zone, repeat } = alert;
  if (repeat !== undefined && durationMs(repeat) === 0) {
    const summary = '`repeat: 0s` would never stop telling';
    const detail = 'Leave it out to tell once, or write a time like `30m`.';
    report({ code: 'OT1083', summary, detail, path: [...base, 'repeat'], at: 'value' });
  }
  for (const [i, hours] of (between ?? []).entries()) {
    const [from, to] = minutesOf(hours);
    if (from !== to && to <= 24 * 60) continue;
    const summary = from === to ? `\`${hours}\` begins where it ends` : `\`${hours}\` ends after midnight`;
    const detail = 'Leave `between` out for always; `22:00-06:00` goes over midnight.';
    report({ code: 'OT1083', summary, detail, path: [...base, 'between', i], at: 'value' });
  }
  if (zone !== undefined && !isZone(zone)) {
    const detail = 'Write a name of the IANA data base, like `Asia/Shanghai` or `UTC`.';
    report({ code: 'OT1083', summary: `\`${zone}\` is no time zone`, detail, path: [...base, 'zone'], at: 'value' });
  }
  if (zone !== undefined && between === undefined) {
    const summary = '`zone` says where `between` is meant, and there is no `between`';
    report({ code: 'OT1083', summary, path: [...base, 'zone'], at: 'key' });
  }
}

function checkReceivers({ topology, report }: Checked): void {
  for (const [name, receiver] of Object.entries(topology.notify)) {
    if (!('email' in receiver)) continue;
    const path: Path = ['notify', name, 'email'];
    const { user, password }: EmailSpec = receiver.email;
    if ((user === undefined) === (password === undefined)) continue;
    const missing = user === undefined ? 'user' : 'password';
    const summary = `\`notify.${name}.email\` has no \`${missing}\`, so it cannot log in`;
    report({ code: 'OT1085', summary, path, at: 'key' });
  }
}
