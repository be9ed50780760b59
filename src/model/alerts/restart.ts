/** The pause of a pipeline that an alert restarts, as the one who makes it and those who see it know it. */

export const RESTARTED_BY = 'otter';

export function restartReason(alert: string): string {
  return `alert ${alert} restarts it`;
}

export const RESTART_REASON = /^alert \S+ restarts it$/;
