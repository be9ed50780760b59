/**
 * What every private server has in common: it is started on a port until one holds, stopped, killed, frozen, and started
 * again on the same data and port. A server given by address (`external`) is used, never touched.
 */
import { OtterError } from '../model/error.ts';
import { freePort } from './free-port.ts';
import { removePrivateFolder, type ServerCommand, ServerProcess } from './process.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 30_000;
const PORT_ATTEMPTS = 5;

export interface Lifetime extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Process id, or null while it is stopped and for a server given by address. */
  readonly pid: number | null;
  readonly running: boolean;
  /** Ends it in good order; the data and the port stay. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP, and waits until every thread stands: it accepts connections, by its backlog, and answers nothing. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Ends it in good order when it runs, and starts it on the same data and port. */
  restart(options?: {
    readonly args?: readonly string[] | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<void>;
}

export interface Recipe {
  /** For messages: `MariaDB 10.11.19`. */
  readonly what: string;
  readonly folder: string;
  /** Command for a port; `args` are the caller's own arguments; `first`: nothing has run on this data in this lab yet. */
  readonly command: (
    port: number,
    args: readonly string[],
    first: boolean,
  ) => Omit<ServerCommand, 'folder'> | Promise<Omit<ServerCommand, 'folder'>>;
  /** Whether the server that answers on the port is the one that was just started. */
  readonly answers: (port: number) => Promise<boolean>;
  readonly args: readonly string[];
  /** The data lies outside the folder and is wanted after the end. */
  readonly keepsData: boolean;
}

/** A server of ours. */
export class PrivateServer implements Lifetime {
  readonly host = '127.0.0.1';
  #port = 0;
  #args: readonly string[];
  #process: ServerProcess | null = null;
  readonly #recipe: Recipe;

  constructor(recipe: Recipe) {
    this.#recipe = recipe;
    this.#args = recipe.args;
  }

  get port(): number {
    return this.#port;
  }

  get running(): boolean {
    return this.#process !== null && this.#process.ending === null;
  }

  get pid(): number | null {
    return this.running ? (this.#process?.pid ?? null) : null;
  }

  /** First start: looks for a port that holds. */
  async start(signal?: AbortSignal | undefined): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = await freePort();
      try {
        await this.#launch(true, signal);
        return;
      } catch (error) {
        const lostPort =
          error instanceof OtterError && /address (is )?already in use|bind on tcp\/ip port/i.test(error.message);
        if (!lostPort || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    await this.#process?.end(STOP_GRACE_MS);
    this.#process = null;
  }

  async kill(): Promise<void> {
    await this.#process?.end(0);
    this.#process = null;
  }

  async freeze(): Promise<void> {
    await this.#process?.freeze();
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }

  async restart(
    options: { readonly args?: readonly string[] | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.stop();
    this.#args = options.args ?? this.#args;
    await this.#launch(false, options.signal);
  }

  async #launch(first: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { folder, what, command, answers } = this.#recipe;
    const started = await ServerProcess.start({ folder, ...(await command(this.#port, this.#args, first)) });
    this.#process = started;
    try {
      await started.ready(what, async () => answers(this.#port), START_TIMEOUT_MS, signal);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** Kills it and removes its folder: nothing in there is wanted any more. A data directory elsewhere is closed well. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#recipe.keepsData ? this.stop() : this.kill());
    await removePrivateFolder(this.#recipe.folder);
  }
}

/** A server whose address was given: it stays as it is. */
export class ExternalServer implements Lifetime {
  readonly pid = null;
  readonly running = true;
  readonly host: string;
  readonly port: number;
  readonly #letGo: () => void;

  constructor(options: { readonly host: string; readonly port: number; readonly letGo: () => void }) {
    this.host = options.host;
    this.port = options.port;
    this.#letGo = options.letGo;
  }

  async stop(): Promise<void> {
    this.#refuse();
  }

  async kill(): Promise<void> {
    this.#refuse();
  }

  async freeze(): Promise<void> {
    this.#refuse();
  }

  thaw(): void {
    this.#refuse();
  }

  async restart(): Promise<void> {
    this.#refuse();
  }

  #refuse(): never {
    throw new OtterError(
      'OT7104',
      `the server at ${this.host}:${this.port} was given by address and is not ours to stop`,
      {
        hint: 'unset OTTER_TEST_MARIADB, OTTER_TEST_MYSQL and OTTER_TEST_ETCD, so that private servers are started',
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#letGo();
  }
}
