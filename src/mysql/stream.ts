/**
 * A server's log as batches. zongji makes the connection and asks the server for the log; from there on the raw packets
 * are taken here, each decoded when it arrives, so nothing of the socket's memory is kept.
 *
 * Bounded: when the items that wait are above the limit the socket is paused. While the structure of a table is asked
 * for, what is left of the last chunk waits as copies. A server that falls silent is given up: it has been asked for a
 * heartbeat in every pause of its log.
 */
import ZongJi from '@vlasky/zongji';
import { OtterError } from '../model/error.ts';
import { LARGE_BYTES, letGo } from '../model/forget-rows.ts';
import type { LogBatch, PastTable, ReadLogOptions, Statement, StatementTable } from '../model/ports.ts';
import { formatBare, type LogPoint, parsePosition } from '../model/position.ts';
import type { TableShape } from '../model/row.ts';
import { type Ask, LogAssembler } from './binlog.ts';
import { databaseError } from './driver-error.ts';
import type { Defining } from './history.ts';
import type { XaOptions } from './logged-xa.ts';
import type { PreparedItem } from './prepared-lookup.ts';
import type { NamedTable } from './reach.ts';

/** What zongji and mysql2 have and their types do not say. */
interface Packet {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
  asError(encoding: string): Error;
}

interface DumpConnection {
  readonly stream: { pause(): unknown; resume(): unknown; destroy(): unknown };
  readonly clientEncoding: string;
  query(sql: string, done: (error: Error | null) => void): void;
}

interface DumpCommand {
  next: unknown;
}

interface Internals {
  readonly BinlogClass: {
    readonly prototype: { execute(this: DumpCommand, packet?: Packet, connection?: DumpConnection): boolean };
  };
  readonly connection: DumpConnection | null;
  readonly ctrlConnection: DumpConnection | null;
}

export interface StreamOptions {
  /** Connection options of the driver. */
  readonly dsn: object;
  readonly where: Readonly<Record<string, string | number>>;
  /** A GTID position of the server's family, or by file. */
  readonly from: string;
  /** Where to begin, of a position by file; else null. */
  readonly place: LogPoint | null;
  readonly wants: ReadLogOptions['wants'];
  readonly definitions: ReadLogOptions['definitions'];
  /** Tables as they are, with every definition between `from` and the end of the log when they had been asked for. */
  readonly known: { readonly shapes: readonly TableShape[]; readonly ahead: readonly Statement[] };
  /** The table and any others of its schema, by name; without the table when there is none of that name. */
  readonly shapes: (schema: string, table: string, alone: boolean) => Promise<ReadonlyMap<string, TableShape>>;
  /** Every definition between a position and the end of the log at the time of the question. */
  readonly ahead: (position: string) => Promise<readonly Statement[]>;
  readonly history?: ReadLogOptions['history'];
  /** What a statement made of tables whose history is kept, `position` being before it. */
  readonly behind?: (
    statement: Defining,
    tables: readonly NamedTable[],
    past: ReadonlyMap<string, PastTable>,
    position: string,
  ) => Promise<readonly StatementTable[]>;
  /** Everything that a change of these names may touch; null when it cannot be told. */
  readonly reach: (names: readonly NamedTable[]) => Promise<readonly NamedTable[] | null>;
  readonly xa: XaOptions;
  /** What an XA transaction holds that was prepared before a place in the log, `position` being before it too. */
  readonly lookUp: (
    xid: string,
    before: LogPoint,
    position: string,
    signal: AbortSignal,
  ) => AsyncIterable<PreparedItem>;
  readonly partBytes: number;
  /** Whether the server keeps names in small letters. */
  readonly folds: boolean;
  /** Items that may wait before the socket is paused; rough bytes in memory. */
  readonly queueBytesMax: number;
  readonly heartbeatMs: number;
  /** Silence after which the connection is given up. */
  readonly silenceMsMax: number;
}

const PACKET_OK = 0x00;
const PACKET_ERROR = 0xff;
/** While paused we read nothing; the server must not take that for a dead client. */
const SERVER_WRITE_TIMEOUT_S = 86_400;
const STOP_MS_MAX = 2_000;

