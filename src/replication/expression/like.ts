/** LIKE: `%` any characters, `_` one. Letters are compared as they are. Time grows with text times pattern, never faster. */

const ANY = 0;
const ONE = 1;

type Part = string | typeof ANY | typeof ONE;

export function likePattern(pattern: string, by: string): (text: string) => boolean {
  const parts: Part[] = [];
  let escaped = false;
  for (const letter of pattern) {
    if (!escaped && letter === by) escaped = true;
    else {
      parts.push(escaped || (letter !== '%' && letter !== '_') ? letter : letter === '%' ? ANY : ONE);
      escaped = false;
    }
  }
  if (escaped) parts.push(by);
  return (text) => matches([...text], parts);
}

/** Whatever went wrong after the last `%` begins again one letter later: earlier ones need no second look. */
function matches(text: readonly string[], parts: readonly Part[]): boolean {
  let [at, part, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = parts[part];
    if (wanted === ANY) {
      star = part;
      resume = at;
      part += 1;
    } else if (wanted !== undefined && (wanted === ONE || wanted === text[at])) {
      at += 1;
      part += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      part = star + 1;
    } else return false;
  }
  while (parts[part] === ANY) part += 1;
  return part === parts.length;
}
