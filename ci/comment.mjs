/**
 * The one comment of a pull request: how it is found again, what it says, and how it is made to fit.
 *
 * Rules: the comment ends below the host's limit, cut between objects and never within one, with the count of what is not shown;
 * no value of a variable that is named like a secret is in it.
 */

/** @typedef {{ topology: string, text: string, digest: string | null, commit: string, link: string | null, limit: number }} Wanted */

/** First line of the comment of a topology; people do not see it. */
export function marker(topology) {
  return `<!-- otter: the plan of ${topology} -->`;
}

/** The digest that a comment vouches for, or null. Only its second line counts: what follows quotes the files. */
export function digestIn(body) {
  return /^<!--[^\n]*-->\r?\n<!-- otter: digest ([0-9a-f]{64}) -->\r?\n/.exec(body)?.[1] ?? null;
}

/** @param {Wanted} wanted @returns {string} */
export function comment({ topology, text, digest, commit, link, limit }) {
  const head = `${marker(topology)}\n${digest === null ? '' : `<!-- otter: digest ${digest} -->\n`}`;
  const whole = link === null ? '' : ` [The whole output](${link}).`;
  const foot = `\n<sub>For commit ${commit.slice(0, 12)}.${whole}</sub>\n`;
  return `${head}${fitted(text, limit - head.length - foot.length)}${foot}`;
}

/**
 * Markdown of `otter plan`, shortened: first objects of the folded diff from its end, then lines of the table of effects, which
 * has the gravest first. What is left when that is not enough is the part in sight.
 */
export function fitted(markdown, limit) {
  if (markdown.length <= limit) return markdown;
  const { before, objects, after } = parted(markdown);
  let cut = build(before, objects, after, 0);
  for (let gone = 1; gone <= objects.length; gone += 1) {
    cut = build(before, objects, after, gone);
    if (cut.length <= limit) return cut;
  }
  const lines = cut.split('\n');
  for (let last = lines.length - 1, gone = 0; last >= 0; last -= 1) {
    if (!/^\| .* \|$/.test(lines[last]) || /^\| (-+|risk) \|/.test(lines[last])) continue;
    lines.splice(last, 1);
    gone += 1;
    const shorter = `${lines.join('\n')}\n${gone} ${gone === 1 ? 'effect is' : 'effects are'} not shown, none graver than those that are.\n`;
    if (shorter.length <= limit) return shorter;
  }
  const note = '\nThe rest is too long for a comment.\n';
  // Whole lines, and of a fold or fence nothing at all.
  const plain = markdown.split(/^(?:<details>|```|\| risk )/m)[0].split('\n');
  while (plain.length > 0 && plain.join('\n').length + note.length > limit) plain.pop();
  return plain.join('\n') + note;
}

/** The fence of the diff, and the objects between its ends. */
function parted(markdown) {
  const [, open] = /^(`{3,})diff$/m.exec(markdown) ?? [];
  if (open === undefined) return { before: markdown, objects: [], after: '' };
  const start = markdown.indexOf(`${open}diff\n`) + open.length + 5;
  const end = markdown.indexOf(`\n${open}\n`, start);
  const objects = [];
  for (const line of markdown.slice(start, end).split('\n')) {
    // A sign and an address: what follows until the next belongs to it.
    if (objects.length === 0 || /^[-+!] .* will be (created|changed|destroyed|replaced)\b/.test(line))
      objects.push([line]);
    else objects.at(-1).push(line);
  }
  return {
    before: markdown.slice(0, start),
    objects: objects.map((lines) => lines.join('\n')),
    after: markdown.slice(end + 1),
  };
}

function build(before, objects, after, gone) {
  if (gone === 0) return `${before}${objects.join('\n')}\n${after}`;
  const note = `# ${gone} more ${gone === 1 ? 'object is' : 'objects are'} not shown`;
  return `${before}${[...objects.slice(0, objects.length - gone), note].join('\n')}\n${after}`;
}

const SECRET_NAME = /(PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|(^|_)KEY|_PW(_|$))/i;
/** Shorter ones would take ordinary words away. */
const SECRET_CHARS_MIN = 6;

/** What variables of the environment that are named like secrets hold is not said, whatever said it. */
export function withoutSecrets(text, env) {
  const secrets = Object.entries(env)
    .filter(([name, value]) => SECRET_NAME.test(name) && (value ?? '').length >= SECRET_CHARS_MIN)
    .map(([, value]) => value)
    .sort((a, b) => b.length - a.length);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
