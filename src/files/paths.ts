/**
 * Paths below a root, as bytes: which of them otter touches, and what it calls what it makes itself. Pure.
 *
 * Rule: a path that comes from elsewhere is looked at by `faultOf` before anything is done with it.
 */
import picomatch from 'picomatch';
import type { BytePath } from '../model/file-link.ts';

/** Otter's own directory in every root. */
export const OWN_DIRECTORY = '.otter';

/** What file systems take; a whole path may be longer, since directories are opened one by one. */
const NAME_BYTES_MAX = 255;
const PATH_BYTES_MAX = 64 << 10;

/** Why a path cannot be one below a root, or null. */
export function faultOf(path: BytePath): string | null {
  if (path === '') return 'it is empty';
  if (path.length > PATH_BYTES_MAX) return 'it is longer than 64 KiB';
  if (path.startsWith('/')) return 'it begins at the root of the file system';
  if (/[\u0000\u0100-\uffff]/.test(path)) return 'it has a byte that no name has';
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..') return `it has a part \`${name}\``;
    if (name.length > NAME_BYTES_MAX) return `a part of it is longer than ${NAME_BYTES_MAX} bytes`;
  }
  return isOwn(path) ? 'it is otter’s own' : null;
}

/** Behind every name that there can be. */
export const LAST_NAME: BytePath = '\u00ff'.repeat(NAME_BYTES_MAX + 1);

/** Also that of a root below this one. */
export function isOwn(path: BytePath): boolean {
  return OWN.test(path);
}

const OWN = /(?:^|\/)\.otter(?:\/|$)/;

/** For people, and for patterns: bytes that are no UTF-8 become U+FFFD. */
export function shownPath(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

export function bytePath(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function bytesOf(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Directory and name; the directory of the root itself is ``. */
export function split(path: BytePath): { readonly directory: BytePath; readonly name: BytePath } {
  const slash = path.lastIndexOf('/');
  return { directory: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

export function join(directory: BytePath, name: BytePath): BytePath {
  return directory === '' ? name : `${directory}/${name}`;
}

/** `name.conflict-REGION-TIME` beside it, cut where a name would be too long. */
export function besideName(path: BytePath, region: string, at: Date): BytePath {
  const { directory, name } = split(path);
  const time = at.toISOString().replaceAll(/[-:]/g, '').replace('.', '');
  const end = `.conflict-${region}-${time}`;
  return join(directory, name.slice(0, NAME_BYTES_MAX - end.length) + end);
}

/** Which files of a root belong to a set. */
export interface Selection {
  has(path: BytePath): boolean;
  /** Whether nothing below a directory belongs to it. */
  leavesOut(directory: BytePath): boolean;
}

/** @param watch patterns; null: every file */
export function selection(watch: readonly string[] | null, exclude: readonly string[]): Selection {
  const options = { dot: true };
  const wanted = watch === null ? () => true : picomatch([...watch], options);
  const unwanted = exclude.length === 0 ? () => false : picomatch([...exclude], options);
  return {
    has: (path) => {
      const shown = shownPath(path);
      return !isOwn(path) && wanted(shown) && !unwanted(shown);
    },
    leavesOut: (directory) => isOwn(directory) || unwanted(shownPath(directory)),
  };
}
