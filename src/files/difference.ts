/**
 * A large file made of the version that is here and of what differs: the source tells where its pieces begin and what they hash to, those
 * that are here are copied, and the others come.
 */
import { hash } from 'node:crypto';
import type { BytePath, FileContent, FileFrame, FilePart, FileRequest, ReadProblem } from '../model/file-link.ts';
import type { Part } from './aside.ts';
import { openPlain, pieces, readAt, statOf } from './contents.ts';
import { type CutPiece, cutPieces } from './cutting.ts';
import type { Figures } from './figures.ts';
import { split } from './paths.ts';
import type { Directories } from './root.ts';
import { strange } from './strange.ts';

export interface DifferenceOptions {
  readonly directories: Directories;
  readonly path: BytePath;
  readonly content: FileContent;
  /** Gone on with, from where it is. */
  readonly part: Part;
  readonly ask: (request: FileRequest) => AsyncIterable<FileFrame>;
  readonly figures: Figures;
}

/** Of neighbouring pieces that come together. */
const RUN_BYTES_MAX = 8 << 20;
/** How many parts one request names. */
const PARTS_MAX = 512;

type Step =
  | { readonly kind: 'here'; readonly at: number; readonly length: number; readonly hash: string }
  | { readonly kind: 'comes'; readonly part: FilePart };

/** Why it does not come, or null: as much as could be made is. */
export async function byPieces(options: DifferenceOptions): Promise<ReadProblem | null> {
  const { directories, path, part, content } = options;
  const { directory, name } = split(path);
  using within = await directories.enter(directory);
  const handle = within === null ? null : await openPlain(within, name);
  if (handle === null) return null;
  try {
    const { size } = await statOf(handle);
    const [theirs, ours] = await Promise.all([told(options), placesOf(cutPieces(pieces(handle, 0, size)))]);
    const steps = stepsOf(theirs, ours, part.done);
    // Where nothing of it is here, it comes faster as a whole.
    if (
      !steps.some(({ kind }) => kind === 'here') ||
      theirs.reduce((sum, [length]) => sum + length, 0) !== content.size
    )
      return null;
    for (let from = 0; from < steps.length; ) {
      const some: Step[] = [];
      let parts = 0;
      for (; from < steps.length && parts < PARTS_MAX; from += 1) {
        some.push(steps[from]!);
        if (steps[from]!.kind === 'comes') parts += 1;
      }
      const coming = new Coming(
        options,
        some.flatMap((step) => (step.kind === 'comes' ? [step.part] : [])),
      );
      try {
        for (const step of some) {
          if (step.kind === 'comes') {
            const problem = await coming.into(part);
            if (problem !== null) return problem;
            continue;
          }
          const bytes = await readAt(handle, step.at, step.length);
          // It is written meanwhile: the rest comes from its source.
          if (hash('sha256', bytes) !== step.hash) return null;
          await part.add(bytes);
        }
      } finally {
        await coming.end();
      }
    }
    return null;
  } finally {
    await handle.close();
  }
}

async function told({ ask, path, content }: DifferenceOptions): Promise<CutPiece[]> {
  const all: CutPiece[] = [];
  for await (const { head } of ask({ op: 'pieces', path, hash: content.hash })) {
    if (head.kind !== 'pieces') throw strange();
    all.push(...head.pieces);
  }
  return all;
}

async function placesOf(cut: AsyncIterable<CutPiece[]>): Promise<ReadonlyMap<string, number>> {
  const places = new Map<string, number>();
  let at = 0;
  for await (const some of cut)
    for (const [length, digest] of some) {
      places.set(digest, at);
      at += length;
    }
  return places;
}

/** What is to be done for the pieces behind `done`; neighbours that come do so together. */
export function stepsOf(theirs: readonly CutPiece[], ours: ReadonlyMap<string, number>, done: number): Step[] {
  const steps: Step[] = [];
  let at = 0;
  for (const [length, digest] of theirs) {
    const from = Math.max(at, done);
    const end = at + length;
    const here = from === at ? ours.get(digest) : undefined;
    at = end;
    if (end <= done) continue;
    const last = steps.at(-1);
    if (here !== undefined) steps.push({ kind: 'here', at: here, length, hash: digest });
    else if (last?.kind === 'comes' && last.part[1] + length <= RUN_BYTES_MAX)
      steps[steps.length - 1] = { kind: 'comes', part: [last.part[0], last.part[1] + end - from] };
    else steps.push({ kind: 'comes', part: [from, end - from] });
  }
  return steps;
}

/** Parts as they come over the link, one after the other. */
class Coming {
  readonly #frames: AsyncIterator<FileFrame> | null;
  readonly #figures: Figures;

  constructor({ ask, path, content, figures }: DifferenceOptions, parts: readonly FilePart[]) {
    const request = { op: 'parts', path, hash: content.hash, parts } as const;
    this.#frames = parts.length === 0 ? null : ask(request)[Symbol.asyncIterator]();
    this.#figures = figures;
  }

  async into(part: Part): Promise<ReadProblem | null> {
    for (;;) {
      const next = await this.#frames!.next();
      if (next.done === true) return 'changed';
      const { head, body } = next.value;
      if (head.kind !== 'read') throw strange();
      const [, , last, problem] = head.parts[0] ?? [0, 0, true, 'changed' as const];
      if (problem !== null) return problem;
      this.#figures.received(body.length);
      await part.add(body);
      if (last) return null;
    }
  }

  async end(): Promise<void> {
    await this.#frames?.return?.();
  }
}
