/**
 * Which types of an Oracle column take which types of MySQL and MariaDB, how a value gets there, and what a table is made
 * with where it is missing. The one table of it: the loader, the check of columns and docs/oracle.md go by it.
 *
 * Sources: Oracle Database SQL Language Reference, "Data Types" (NUMBER holds 38 digits, DATE whole seconds, a VARCHAR2 4000
 * bytes unless the database was made for more); MySQL Reference Manual, "Data Types".
 */

/** Of an Oracle column: the name without numbers, and what is in brackets. */
export interface OracleType {
  readonly base: OracleBase | null;
  /** Bytes of a text or RAW; digits of a NUMBER (null: any); of fractions of a second. */
  readonly size: number | null;
  /** Digits of a NUMBER behind the point, of an interval's days; null: any. */
  readonly scale: number | null;
  /** A text is measured in characters. */
  readonly inChars: boolean;
}

export type OracleBase =
  | 'NUMBER'
  | 'BINARY_FLOAT'
  | 'BINARY_DOUBLE'
  | 'VARCHAR2'
  | 'NVARCHAR2'
  | 'CLOB'
  | 'NCLOB'
  | 'RAW'
  | 'BLOB'
  | 'DATE'
  | 'TIMESTAMP'
  | 'TIMESTAMP WITH TIME ZONE'
  | 'TIMESTAMP WITH LOCAL TIME ZONE'
  | 'INTERVAL DAY TO SECOND';

const BASES: ReadonlySet<string> = new Set<OracleBase>([
  ...(['NUMBER', 'BINARY_FLOAT', 'BINARY_DOUBLE', 'VARCHAR2', 'NVARCHAR2', 'CLOB', 'NCLOB', 'RAW', 'BLOB'] as const),
  ...(['DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP WITH LOCAL TIME ZONE'] as const),
  'INTERVAL DAY TO SECOND',
]);

/** As `ColumnShape.type` of an Oracle table has it: `NUMBER(10,2)`, `VARCHAR2(40 CHAR)`, `TIMESTAMP(6) WITH TIME ZONE`. */
export function parseOracleType(text: string): OracleType {
  const base = text
    .replace(/\([^)]*\)/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toUpperCase();
  const known = BASES.has(base) ? (base as OracleBase) : null;
  const brackets = [...text.matchAll(/\(([^)]*)\)/g)].map((match) => match[1]!.trim());
  // Of an interval the last are those of the seconds.
  const [first = '', second] = (brackets.at(-1) ?? '').split(',').map((part) => part.trim());
  const size = first === '' || first === '*' ? null : Number.parseInt(first, 10);
  const whole = known === 'NUMBER' && first === '*' ? 38 : size;
  return {
    base: known,
    size: whole,
    scale: known === 'NUMBER' ? numberScale(whole, second) : daysOf(text),
    inChars: /\bCHAR$/i.test(first) || known === 'NVARCHAR2',
  };
}

function numberScale(digits: number | null, scale: string | undefined): number | null {
  if (scale !== undefined) return Number(scale);
  return digits === null ? null : 0;
}

