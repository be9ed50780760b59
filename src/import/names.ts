/** Names as a topology takes them (`[a-z][a-z0-9_-]{0,62}`), made of whatever something was called elsewhere. */

const LENGTH_MAX = 63;
const TAIL_MAX = 6;

/** Hands out each name once. */
export class Names {
  readonly #taken = new Set<string>();

  /** @param fallback where nothing of the text can stand in a name (it may be Chinese) */
  make(text: string, fallback: string): string {
    const base = slug(text) || slug(fallback) || 'x';
    let name = base;
    for (let n = 2; this.#taken.has(name); n += 1) name = `${base.slice(0, LENGTH_MAX - TAIL_MAX)}-${n}`;
    this.#taken.add(name);
    return name;
  }

  has(name: string): boolean {
    return this.#taken.has(name);
  }
}

/** Empty when nothing is left. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .replace(/-{2,}/g, '-')
    .slice(0, LENGTH_MAX)
    .replace(/[-_]+$/, '');
}

/** `HZ_PASSWORD` */
export function passwordVariable(database: string): string {
  return `${database.toUpperCase().replaceAll('-', '_')}_PASSWORD`;
}
