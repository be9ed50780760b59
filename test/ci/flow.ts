/** A repository, and runs of ci/otter-ci.mjs in it as the hosts start them. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FakeHost, TOKEN } from './host.ts';

const SCRIPT = fileURLToPath(new URL('../../ci/otter-ci.mjs', import.meta.url));
const exec = promisify(execFile);

export type Kind = 'github' | 'gitlab';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Repository implements AsyncDisposable {
  readonly folder: string;
  readonly #host: FakeHost;
  readonly #kind: Kind;

  private constructor(folder: string, host: FakeHost, kind: Kind) {
    this.folder = folder;
    this.#host = host;
    this.#kind = kind;
  }

  static async with(topology: string, host: FakeHost, kind: Kind): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'otter-ci-test-')), host, kind);
    await repository.git('init', '-q', '-b', 'main');
    await repository.commit(topology, 'The beginning');
    return repository;
  }

  async git(...args: string[]): Promise<string> {
    const own = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
    return (await exec('git', [...own, ...args], { cwd: this.folder })).stdout.trim();
  }

  /** @returns the commit */
  async commit(topology: string, message: string): Promise<string> {
    const file = join(this.folder, 'topologies', 'main.yaml');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, topology);
    await this.git('add', '.');
    await this.git('commit', '-q', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** A file that goes with the next commit. */
  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true });
    await writeFile(join(this.folder, path), text);
  }

  /** A branch with one commit, checked out. */
  async branch(name: string, topology: string): Promise<string> {
    await this.git('checkout', '-q', '-b', name, 'main');
    return this.commit(topology, name);
  }

  /** As the host's button does. */
  async merge(name: string, request: number): Promise<string> {
    await this.git('checkout', '-q', 'main');
    await this.git('merge', '-q', '--no-ff', '-m', `Merge ${name}`, name);
    const commit = await this.git('rev-parse', 'HEAD');
    this.#host.merged.set(commit, request);
    return commit;
  }

  async run(
    command: 'review' | 'apply',
    commit: string,
    request: number | null,
    more: Record<string, string> = {},
  ): Promise<Ran> {
    const event = join(this.folder, '.git', 'event.json');
    await writeFile(
      event,
      JSON.stringify(request === null ? {} : { pull_request: { number: request, head: { sha: commit } } }),
    );
    const { url } = this.#host;
    const of: Record<Kind, Record<string, string>> = {
      github: {
        GITHUB_ACTIONS: 'true',
        GITHUB_API_URL: url,
        GITHUB_REPOSITORY: 'o/r',
        GITHUB_SERVER_URL: 'https://example.org',
        GITHUB_RUN_ID: '7',
        GITHUB_EVENT_PATH: event,
        GITHUB_SHA: commit,
        GITHUB_TOKEN: TOKEN,
      },
      gitlab: {
        GITLAB_CI: 'true',
        CI_API_V4_URL: url,
        CI_PROJECT_ID: '5',
        CI_COMMIT_SHA: commit,
        OTTER_GITLAB_TOKEN: TOKEN,
        ...(request === null ? {} : { CI_MERGE_REQUEST_IID: String(request) }),
      },
    };
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      OTTER_STATE: `file:${join(this.folder, '.git', 'state.db')}`,
      ...of[this.#kind],
      ...more,
    };
    const child = spawn(process.execPath, [SCRIPT, command], {
      cwd: this.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => {
      out += String(data);
    });
    child.stderr.on('data', (data) => {
      err += String(data);
    });
    const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
    return { code, out, err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
