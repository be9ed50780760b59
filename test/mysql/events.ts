/** Events of a log as bytes, and a table that they are about. */
import type { ColumnShape, TableShape } from '../../src/model/row.ts';

export function event(type: number, body: Uint8Array, { position = 0, flags = 0 } = {}): Buffer {
  const bytes = Buffer.alloc(19 + body.length);
  bytes[4] = type;
  bytes.writeUInt32LE(7, 5);
  bytes.writeUInt32LE(bytes.length, 9);
  bytes.writeUInt32LE(position, 13);
  bytes.writeUInt16LE(flags, 17);
  bytes.set(body, 19);
  return bytes;
}

const column = (name: string, type: string, charset: string | null = null): ColumnShape => ({
  name,
  type,
  charset,
  collation: null,
  nullable: true,
  generated: false,
});

export const shape: TableShape = {
  schema: 'd',
  name: 't',
  columns: [
    column('id', 'int'),
    column('a', 'varchar(300)', 'utf8mb4'),
    column('b', 'longblob'),
    column('c', 'decimal(10,2)'),
  ],
  primaryKey: [0],
  uniques: [],
  foreignKeys: [],
  referencedBy: [],
  triggers: [],
  engine: 'InnoDB',
};

export const TABLE = [1, 0, 0, 0, 0, 0];
export const MAP = Buffer.from([
  ...TABLE,
  1,
  0,
  1,
  0x64,
  0,
  1,
  0x74,
  0,
  4,
  3,
  15,
  252,
  246,
  5,
  0xb0,
  0x04,
  4,
  10,
  2,
  0x0f,
]);

/** A row of it. */
export const WRITE_ONE = Buffer.from([...TABLE, 1, 0, 2, 0, 4, 0xff, 0xf6, 42, 0, 0, 0, 128, 0, 0, 1, 50]);
