/**
 * A TCP proxy that makes a network worse: it delays, cuts, freezes and throttles what passes. What it holds back is bounded;
 * beyond that it stops reading, so that the sender feels the slow line as it would feel a real one.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';
import { type Line, ProxyLane } from './proxy-lane.ts';

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
}

const PORT_ATTEMPTS = 5;

/** Listens on 127.0.0.1 until `port` is free; passes bytes both ways, in order and unchanged. */
export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  for (let attempt = 1; ; attempt++) {
    const proxy = new TcpProxy(options, await freePort());
    try {
      await proxy.heal();
      return proxy;
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

export class TcpProxy implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #target: { readonly host: string; readonly port: number };
  /** One line each way: connections share what `throttle` grants. */
  readonly #out: Line = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, freeAtMs: 0, frozen: false, passed: 0 };
  readonly #back: Line = {
    delayMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    freeAtMs: 0,
    frozen: false,
    passed: 0,
  };
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Socket>();
  readonly #lanes = new Set<ProxyLane>();
  /** Accepted while frozen; their connections to the target are made when it thaws. */
  #waiting: Socket[] = [];
  #server: Server | null = null;

  constructor(options: ProxyOptions, port: number) {
    this.#target = options.target;
    this.port = port;
  }

  /** Bytes that have passed so far, to the target and back from it. */
  get passed(): { readonly there: number; readonly back: number } {
    return { there: this.#out.passed, back: this.#back.passed };
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#clients.size;
  }

  /** Every byte takes this much longer, each way. */
  delay(ms: number): void {
    for (const line of this.#lines()) line.delayMs = ms;
  }

  /** So much each way, all connections together; `Infinity` ends it. */
  throttle(bytesPerSecond: number): void {
    if (!(bytesPerSecond > 0)) throw new RangeError('a throttle lets something through: use freeze() or cut()');
    for (const line of this.#lines()) Object.assign(line, { bytesPerSecond, freeAtMs: 0 });
    this.#wake();
  }

  /** Half-open: connections are accepted and stay, and nothing passes, neither bytes nor endings. */
  freeze(): void {
    for (const line of this.#lines()) line.frozen = true;
  }

  /** Of the connections that exist now nothing passes ever again, nor do they end; new ones are as ever. As behind a firewall that lost its table. */
  forget(): void {
    for (const lane of this.#lanes) lane.forget();
  }

  /** Resets every connection and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = server === null ? null : new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#waiting = [];
    await closed;
  }

  /** Ends `freeze` and `cut`; delay and throttle stay as they are. */
  async heal(): Promise<void> {
    for (const line of this.#lines()) line.frozen = false;
    this.#wake();
    for (const socket of this.#waiting.splice(0)) this.#join(socket);
    this.#server ??= await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #lines(): readonly Line[] {
    return [this.#out, this.#back];
  }

  #wake(): void {
    for (const lane of this.#lanes) lane.advance();
  }

  async #listen(): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      this.#keep(socket);
      this.#clients.add(socket);
      socket.once('close', () => this.#clients.delete(socket));
      if (this.#out.frozen) this.#waiting.push(socket);
      else this.#join(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.host, resolve);
    });
    server.unref();
    return server;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#waiting = this.#waiting.filter((one) => one !== socket);
    });
  }

  #join(client: Socket): void {
    if (client.destroyed) return;
    const server = createConnection({
      host: this.#target.host,
      port: this.#target.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    this.#keep(server);
    for (const [from, to, line] of [
      [client, server, this.#out],
      [server, client, this.#back],
    ] as const) {
      const lane = new ProxyLane(from, to, line);
      this.#lanes.add(lane);
      // Until then it may still have an ending to pass on.
      to.once('close', () => this.#lanes.delete(lane));
    }
  }
}
