/**
 * Column types as the server prints them, taken apart, and the type codes that the log uses for them. Types that
 * otter cannot carry exactly yet are named `unsupported` and refused, never bent.
 */

export type ColumnType =
  | { readonly kind: 'integer'; readonly bytes: 1 | 2 | 3 | 4 | 8; readonly unsigned: boolean }
  | { readonly kind: 'decimal'; readonly unsigned: boolean }
  | { readonly kind: 'float' }
  | { readonly kind: 'double' }
  | { readonly kind: 'bit' }
  | { readonly kind: 'year' }
  | { readonly kind: 'date' }
  | { readonly kind: 'datetime' }
  | { readonly kind: 'timestamp' }
  | { readonly kind: 'time' }
  /** CHAR, VARCHAR and the TEXTs. `compressed`: a column that MariaDB compresses, in the log too. */
  | { readonly kind: 'text'; readonly charset: string; readonly long: boolean; readonly compressed: boolean }
  /** BINARY, padded with zeros that the log leaves out. */
  | { readonly kind: 'fixed-binary'; readonly length: number }
  /** INET4, INET6 and UUID of MariaDB: written as their bytes. */
  | { readonly kind: 'address'; readonly length: 4 | 16 }
  /** VARBINARY and the BLOBs. */
  | { readonly kind: 'binary'; readonly long: boolean; readonly compressed: boolean }
  /** Numbers of four bytes each, written as their bytes. */
  | { readonly kind: 'vector' }
  /** MySQL's; in MariaDB the word makes a LONGTEXT. */
  | { readonly kind: 'json' }
  | { readonly kind: 'enum' }
  | { readonly kind: 'set' }
  | { readonly kind: 'geometry' }
  | { readonly kind: 'unsupported'; readonly why: string };

const INTEGERS: Readonly<Record<string, 1 | 2 | 3 | 4 | 8>> = {
  tinyint: 1,
  smallint: 2,
  mediumint: 3,
  int: 4,
  integer: 4,
  bigint: 8,
};

const GEOMETRIES = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
]);

/** @param text COLUMN_TYPE of information_schema. */
export function parseColumnType(text: string, charset: string | null): ColumnType {
  const lower = text.toLowerCase();
  const base = /^[a-z0-9_]+/.exec(lower)?.[0] ?? '';
  // `varchar(9) /*M!100301 COMPRESSED*/`
  const compressed = base !== 'enum' && base !== 'set' && lower.includes('compressed');
  const unsigned = /\b(unsigned|zerofill)\b/.test(lower);
  if (/^(date)?time(stamp)?\b.*mariadb-5\.3/.test(lower))
    return { kind: 'unsupported', why: 'a date or time in the format of MySQL 5.5' };
  const bytes = INTEGERS[base];
  if (bytes !== undefined) return { kind: 'integer', bytes, unsigned };
  if (GEOMETRIES.has(base)) return { kind: 'geometry' };
  switch (base) {
    case 'decimal':
    case 'numeric':
      return { kind: 'decimal', unsigned };
    case 'float':
      return { kind: 'float' };
    case 'double':
    case 'real':
      return { kind: 'double' };
    case 'bit':
      return { kind: 'bit' };
    case 'year':
      return { kind: 'year' };
    case 'date':
      return { kind: 'date' };
    case 'datetime':
      return { kind: 'datetime' };
    case 'timestamp':
      return { kind: 'timestamp' };
    case 'time':
      return { kind: 'time' };
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return { kind: 'text', charset: charset ?? 'binary', long: base.endsWith('text'), compressed };
    case 'binary':
      return { kind: 'fixed-binary', length: Number(/\((\d+)\)/.exec(lower)?.[1] ?? 1) };
    case 'inet4':
      return { kind: 'address', length: 4 };
    case 'inet6':
    case 'uuid':
      return { kind: 'address', length: 16 };
    case 'varbinary':
      return { kind: 'binary', long: false, compressed };
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { kind: 'binary', long: true, compressed };
    case 'vector':
      return { kind: 'vector' };
    case 'json':
      return { kind: 'json' };
    case 'enum':
      return { kind: 'enum' };
    case 'set':
      return { kind: 'set' };
    default:
      return { kind: 'unsupported', why: `type ${base === '' ? 'unknown' : base}` };
  }
}

/** Type codes in table maps (`enum_field_types`); ENUM, SET and CHAR share STRING and are told apart by metadata. */
export const LOG_TYPE = {
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  BLOB_COMPRESSED: 140,
  VARCHAR_COMPRESSED: 141,
  VECTOR: 242,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

const INTEGER_CODES = {
  1: LOG_TYPE.TINY,
  2: LOG_TYPE.SHORT,
  3: LOG_TYPE.INT24,
  4: LOG_TYPE.LONG,
  8: LOG_TYPE.LONGLONG,
} as const;

/** The codes under which the log may carry a column of this type. */
export function logCodes(type: ColumnType): readonly number[] {
  switch (type.kind) {
    case 'integer':
      return [INTEGER_CODES[type.bytes]];
    case 'decimal':
      return [LOG_TYPE.NEWDECIMAL];
    case 'float':
      return [LOG_TYPE.FLOAT];
    case 'double':
      return [LOG_TYPE.DOUBLE];
    case 'bit':
      return [LOG_TYPE.BIT];
    case 'year':
      return [LOG_TYPE.YEAR];
    case 'date':
      return [LOG_TYPE.DATE];
    case 'datetime':
      return [LOG_TYPE.DATETIME2];
    case 'timestamp':
      return [LOG_TYPE.TIMESTAMP2];
    case 'time':
      return [LOG_TYPE.TIME2];
    case 'text':
    case 'binary':
      if (type.compressed) return [type.long ? LOG_TYPE.BLOB_COMPRESSED : LOG_TYPE.VARCHAR_COMPRESSED];
      return type.long ? [LOG_TYPE.BLOB] : [LOG_TYPE.VARCHAR, LOG_TYPE.VAR_STRING, LOG_TYPE.STRING];
    case 'fixed-binary':
    case 'address':
      return [LOG_TYPE.STRING];
    case 'enum':
      return [LOG_TYPE.ENUM];
    case 'set':
      return [LOG_TYPE.SET];
    case 'geometry':
      return [LOG_TYPE.GEOMETRY];
    case 'vector':
      // MariaDB's is a VARBINARY to the log.
      return [LOG_TYPE.VECTOR, LOG_TYPE.VARCHAR];
    case 'json':
      return [LOG_TYPE.JSON];
    case 'unsupported':
      return [];
    default:
      return type satisfies never;
  }
}
