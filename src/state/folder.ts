/** Folders made with those above them. Not by `recursive`, which never ends below one that takes no folders, as /proc. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** One that is there already is left as it is. @throws the error of the file system */
export function makeFolder(folder: string, mode = 0o777): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  }
}
