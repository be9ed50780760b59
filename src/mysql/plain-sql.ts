/**
 * A statement as its server read it, written so that nobody need ask how: comments are gone, what stood in a comment for
 * this server is said, names in double quotes stand in backticks, and texts are empty.
 *
 * Whoever looks for words and names in a statement of the log looks here: the same bytes mean different things under
 * another sql_mode, to another family or version, and comments may stand between any two words.
 * Rules by MySQL `sql_lex.cc` and MariaDB's ("Comment Syntax" in both manuals).
 */

/** What a session's sql_mode says of quotes. */
export interface Quoting {
  /** A backslash in a text escapes what follows (no NO_BACKSLASH_ESCAPES). */
  readonly escapes: boolean;
  /** Double quotes hold a name (ANSI_QUOTES), not a text. */
  readonly ansi: boolean;
}

/** Who read the statement. */
export interface Dialect {
  readonly family: 'mysql' | 'mariadb';
  /** As the server counts it: 80404 is 8.4.4, 101119 is 10.11.19. */
  readonly version: number;
  /** Names are kept in small letters, however they are written (`lower_case_table_names = 1`). */
  readonly folds: boolean;
}

export const USUAL_QUOTING: Quoting = { escapes: true, ansi: false };

/** Everything there is. */
export const EVERY_QUOTING: readonly Quoting[] = [true, false].flatMap((escapes) =>
  [true, false].map((ansi) => ({ escapes, ansi })),
);

/** Version as the server counts it, of a text like `8.4.4-log` or `10.11.19-MariaDB`. */
export function versionNumber(text: string): number {
  const [, major = '0', minor = '0', patch = '0'] = /^(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 10_000 + Number(minor) * 100 + Number(patch);
}

export function plainSql(sql: string, quoting: Quoting, dialect: Dialect): string {
  return read(sql, quoting, dialect, (plain) => `${plain}''`);
}

/**
 * The same with its texts, in single quotes as a session with otter's own sql_mode reads them. A text behind a character
 * set (`_latin1'...'`) is unreadable when it is not plain ASCII: its bytes are not known any more.
 */
export function saidSql(sql: string, quoting: Quoting, dialect: Dialect): string {
  let double = -1;
  return read(sql, quoting, dialect, (said, text) => {
    const isDouble = text.startsWith('"');
    let inner = text.slice(1, -1);
    if (!quoting.escapes) inner = inner.replaceAll('\\', '\\\\');
    if (isDouble) inner = inner.replace(/\\[\s\S]|'/g, (part) => (part === "'" ? "''" : part));
    if (/[^\p{ASCII}]/u.test(inner) && /(^|[^\p{L}\p{N}_$`])_\w+\s*$/u.test(said)) return `${said} ${UNREADABLE}`;
    // Two side by side are one that holds the quote.
    const joined = isDouble && double === said.length;
    const next = joined ? `${said.slice(0, -1)}"${inner}'` : `${said}'${inner}'`;
    double = isDouble ? next.length : -1;
    return next;
  });
}

/** @param add the text as it stands, to what has been read so far */
function read(sql: string, quoting: Quoting, dialect: Dialect, add: (read: string, text: string) => string): string {
  const token = tokensOf(quoting);
  let plain = '';
  for (token.lastIndex = 0; token.lastIndex < sql.length; ) {
    const at = token.lastIndex;
    const groups = token.exec(sql)?.groups as Partial<Record<string, string>> | undefined;
    if (groups === undefined) {
      // A quote or a comment that does not end: none that the server would have taken. What follows is no words.
      plain += ` ${UNREADABLE}`;
      break;
    }
    const { open, maria, number, plainly, name, double, text } = groups;
    if (open !== undefined) {
      const plainComment = maria !== undefined && dialect.family === 'mysql';
      if (plainComment) token.lastIndex = behindComment(sql, at + 2, false);
      else if (!said(dialect, maria !== undefined, number)) token.lastIndex = behindComment(sql, at + 2, true);
      plain += ' ';
    } else if (text !== undefined) plain = add(plain, text);
    else if (double !== undefined) plain += quoted(double.slice(1, -1).replaceAll('""', '"'), dialect);
    else if (name !== undefined) plain += dialect.folds ? name.toLowerCase() : name;
    else plain += plainly ?? ' ';
  }
  return plain;
}

/** A sign that no statement has outside of texts: whoever meets it knows that not all was read. */
export const UNREADABLE = '\u0000';

function quoted(name: string, { folds }: Dialect): string {
  return `\`${(folds ? name.toLowerCase() : name).replaceAll('`', '``')}\``;
}

/** Whether a comment for some servers holds for this one. */
function said({ family, version }: Dialect, maria: boolean, number: string | undefined): boolean {
  if (number === undefined) return true;
  const since = Number(number);
  // What MySQL has had since its 5.7 is another server's to MariaDB.
  const foreign = family === 'mariadb' && !maria && since >= 50_700 && since <= 99_999;
  return since <= version && !foreign;
}

/** @param holds it may hold other comments, which one for other servers does and a plain one does not */
function behindComment(sql: string, from: number, holds: boolean): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 1; ; ) {
    const found = mark.exec(sql);
    if (found === null) return sql.length;
    depth += found[0] === '/*' ? (holds && depth === 1 ? 1 : 0) : -1;
    if (depth === 0) return mark.lastIndex;
  }
}

const OPEN = String.raw`(?<open>\/\*(?<maria>M)?!(?<number>\d{5,6})?)`;
const COMMENT = String.raw`\/\*[\s\S]*?\*\/|--(?=[\u0000- \u007f]|$)[^\n]*|#[^\n]*|\*\/`;
const NAME = '(?<name>`(?:[^`]|``)+`|[\\p{L}\\p{N}_$\\u0080-\\uffff]+)';

/** Each begins where the one before ended; together they take every character but a quote that does not end. */
function tokensOf(quoting: Quoting): RegExp {
  // A doubled quote is two texts side by side.
  const text = (quote: string): string =>
    `${quote}(?:[^${quote}${quoting.escapes ? String.raw`\\]|\\[\s\S]` : ']'})*${quote}`;
  const double = quoting.ansi ? '(?<double>"(?:[^"]|"")+")' : null;
  const texts = `(?<text>${quoting.ansi ? text("'") : `${text("'")}|${text('"')}`})`;
  const parts = [
    OPEN,
    COMMENT,
    NAME,
    texts,
    ...(double === null ? [] : [double]),
    String.raw`(?<plainly>\s+|[^'"\x60\s])`,
  ];
  return new RegExp(parts.join('|'), 'suy');
}
