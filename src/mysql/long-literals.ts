/**
 * Statements that are longer than a server takes in one packet: their long literals go ahead in pieces, into variables
 * of the session.
 *
 * A literal takes up to twice the bytes of its value, so a row that fits into the packets of both servers may not fit
 * into one statement (`max_allowed_packet` bounds both).
 */

/** Literals above this are moved out. */
const LONG_CHARS = 256 << 10;
/**
 * Pieces of them are this part of a packet, at most three bytes a character: as few as can be, since the server copies what
 * it has of a literal for every further piece.
 */
const PIECES = 4;

export interface Parcels {
  /** To be run before, each short. */
  readonly sets: readonly string[];
  readonly sql: string;
  /** Names of the variables; one that is NULL in the end was too long for the server. */
  readonly variables: readonly string[];
}

/** @param sql as `sql.ts` makes it: quotes in texts are escaped by a backslash, never doubled */
export function inParcels(sql: string, packetBytesMax: number): Parcels {
  // Even, for bytes of two digits.
  const chars = 2 * Math.floor(packetBytesMax / PIECES / 2);
  const sets: string[] = [];
  const variables: string[] = [];
  let short = '';
  let from = 0;
  for (const [start, end] of longLiterals(sql)) {
    const variable = `@otter_${variables.length}`;
    variables.push(variable);
    const [prefix = '', charset, x = ''] = PREFIX.exec(sql.slice(Math.max(from, start - 40), start)) ?? [];
    sets.push(`SET ${variable}=${x}''`);
    for (const piece of pieces(sql.slice(start + 1, end), x !== '', chars)) {
      sets.push(`SET ${variable}=CONCAT(${variable},${x}'${piece}')`);
    }
    // The raw bytes of a text in another character set.
    const value = charset === undefined ? variable : `CONVERT(${variable} USING ${charset})`;
    short += `${sql.slice(from, start - prefix.length)}${value}`;
    from = end + 1;
  }
  return { sets, sql: short + sql.slice(from), variables };
}

/** What stands before the first quote. */
const PREFIX = /(?:\b_(\w+) )?(x)$/;

/** Places of the quotes around each long literal. */
function* longLiterals(sql: string): Generator<readonly [start: number, end: number]> {
  for (let at = 0; at < sql.length; at += 1) {
    const char = sql[at];
    if (char === '`') at = sql.indexOf('`', at + 1);
    else if (char === "'") {
      const end = closing(sql, at);
      if (end - at > LONG_CHARS) yield [at, end];
      at = end;
    }
  }
}

function closing(sql: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const code = sql.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
    else if (Number.isNaN(code)) throw new TypeError('a literal without an end');
  }
}

const BACKSLASH = 0x5c;
const QUOTE = 0x27;

/** Never cut in the middle of an escape, a character of two halves, or a byte of two digits. */
function* pieces(text: string, hex: boolean, chars: number): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + chars);
    if (!hex && end < text.length) {
      let slashes = 0;
      while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
      if (slashes % 2 === 1) end += 1;
      else if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;
    }
    yield text.slice(start, end);
    start = end;
  }
}
