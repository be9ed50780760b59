/** A stand-in for the two hosts' interfaces, as far as ci/ asks them: comments in memory, over HTTP on this machine. It is no GitHub and no GitLab. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Said {
  readonly id: number;
  readonly author: string;
  body: string;
}

export class FakeHost implements AsyncDisposable {
  /** Comments of the requests, oldest first. */
  readonly comments = new Map<number, Said[]>();
  /** Commits that came by merged requests. */
  readonly merged = new Map<string, number>();
  /** What was asked, and answered. */
  readonly calls: string[] = [];
  /** So many calls are answered with 503 first. */
  failing = 0;
  url = '';
  #id = 0;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const token = headers.authorization ?? headers['private-token'];
      const text = Buffer.concat(chunks).toString();
      const [status, answer] =
        this.failing-- > 0
          ? [503, {}]
          : token === `Bearer ${TOKEN}` || token === TOKEN
            ? this.#answer(method, url, text === '' ? null : (JSON.parse(text) as { body: string }))
            : [401, {}];
      this.calls.push(`${method} ${url.split('?')[0]} ${status}`);
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '0.01' });
      response.end(JSON.stringify(answer));
    });
  });

  static async start(): Promise<FakeHost> {
    const host = new FakeHost();
    await new Promise<void>((resolve) => host.#server.listen(0, '127.0.0.1', resolve));
    host.url = `http://127.0.0.1:${(host.#server.address() as AddressInfo).port}`;
    return host;
  }

  say(request: number, author: string, body: string): Said {
    const said = { id: ++this.#id, author, body };
    this.comments.set(request, [...(this.comments.get(request) ?? []), said]);
    return said;
  }

  #answer(method: string, url: string, sent: { body: string } | null): [number, unknown] {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const commit = /\/commits\/(\w+)\/(pulls|merge_requests)$/.exec(pathname);
    if (commit !== null) {
      const number = this.merged.get(commit[1]!);
      const found = number === undefined ? [] : [{ number, iid: number, merged_at: '2026-01-01', state: 'merged' }];
      return [200, found];
    }
    if (pathname.endsWith('/user')) return [200, { id: BOT }];
    const one = /\/(?:issues\/comments|notes)\/(\d+)$/.exec(pathname);
    if (one !== null) {
      const said = [...this.comments.values()].flat().find(({ id }) => id === Number(one[1]));
      if (said === undefined || !['PATCH', 'PUT'].includes(method)) return [404, {}];
      if (sent!.body.length > LIMIT) return [422, {}];
      said.body = sent!.body;
      return [200, shown(said)];
    }
    const list = /\/(?:issues|merge_requests)\/(\d+)\/(?:comments|notes)$/.exec(pathname);
    if (list === null) return [404, {}];
    const request = Number(list[1]);
    if (method === 'POST')
      return sent!.body.length > LIMIT ? [422, {}] : [201, shown(this.say(request, BOT, sent!.body))];
    const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('per_page'))];
    const all = (this.comments.get(request) ?? []).map(shown);
    return [200, all.slice((page - 1) * size, page * size)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const TOKEN = 'the-token-of-the-job';
export const BOT = 'github-actions[bot]';
/** GitHub's. */
export const LIMIT = 65_536;

function shown({ id, author, body }: Said): object {
  return { id, body, user: { login: author }, author: { id: author } };
}
