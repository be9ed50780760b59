/** Sides of a file set in one process, over real directories; the link is a call, and can be cut. */
import { hash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import { Side } from '../../src/files/side.ts';
import { OtterError } from '../../src/model/error.ts';
import type { FileFrame, FileLink, FileRequest } from '../../src/model/file-link.ts';
import { type FileSetSpec, type FileSideSpec, sideName } from '../../src/model/files.ts';
import { type FileComparison, type FlowComparison, NOTHING_COMPARED } from '../../src/model/files-check.ts';
import type { Logger } from '../../src/model/ports.ts';
import type { FileFlowFigures } from '../../src/model/records.ts';

const WAIT = { timeout: 20_000, interval: 20 };

export class Sides implements AsyncDisposable {
  readonly folder = mkdtempSync(`${tmpdir()}/otter-files-`);
  readonly logged: string[] = [];
  readonly asked: FileRequest[] = [];
  readonly #sides = new Map<string, Side>();
  #spec: FileSetSpec;
  #cut = new AbortController();
  /** What goes over the link, and may throw to cut it. */
  passing: (frame: FileFrame) => void = () => undefined;

  constructor(spec: Partial<FileSetSpec> & Pick<FileSetSpec, 'between'>, regions = ['a', 'b']) {
    const roots = Object.fromEntries(regions.map((region) => [region, `${this.folder}/${region}`]));
    for (const root of Object.values(roots)) mkdirSync(root);
    const defaults = { exclude: [], order: 'file-first', missing: 'wait', delete: 'keep' } as const;
    const between = spec.from === undefined ? { between: spec.between ?? regions } : {};
    this.#spec = { ...defaults, roots, ...between, ...spec };
  }

  root(region: string): string {
    return this.#spec.roots[region]!;
  }

  start(...regions: string[]): void {
    for (const region of regions) {
      const spec = this.#specOf(region);
      const timing = { quietMs: 25, scanEveryMs: 3_600_000, pulseMs: 50, retryEveryMs: 50 };
      this.#sides.set(
        region,
        new Side({ spec, link: this.#link(region), logger: this.#logger(), now: Date.now, timing }),
      );
    }
  }

  /** Another topology reaches these regions. */
  update(spec: Partial<FileSetSpec>, ...regions: string[]): void {
    this.#spec = { ...this.#spec, ...spec };
    for (const region of regions) this.#sides.get(region)!.update(this.#specOf(region));
  }

  async stop(region: string): Promise<void> {
    await this.#sides.get(region)?.stop();
    this.#sides.delete(region);
  }

  cut(): void {
    this.#cut.abort(new OtterError('OT6002', 'cut', { retry: 'backoff' }));
    this.#cut = new AbortController();
  }

  /** As a pipeline into the region has files brought; those that are missing are returned. */
  async bring(region: string, source: string, paths: readonly string[], later = false): Promise<readonly string[]> {
    const request = { op: 'bring', source, paths, later } as const;
    for (;;) {
      try {
        const answers = this.#sides.get(region)!.service.ask(request, AbortSignal.timeout(20_000));
        for await (const { head } of answers) if (head.kind === 'brought') return head.missing;
      } catch (error) {
        // It is just starting.
        if (!(error instanceof OtterError) || error.code !== 'OT8022') throw error;
        await sleep(10);
      }
    }
  }

  /** Of the only flow into the region. */
  async compare(region: string, asked: Partial<FileComparison> = {}): Promise<FlowComparison> {
    let told: FlowComparison = NOTHING_COMPARED;
    const began = (_flow: string, counts: FlowComparison): void => {
      told = counts;
    };
    const whole = { hash: false, repair: false, ...asked };
    await this.#sides.get(region)!.compare(whole, began, AbortSignal.timeout(60_000));
    return { ...told };
  }

  figures(region: string): FileFlowFigures {
    return Object.values(this.#sides.get(region)!.figures())[0]!;
  }

  /** Waits until all roots have the same files, as `tree` tells them. */
  async equal(): Promise<Readonly<Record<string, string>>> {
    return vi.waitFor(() => {
      // Hashing is dear: what looks alike is hashed, at the end.
      const all = (hashed: boolean) => Object.keys(this.#spec.roots).map((region) => treeOf(this.root(region), hashed));
      const [looks, ...otherLooks] = all(false);
      for (const other of otherLooks) expect(other).toEqual(looks);
      for (const side of this.#sides.values())
        for (const figures of Object.values(side.figures()))
          expect(figures).toMatchObject({ phase: 'streaming', backlogFiles: 0 });
      const [first, ...others] = all(true);
      for (const other of others) expect(other).toEqual(first);
      return first!;
    }, WAIT);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sides.values()].map(async (side) => side.stop()));
    rmSync(this.folder, { recursive: true });
  }

  #specOf(region: string): FileSideSpec {
    const whose = { lineage: 'l', topology: 't', name: sideName('s', region), set: 's', region };
    return { ...whose, generation: 1, spec: this.#spec };
  }

  #link(region: string): FileLink {
    return {
      ask: (name, request, signal) => this.#ask(region, name, request, signal),
    };
  }

  async *#ask(_from: string, name: string, request: FileRequest, signal: AbortSignal): AsyncGenerator<FileFrame> {
    const side = this.#sides.get(name.slice(name.indexOf('@') + 1));
    if (side === undefined) throw new OtterError('OT6004', `nobody serves ${name}`, { retry: 'backoff' });
    this.asked.push(request);
    const cut = this.#cut.signal;
    for await (const frame of side.service.ask(request, AbortSignal.any([signal, cut]))) {
      cut.throwIfAborted();
      this.passing(frame);
      yield frame;
    }
    cut.throwIfAborted();
  }

  #logger(): Logger {
    const log = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
    };
    const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
    return logger;
  }
}

/** Paths, as bytes, with time, permissions and hash of every plain file; otter's own left out. */
export function treeOf(root: string, hashed = true): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (at: Buffer, path: string): void => {
    for (const entry of readdirSync(at, { encoding: 'buffer', withFileTypes: true })) {
      const name = entry.name.toString('latin1');
      if (path === '' && name === '.otter') continue;
      const child = Buffer.concat([at, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) walk(child, `${path}${name}/`);
      else if (entry.isFile()) {
        const { mtimeNs, mode, size } = lstatSync(child, { bigint: true });
        const content = hashed ? hash('sha256', readFileSync(child)) : size;
        found[path + name] = `${mtimeNs / 1000n} ${(mode & 0o777n).toString(8)} ${content}`;
      }
    }
  };
  walk(Buffer.from(root), '');
  return found;
}