export class LogStream implements AsyncDisposable {
  readonly #options: StreamOptions;
  readonly #zongji: ZongJi;
  #assembler: LogAssembler | null = null;
  #error: OtterError | null = null;
  #wake: (() => void) | null = null;
  /** Whoever waits for items to be taken. */
  #taken: (() => void) | null = null;
  readonly #abort = new AbortController();
  /** Copies of events that came while a table's structure was being asked for. */
  #backlog: Buffer[] = [];
  #asking = false;
  /** An event waits until the items are taken. */
  #full = false;
  #paused = false;
  /** Large items were taken. */
  #resting = false;
  #heard = true;
  #silentMs = 0;
  #seenFile = '';
  #seenOffset = 0;
  #watchdog: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#zongji = new ZongJi(options.dsn);
    this.#zongji.on('error', (error) => this.#fail(databaseError(error, options.where)));
    this.#zongji.on('ready', () => this.#onReady());
    const { place, from } = options;
    const start =
      place === null ? { gtidSet: formatBare(parsePosition(from)) } : { filename: place.file, position: place.offset };
    this.#zongji.start({ serverId: nextServerId(), ...start, includeEvents: [] });
    const tick = Math.min(1_000, options.silenceMsMax / 4);
    this.#watchdog = setInterval(() => this.#watch(tick), tick);
    this.#watchdog.unref();
  }

  /** Behind the last whole transaction that was read. */
  get position(): string {
    return this.#assembler?.position ?? this.#options.from;
  }

  /** The next batch, when there is anything new. @throws OtterError when the log cannot be followed any further. */
  async next(signal: AbortSignal): Promise<LogBatch> {
    if (this.#resting) {
      this.#resting = false;
      this.#goOn();
    }
    for (;;) {
      signal.throwIfAborted();
      const batch = this.#take();
      if (batch !== null) return batch;
      if (this.#error !== null) throw this.#error;
      await this.#wait(signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort.abort();
    this.#taken?.();
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    this.#backlog = [];
    const { connection, ctrlConnection } = this.#zongji as unknown as Internals;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, STOP_MS_MAX);
      this.#zongji.once('stopped', () => {
        clearTimeout(late);
        resolve();
      });
      this.#zongji.stop();
    });
    // It only says goodbye, and on a dead line would wait for the answer for ever.
    connection?.stream.destroy();
    ctrlConnection?.stream.destroy();
  }

  #take(): LogBatch | null {
    const assembler = this.#assembler;
    if (assembler === null) return null;
    const { point } = assembler;
    const moved = point.offset !== this.#seenOffset || point.file !== this.#seenFile;
    if (assembler.itemCount === 0 && !moved) return null;
    this.#seenOffset = point.offset;
    this.#seenFile = point.file;
    // No others are read until these have been handed on: rows of megabytes come one at a time.
    const large = assembler.bytes > LARGE_BYTES;
    const items = assembler.takeItems();
    this.#taken?.();
    if (large && this.#paused) this.#resting = true;
    else this.#goOn();
    return { items, point };
  }

  #goOn(): void {
    if (this.#full) {
      this.#full = false;
      this.#drainBacklog();
    } else if (this.#paused && !this.#asking) this.#resume();
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => {
      signal.removeEventListener('abort', wake);
      this.#wake = null;
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
    this.#wake = wake;
    return promise;
  }

  /** Before the dump is asked for: session settings, then the hook on its command, which is a class of this instance. */
  #onReady(): void {
    const inner = this.#zongji as unknown as Internals;
    const { connection } = inner;
    if (connection === null) return;
    this.#assembler = new LogAssembler({
      from: this.#options.from,
      wants: this.#options.wants,
      definitions: this.#options.definitions,
      partBytes: this.#options.partBytes,
      roomBytes: this.#options.queueBytesMax,
      checksum: true,
      folds: this.#options.folds,
      xa: this.#options.xa,
      ...(this.#options.history === undefined ? {} : { history: this.#options.history }),
    });
    const { shapes, ahead } = this.#options.known;
    for (const shape of shapes) this.#assembler.provide(shape.schema, shape.name, shape, ahead);
    const nanoseconds = this.#options.heartbeatMs * 1_000_000;
    const settings = [
      `@master_heartbeat_period=${nanoseconds}`,
      `@source_heartbeat_period=${nanoseconds}`,
      // Whatever the server does now: files of before may have them. So has what it says before the first of its own events.
      "@master_binlog_checksum='CRC32'",
      "@source_binlog_checksum='CRC32'",
      // MariaDB: a position that this server never had is an error, not a guess.
      '@slave_gtid_strict_mode=1',
      `SESSION net_write_timeout=${SERVER_WRITE_TIMEOUT_S}`,
    ];
    connection.query(`SET ${settings.join(', ')}`, (error) => {
      if (error !== null) this.#fail(databaseError(error, this.#options.where));
    });
    const { prototype } = inner.BinlogClass;
    const start = prototype.execute;
    const take = (packet: Packet): boolean => this.#packet(packet, connection);
    prototype.execute = function (packet, dump) {
      return packet === undefined || this.next === null ? start.call(this, packet, dump) : take(packet);
    };
  }

  /** Returns whether the dump is over. The packet is the driver's and is used again for the next one. */
  #packet(packet: Packet, connection: DumpConnection): boolean {
    this.#heard = true;
    if (this.#closed || this.#error !== null) return false;
    const { buffer, offset, end } = packet;
    if (buffer[offset] === PACKET_OK) {
      // The packets that the event came in.
      letGo(end - offset);
      if (this.#asking || this.#full) this.#backlog.push(Buffer.from(buffer.subarray(offset + 1, end)));
      else this.#feed(buffer, offset + 1, end);
      return false;
    }
    if (buffer[offset] === PACKET_ERROR) {
      this.#fail(databaseError(packet.asError(connection.clientEncoding), this.#options.where));
    } else {
      this.#fail(lost('the server ended its log', this.#options.where));
    }
    return true;
  }

  /** Returns whether the event was taken; if not, it waits: something is being asked for, or items must be taken. */
  #feed(bytes: Buffer, start: number, end: number): boolean {
    const assembler = this.#assembler!;
    try {
      const need = assembler.feed(bytes, start, end);
      if (need !== null) {
        this.#backlog.unshift(Buffer.from(bytes.subarray(start, end)));
        if (need.kind === 'room') this.#makeRoom();
        else this.#ask(need);
        return false;
      }
    } catch (error) {
      this.#fail(this.#refused(error));
      return false;
    }
    if (assembler.bytes > this.#options.queueBytesMax && assembler.itemCount > 0) this.#pause();
    this.#wake?.();
    const { wish } = assembler;
    if (wish !== null) this.#ask(wish);
    return true;
  }

  #makeRoom(): void {
    this.#full = true;
    this.#pause();
    this.#wake?.();
  }

  #ask(need: Ask): void {
    this.#asking = true;
    this.#pause();
    this.#answer(need).then(
      (give) => {
        this.#asking = false;
        if (this.#closed) return;
        give(this.#assembler!);
        this.#drainBacklog();
      },
      (error: unknown) => this.#fail(databaseError(error, this.#options.where)),
    );
  }

  async #answer(need: Ask): Promise<(assembler: LogAssembler) => void> {
    if (need.kind === 'reach') {
      const reach = await this.#options.reach(need.names);
      return (assembler) => assembler.provideReach(need.names, reach);
    }
    if (need.kind === 'prepared') return this.#lookUp(need.xid);
    if (need.kind === 'history') {
      const { past, position } = this.#assembler!;
      const { statement, tables } = need;
      const found = await this.#options.behind!(statement, tables, past, position);
      return (assembler) => assembler.provideHistory(statement, found);
    }
    const { schema, table, alone } = need;
    const { position } = this.#assembler!;
    const shapes = await this.#options.shapes(schema, table, alone);
    const same = shapes.has(table) && this.#assembler!.unchanged(shapes.values());
    const ahead = same ? [] : await this.#options.ahead(position);
    return (assembler) => {
      for (const [name, shape] of shapes) assembler.provide(schema, name, shape, ahead);
      if (!shapes.has(table)) assembler.provide(schema, table, null, ahead);
    };
  }

  /** However much it is, no more of it waits here than of the rest of the log. */
  async #lookUp(xid: string): Promise<(assembler: LogAssembler) => void> {
    const assembler = this.#assembler!;
    const { lookUp, queueBytesMax } = this.#options;
    for await (const item of lookUp(xid, assembler.point, assembler.position, this.#abort.signal)) {
      assembler.provideItem(item);
      this.#wake?.();
      while (assembler.bytes > queueBytesMax && assembler.itemCount > 0 && !this.#closed) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#taken = resolve;
        await promise;
      }
      if (this.#closed) break;
    }
    return (found) => found.found(xid);
  }

  #drainBacklog(): void {
    const waiting = this.#backlog;
    this.#backlog = [];
    for (const [i, event] of waiting.entries()) {
      if (this.#error !== null) return;
      if (this.#feed(event, 0, event.length) && !this.#asking) continue;
      this.#backlog.push(...waiting.slice(i + 1));
      return;
    }
    if (this.#paused && this.#assembler!.bytes <= this.#options.queueBytesMax) this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    (this.#zongji as unknown as Internals).connection?.stream.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#heard = true;
    if (this.#error === null && !this.#closed) (this.#zongji as unknown as Internals).connection?.stream.resume();
  }

  #watch(tickMs: number): void {
    this.#silentMs = this.#heard || this.#paused ? 0 : this.#silentMs + tickMs;
    this.#heard = false;
    if (this.#silentMs >= this.#options.silenceMsMax) {
      this.#fail(lost(`the server has been silent for ${Math.round(this.#silentMs / 1000)} s`, this.#options.where));
    }
  }

  /** The first failure stays; what was read before it is still delivered. */
  #fail(error: OtterError): void {
    if (this.#closed || this.#error !== null) return;
    this.#error = error;
    this.#backlog = [];
    this.#wake?.();
  }

  /** Whatever is thrown while reading an event is about that event; a bug must not end the process from a socket. */
  #refused(error: unknown): OtterError {
    if (error instanceof OtterError) {
      return new OtterError(error.code, error.message, {
        where: { ...this.#options.where, ...error.where },
        hint: error.hint,
        retry: error.retry,
        cause: error.cause,
      });
    }
    return new OtterError('OT4034', 'an event of the log could not be read', {
      where: this.#options.where,
      cause: error,
    });
  }
}

function lost(message: string, where: Readonly<Record<string, string | number>>): OtterError {
  return new OtterError('OT4004', message, { where, retry: 'backoff' });
}

/** Replicas of one server need different ids; servers in use have small ones. Each reader gets one of its own. */
const FIRST_SERVER_ID = 3_000_000_000;
let serverId = FIRST_SERVER_ID + Math.floor(Math.random() * 1_000_000_000);

function nextServerId(): number {
  serverId = serverId + 1 < 4_294_967_000 ? serverId + 1 : FIRST_SERVER_ID;
  return serverId;
}
