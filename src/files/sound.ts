/** Whether what another side tells can be believed in form: it becomes names and permissions here. Pure. */
import type { FileChange, FileVersion } from '../model/file-link.ts';
import { strange } from './strange.ts';

const HASH = /^[0-9a-f]{64}$/;
const ACTOR = /^[a-z][a-z0-9_-]{0,62}\.[0-9a-f]{1,32}$/;
const ACTORS_MAX = 10_000;

/** The change, with no more of permissions than a file may have. @throws OtterError OT8013 */
export function sound(change: FileChange): FileChange {
  const { path, seq, content, version } = change;
  if (typeof path !== 'string' || !isCount(seq) || !isVersion(version)) throw strange();
  if (content === null) return change;
  const { size, mtimeUs, mode, hash } = content;
  if (!isCount(size) || !Number.isSafeInteger(mtimeUs) || !isCount(mode) || !HASH.test(hash)) throw strange();
  return { ...change, content: { size, mtimeUs, mode: mode & 0o777, hash } };
}

function isVersion({ clock, dot }: FileVersion): boolean {
  const actors = Object.entries(clock);
  return (
    actors.length <= ACTORS_MAX &&
    actors.every(([actor, count]) => ACTOR.test(actor) && isCount(count)) &&
    ACTOR.test(dot.actor) &&
    isCount(dot.count)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
