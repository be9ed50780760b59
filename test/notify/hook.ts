/** A webhook as somebody's own server would be: it keeps what it is posted, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Posted<T> {
  readonly body: T;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
}

export class Hook<T> implements AsyncDisposable {
  readonly posted: Posted<T>[] = [];
  /** What every post is answered with. */
  answer: (response: ServerResponse) => void = (response) => response.end('ok');
  readonly #server = createServer((request, response) => {
    let text = '';
    request.on('data', (more) => {
      text += String(more);
    });
    request.on('end', () => {
      this.posted.push({ body: JSON.parse(text) as T, headers: request.headers, path: request.url ?? '' });
      this.answer(response);
    });
  });

  static async start<T>(): Promise<Hook<T>> {
    const hook = new Hook<T>();
    await new Promise<void>((resolve) => hook.#server.listen(0, '127.0.0.1', resolve));
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks/s3cret`;
  }

  get bodies(): T[] {
    return this.posted.map(({ body }) => body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
