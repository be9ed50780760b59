/** Names of columns, which servers compare without regard to capitals, and so does a topology. */

export function isAmong(names: Iterable<string>, name: string): boolean {
  const small = name.toLowerCase();
  for (const each of names) if (each.toLowerCase() === small) return true;
  return false;
}
