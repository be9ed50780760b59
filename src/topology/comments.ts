/** The comments of a YAML text, each with its place. */
import { Parser } from 'yaml';

export interface Comment {
  /** With the `#`. */
  readonly text: string;
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
}

/** In the order of the text. A text that is no YAML has those that the parser finds in it. */
export function commentsOf(text: string): Comment[] {
  const found: Comment[] = [];
  for (const token of new Parser().parse(text)) collect(token, found);
  return found.sort((a, b) => a.offset - b.offset);
}

/** A token holds others in many keys; all of them are plain objects and lists. */
function collect(token: unknown, found: Comment[]): void {
  const open: unknown[] = [token];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) open.push(...next);
    else if (typeof next === 'object' && next !== null) {
      const { type, source, offset } = next as { type?: unknown; source?: unknown; offset?: unknown };
      if (type === 'comment' && typeof source === 'string' && typeof offset === 'number')
        found.push({ text: source, offset });
      else open.push(...Object.values(next));
    }
  }
}
