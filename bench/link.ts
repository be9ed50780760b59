/**
 * How fast deliveries become frames and frames deliveries, on one core: `node bench/link.ts [--rounds N]`.
 *
 * MB are of payload (the JSON inside a frame), rows have eight columns. The workloads: many single-row transactions, as a busy
 * source sends them, and full chunks of a copy.
 */
import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { DeliveryDecoder } from '../src/link/decode.ts';
import { DeliveryEncoder } from '../src/link/encode.ts';
import { FRAME, FrameReader, packFrame } from '../src/link/frame.ts';
import type { Delivery, Image, RowChange, TableShape } from '../src/model/row.ts';
import { startPart } from './shared/part.ts';

const bench = startPart({ name: 'link', sizes: { rounds: { full: 30, quick: 5 } } });
const { rounds } = bench.sizes;
const START = { position: 'mariadb:0-1-1', seen: {} };

const column = (name: string) =>
  ({
    name,
    type: 'varchar(80)',
    charset: 'utf8mb4',
    collation: 'utf8mb4_bin',
    nullable: true,
    generated: false,
  }) as const;
const table: TableShape = {
  schema: 'shop',
  name: 'orders',
  columns: ['id', 'token', 'title', 'state', 'placed_at', 'note', 'memo', 'amount'].map(column),
  primaryKey: [0],
  uniques: [],
  foreignKeys: [],
  referencedBy: [],
  triggers: [],
  engine: 'InnoDB',
};

function row(i: number): Image {
  return [
    `${100_000 + i}`,
    `'${randomBytes(8).toString('hex')}'`,
    `'order ${i} of somebody'`,
    `${(i * 7) % 1000}`,
    `'2026-01-0${(i % 9) + 1} 10:11:12'`,
    `'some words about it, it\\'s number ${i}'`,
    null,
    `'${i % 977}.${i % 100}'`,
  ];
}

function transactions(count: number, rows: (i: number) => RowChange[]): Delivery[] {
  return Array.from({ length: count }, (_, i) => {
    const changes = rows(i);
    return {
      kind: 'changes',
      gtid: `0-1-${i + 2}`,
      position: `mariadb:0-1-${i + 2}`,
      seen: START.seen,
      clock: 1_790_000_000_000 + i,
      bytes: changes.length * 160,
      first: true,
      last: true,
      changes,
    };
  });
}

const insert = (i: number): RowChange => ({ kind: 'insert', table, fkChecks: true, after: row(i) });
const update = (i: number): RowChange => {
  const before = row(i);
  return { kind: 'update', table, fkChecks: true, before, after: before.with(3, `${i}`) };
};

const workloads: Record<string, Delivery[]> = {
  'inserts, one a transaction': transactions(5000, (i) => [insert(i)]),
  'inserts, 1000 a transaction': transactions(10, (i) => Array.from({ length: 1000 }, (_, j) => insert(i * 1000 + j))),
  'updates, one a transaction': transactions(5000, (i) => [update(i)]),
};

for (const [name, batch] of Object.entries(workloads)) {
  let payloadBytes = 0;
  let packedBytes = 0;
  let encodeMs = 0;
  let packMs = 0;
  let unpackMs = 0;
  let decodeMs = 0;
  let packSyncMs = 0;
  for (let round = 0; round < rounds; round++) {
    const encoder = new DeliveryEncoder(START);
    let at = performance.now();
    const payloads = [...encoder.payloads(batch)].filter((payload) => typeof payload === 'string');
    encodeMs += performance.now() - at;
    at = performance.now();
    const frames = await Promise.all(payloads.map((payload) => packFrame(FRAME.deliveries, payload)));
    packMs += performance.now() - at;
    at = performance.now();
    for (const payload of payloads) {
      zstdCompressSync(payload, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    }
    packSyncMs += performance.now() - at;
    at = performance.now();
    const reader = new FrameReader();
    const received = frames.flatMap((frame) => [...reader.push(frame)]);
    unpackMs += performance.now() - at;
    at = performance.now();
    const decoder = new DeliveryDecoder(START);
    for (const { payload } of received) decoder.deliveries(payload);
    decodeMs += performance.now() - at;
    for (const payload of payloads) payloadBytes += payload.length;
    for (const frame of frames) packedBytes += frame.length;
  }
  const rows = batch.reduce((sum, d) => sum + (d.kind === 'changes' ? d.changes.length : 0), 0) * rounds;
  const perSecond = (ms: number): number => payloadBytes / 1000 / ms;
  const rate = (ms: number): string => `${perSecond(ms).toFixed(0)} MB/s`;
  bench.say(
    `${name}: packs ${(payloadBytes / packedBytes).toFixed(1)}x; pack on threads ${rate(packMs)} (in place ${rate(packSyncMs)}), ` +
      `unpack ${rate(unpackMs)}, decode ${rate(decodeMs)}`,
  );
  bench.tell({ name: `${name}: encode`, value: (rows / encodeMs) * 1000, unit: 'rows/s', better: 'more' });
  bench.tell({
    name: `${name}: unpack and decode`,
    value: (rows / (unpackMs + decodeMs)) * 1000,
    unit: 'rows/s',
    better: 'more',
  });
  bench.tell({ name: `${name}: bytes of a row on the wire`, value: packedBytes / rows, unit: 'bytes', better: 'less' });
}
bench.end();