function daysOf(text: string): number | null {
  const digits = /\bDAY\s*\((\d)\)/i.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Whether rows can be found by a value of it. */
export function isLob({ base }: OracleType): boolean {
  return base === 'CLOB' || base === 'NCLOB' || base === 'BLOB';
}

export function isText({ base }: OracleType): boolean {
  return base === 'VARCHAR2' || base === 'NVARCHAR2' || base === 'CLOB' || base === 'NCLOB';
}

/** What a column of MySQL or MariaDB is, as far as an Oracle one must hold it. */
export interface SourceType {
  readonly base: string;
  /** Digits, characters, bytes or fractions of a second, as its type says. */
  readonly numbers: readonly number[];
  readonly unsigned: boolean;
  /** Of ENUM and SET, without quotes. */
  readonly members: readonly string[];
  readonly charset: string | null;
}

/** How the literal of a value becomes what is bound. */
export type Passage =
  | 'number'
  | 'double'
  | 'float'
  /** Number of a member to its name; of a SET to the names with commas. */
  | 'members'
  | 'date'
  | 'time'
  | 'text'
  | 'json'
  /** The digits or the date as they are printed, into a text. */
  | 'print'
  | 'bytes';

export type OracleFit = 'exact' | 'aloud' | 'silent';

export interface Carriage {
  /** Types of the source, by their first word. */
  readonly from: readonly string[];
  readonly to: readonly OracleBase[];
  readonly by: Passage;
  /** Whether every value has its place: see `replication/column-fit.ts`. */
  readonly fit: (from: SourceType, to: OracleType) => OracleFit;
  /** For people: what the Oracle column must be. */
  readonly needs: string;
}

const INTEGERS: Readonly<Record<string, readonly [signed: number, unsigned: number]>> = {
  tinyint: [3, 3],
  smallint: [5, 5],
  mediumint: [7, 8],
  int: [10, 10],
  bigint: [19, 20],
};

/** Digits that every NUMBER keeps. */
const NUMBER_DIGITS_MAX = 38;
/** Of a VARCHAR2 and a RAW where the database was not made for more. */
const TEXT_BYTES = 4000;
const RAW_BYTES = 2000;

/** Bytes that a character of the charset may take in UTF-8, which is how Oracle keeps it. */
function utf8Bytes(charset: string | null): number {
  if (charset === 'ascii' || charset === 'swe7') return 1;
  if (
    /^(latin|cp12|cp8|koi8|greek|hebrew|mac|dec8|hp8|keybcs2|armscii8|geostd8|tis620|utf8mb3$|utf8$|ucs2)/.test(
      charset ?? '',
    )
  )
    return 3;
  return /^(gbk|gb2312|big5|sjis|cp932|ujis|eucjpms|euckr)$/.test(charset ?? '') ? 3 : 4;
}

/**
 * Character sets of which otter knows every character as MySQL and MariaDB do: a test asks them. The others have characters
 * that the standard decoders take for others (0x815f of sjis, 0xa1 of greek), and are refused.
 */
export const READABLE_CHARSETS: readonly string[] = [
  ...['utf8mb4', 'utf8mb3', 'utf8', 'ascii', 'ucs2', 'utf16', 'utf16le', 'utf32', 'latin1', 'latin2', 'latin7'],
  ...['cp1250', 'cp1251', 'cp1256', 'cp1257', 'koi8r', 'macroman', 'gbk'],
];

function isReadable({ charset }: SourceType): boolean {
  return charset === null || READABLE_CHARSETS.includes(charset);
}

const TEXT_CHARS: Readonly<Record<string, number>> = {
  ...{ tinytext: 255, text: 65_535, mediumtext: 16_777_215, longtext: 4_294_967_295, json: 4_294_967_295 },
};
const BYTES: Readonly<Record<string, number>> = {
  ...{ tinyblob: 255, blob: 65_535, mediumblob: 16_777_215, longblob: 4_294_967_295 },
  ...{ inet4: 4, inet6: 16, uuid: 16 },
};

const exactIf = (exact: boolean): OracleFit => (exact ? 'exact' : 'aloud');

/** Room for so many characters, each of so many bytes at most. */
function textFit(chars: number, bytesEach: number, to: OracleType): OracleFit {
  if (isLob(to)) return 'exact';
  const { size, inChars, base } = to;
  // A length in characters is bounded by one in bytes too, which the dictionary does not say: it may be 4000 or 32767.
  if (base === 'NVARCHAR2') return exactIf((size ?? 0) >= chars * (bytesEach > 3 ? 2 : 1));
  if (inChars) return exactIf((size ?? 0) >= chars && chars * bytesEach <= Math.max(TEXT_BYTES, size ?? 0));
  return exactIf((size ?? 0) >= chars * bytesEach);
}

function charsOf({ base, numbers }: SourceType): number {
  return TEXT_CHARS[base] ?? numbers[0] ?? 1;
}

function bytesOf({ base, numbers }: SourceType): number {
  return BYTES[base] ?? numbers[0] ?? 1;
}

/** Digits before and behind the point. */
function digitsOf({ base, numbers, unsigned }: SourceType): readonly [whole: number, fraction: number] {
  const integer = INTEGERS[base];
  if (integer !== undefined) return [integer[unsigned ? 1 : 0], 0];
  if (base === 'year') return [4, 0];
  if (base === 'bit') return [bitDigits(numbers[0] ?? 1), 0];
  const [precision = 10, scale = 0] = numbers;
  return [precision - scale, scale];
}

function bitDigits(bits: number): number {
  return (2n ** BigInt(bits) - 1n).toString().length;
}

function numberFit(from: SourceType, { size, scale }: OracleType): OracleFit {
  const [whole, fraction] = digitsOf(from);
  // A NUMBER rounds what is behind its last digit without a word; what is too large for it is an error.
  if (size === null) return whole + fraction <= NUMBER_DIGITS_MAX ? 'exact' : 'silent';
  return fraction > (scale ?? 0) ? 'silent' : exactIf(size - (scale ?? 0) >= whole);
}

/** Fractions of a second that do not fit are rounded. */
function fractionFit({ numbers: [fraction = 0] }: SourceType, { base, size }: OracleType): OracleFit {
  return (base === 'DATE' ? 0 : (size ?? 6)) >= fraction ? 'exact' : 'silent';
}

/** Characters of what MySQL prints of a value. */
function printedChars(from: SourceType): number {
  const fraction = from.numbers[0] ?? 0;
  const behind = fraction > 0 ? fraction + 1 : 0;
  switch (from.base) {
    case 'date':
      return 10;
    case 'datetime':
    case 'timestamp':
      return 19 + behind;
    case 'time':
      return 10 + behind;
    default: {
      const [whole, scale] = digitsOf(from);
      return Math.max(whole, 1) + (scale > 0 ? scale + 1 : 0) + (from.unsigned ? 0 : 1);
    }
  }
}

function memberChars({ base, members }: SourceType): number {
  const lengths = members.map((member) => [...member].length);
  return base === 'set' ? lengths.reduce((sum, one) => sum + one + 1, -1) : Math.max(1, ...lengths);
}

const TEXTS = ['VARCHAR2', 'NVARCHAR2', 'CLOB', 'NCLOB'] as const;

export const CARRIAGES: readonly Carriage[] = [
  {
    from: ['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'year', 'bit'],
    to: ['NUMBER'],
    by: 'number',
    fit: numberFit,
    needs: 'as many digits before the point; BIT arrives as the number that its bits are',
  },
  {
    from: ['decimal'],
    to: ['NUMBER'],
    by: 'number',
    fit: numberFit,
    needs: 'as many digits before and behind the point; a NUMBER without any keeps 38 in all',
  },
  {
    from: ['float'],
    to: ['BINARY_FLOAT', 'BINARY_DOUBLE'],
    by: 'float',
    fit: () => 'exact',
    needs:
      'nothing more; -0 and what is nearer to 0 than 1.17549435E-38 stops the pipeline, since Oracle has no place for it',
  },
  {
    from: ['double'],
    to: ['BINARY_DOUBLE'],
    by: 'double',
    fit: () => 'exact',
    needs: 'nothing more; -0 and what is nearer to 0 than 2.2250738585072014E-308 stops the pipeline',
  },
  {
    from: ['date'],
    to: ['DATE', 'TIMESTAMP'],
    by: 'date',
    fit: () => 'exact',
    needs: 'nothing more; arrives as midnight',
  },
  {
    from: ['datetime'],
    to: ['DATE', 'TIMESTAMP'],
    by: 'date',
    fit: fractionFit,
    needs: 'as many fractions of a second; a DATE has none',
  },
  {
    from: ['timestamp'],
    to: ['TIMESTAMP WITH TIME ZONE', 'TIMESTAMP WITH LOCAL TIME ZONE', 'TIMESTAMP', 'DATE'],
    by: 'date',
    fit: fractionFit,
    needs: 'as many fractions of a second; arrives in UTC (`+00:00`), in a column without a time zone too',
  },
  {
    from: ['time'],
    to: ['INTERVAL DAY TO SECOND'],
    by: 'time',
    fit: (from, to) => {
      const fit = fractionFit(from, to);
      return fit === 'exact' ? exactIf((to.scale ?? 2) >= 2) : fit;
    },
    needs: 'as many fractions of a second, and two digits of days',
  },
  {
    from: ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'],
    to: TEXTS,
    by: 'text',
    fit: (from, to) => {
      if (!isReadable(from)) return 'silent';
      return textFit(charsOf(from), TEXT_CHARS[from.base] === undefined ? utf8Bytes(from.charset) : 1, to);
    },
    needs: 'room for the longest value: `(n CHAR)`, or as many bytes as that may take in UTF-8',
  },
  {
    from: ['json'],
    to: ['CLOB', 'NCLOB'],
    by: 'json',
    fit: () => 'exact',
    needs: 'nothing more; the text that the server prints',
  },
  {
    from: ['enum', 'set'],
    to: TEXTS,
    by: 'members',
    // Names that are bytes are not read from what the server prints.
    fit: (from, to) => (from.charset === 'binary' ? 'silent' : textFit(memberChars(from), 4, to)),
    needs: 'room for the longest value; the name arrives, of a SET the names with commas between',
  },
  {
    from: ['decimal', 'date', 'datetime', 'timestamp', 'time'],
    to: ['VARCHAR2', 'NVARCHAR2'],
    by: 'print',
    fit: (from, to) => textFit(printedChars(from), 1, to),
    needs: 'room for the longest value; the text that MySQL prints, zero dates and 65 digits included, times in UTC',
  },
  {
    from: ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob', 'inet4', 'inet6', 'uuid'],
    to: ['RAW', 'BLOB'],
    by: 'bytes',
    fit: (from, to) => (isLob(to) ? 'exact' : exactIf((to.size ?? 0) >= bytesOf(from))),
    needs: 'as many bytes',
  },
  {
    from: [
      ...['geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon'],
      ...['geometrycollection', 'vector'],
    ],
    to: ['BLOB'],
    by: 'bytes',
    fit: () => 'exact',
    needs: 'nothing more; the bytes as MySQL keeps them: of geometries four of the SRID, then well-known binary',
  },
];

const SYNONYMS: Readonly<Record<string, string>> = {
  integer: 'int',
  numeric: 'decimal',
  real: 'double',
  geomcollection: 'geometrycollection',
};

/** @param type as the source's server prints it (COLUMN_TYPE) */
export function parseSourceType(type: string, charset: string | null): SourceType {
  const name = /^[a-z0-9_]+/i.exec(type)?.[0].toLowerCase() ?? '';
  const base = SYNONYMS[name] ?? name;
  if (base === 'enum' || base === 'set') {
    const members = (type.match(/'(?:[^']|'')*'/g) ?? []).map((text) => memberOf(text.slice(1, -1)));
    return { base, numbers: [], unsigned: true, members, charset };
  }
  const numbers = /^[a-z0-9_]+\s*\(([\d,\s]+)\)/i.exec(type)?.[1]?.split(',').map(Number) ?? [];
  const unsigned = /\b(unsigned|zerofill)\b/i.test(type);
  // The number of an integer in brackets is for display only.
  return { base, numbers: base in INTEGERS ? [] : numbers, unsigned, members: [], charset };
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', 0: '\0' };

/** Of what the servers print between quotes: quotes are doubled, and four other signs have a backslash before them. */
function memberOf(printed: string): string {
  return printed.replace(/''|\\(.)/g, (_, sign: string | undefined) =>
    sign === undefined ? "'" : (ESCAPED[sign] ?? sign),
  );
}

export function carriageOf(from: SourceType, to: OracleType): Carriage | null {
  if (to.base === null) return null;
  return CARRIAGES.find((each) => each.from.includes(from.base) && each.to.includes(to.base!)) ?? null;
}

/**
 * The type that a missing column is made with; null: there is none.
 * @param inKey of the primary key or a unique one, which neither LOBs nor times with a zone may be in
 */
export function madeType(from: SourceType, inKey: boolean): string | null {
  const { base, numbers } = from;
  const [fraction = 0] = numbers;
  const text = (chars: number, bytesEach: number): string | null => {
    if (chars > 0 && chars * bytesEach <= TEXT_BYTES) return `VARCHAR2(${chars} CHAR)`;
    return inKey ? null : 'CLOB';
  };
  if (base in INTEGERS || base === 'year' || base === 'bit') return `NUMBER(${digitsOf(from)[0]})`;
  if (base in BYTES || base === 'binary' || base === 'varbinary') {
    const bytes = bytesOf(from);
    if (bytes > 0 && bytes <= RAW_BYTES) return `RAW(${bytes})`;
    return inKey ? null : 'BLOB';
  }
  switch (base) {
    case 'decimal': {
      const [whole, scale] = digitsOf(from);
      return whole + scale <= NUMBER_DIGITS_MAX ? `NUMBER(${whole + scale},${scale})` : text(printedChars(from), 1);
    }
    case 'float':
      return 'BINARY_FLOAT';
    case 'double':
      return 'BINARY_DOUBLE';
    case 'date':
      return 'DATE';
    case 'datetime':
      return `TIMESTAMP(${fraction})`;
    case 'timestamp':
      return inKey ? `TIMESTAMP(${fraction})` : `TIMESTAMP(${fraction}) WITH TIME ZONE`;
    case 'time':
      return `INTERVAL DAY(2) TO SECOND(${fraction})`;
    case 'char':
    case 'varchar':
    case 'tinytext':
      if (!isReadable(from)) return null;
      return text(charsOf(from), utf8Bytes(from.charset));
    case 'enum':
    case 'set':
      return from.charset === 'binary' ? null : text(memberChars(from), 4);
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'json':
      return inKey || !isReadable(from) ? null : 'CLOB';
    default:
      return CARRIAGES.some(({ from: bases, to }) => bases.includes(base) && to.includes('BLOB')) && !inKey
        ? 'BLOB'
        : null;
  }
}
