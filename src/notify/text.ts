/** A notice as people read it: its subject, and its lines. */
import type { Notice } from '../model/alerts/notice.ts';

const SIGNS = { firing: 'FIRING', repeat: 'STILL FIRING', recovered: 'OVER', test: 'TEST' } as const;

const LISTED_MAX = 20;

/** One line. */
export function subjectOf({ kind, topology, summary }: Notice): string {
  return `[otter ${topology}] ${SIGNS[kind]} ${summary}`;
}

export function linesOf(notice: Notice): string[] {
  const { summary, on, when, about, since, ended, action, actions, alert, node, incident, number, kind } = notice;
  return [
    `${SIGNS[kind]}: ${summary}`,
    '',
    ...about.slice(0, LISTED_MAX).map(({ name, says }) => `  ${name}${says === '' ? '' : `: ${says}`}`),
    ...(about.length > LISTED_MAX ? [`  and ${about.length - LISTED_MAX} more`] : []),
    ...(about.length === 0 ? [] : ['']),
    ...(when === '' ? [] : [`Alert ${alert} watches ${on}: ${when}`]),
    `Since ${since}${ended === null ? '' : `, over at ${ended}`}`,
    ...(action === null || actions === 0
      ? []
      : [`Otter did by itself: ${action}, ${actions} ${actions === 1 ? 'time' : 'times'}`]),
    `Notice ${number} of ${incident}, from node ${node}`,
  ];
}
