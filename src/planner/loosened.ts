/** Whether limits and rules allow more than before, in words. */
import type { InertSpec } from '../model/topology.ts';

/** @param name `guards` or `rules`; `history` holds no plan back */
export function loosened(name: string, before: InertSpec, after: InertSpec | null): string[] {
  if (name === 'history') return [];
  return Object.keys(before).flatMap((key) => {
    const [was, is] = [before[key], after?.[key]];
    if (is === undefined) return [`\`${key}\` does not count any more`];
    const looser = name === 'guards' ? isWider(was, is) : isMilder(was, is);
    return looser ? [`\`${key}\` allows more`] : [];
  });
}

/** A part and a number are not comparable: that is another limit. */
function isWider(was: unknown, is: unknown): boolean {
  if (typeof was === 'boolean') return was && is !== true;
  if (typeof was !== typeof is) return true;
  return Number.parseFloat(String(is)) > Number.parseFloat(String(was));
}

const GRAVITY = ['off', 'warning', 'error'];

function isMilder(was: unknown, is: unknown): boolean {
  const [old, young] = [was, is] as InertSpec[];
  const gravity = (rule: InertSpec | undefined): number => GRAVITY.indexOf(String(rule?.['severity'] ?? 'warning'));
  return gravity(young) < gravity(old) || (old?.['when'] !== undefined && old['when'] !== young?.['when']);
}
