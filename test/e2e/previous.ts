/**
 * Otter as it was at the commit that `test/previous` names (its full hash, nothing else), built into a temporary folder: what nodes run
 * before an upgrade. The commit must be in this clone; a clone that is shallow, or no clone, is told what it needs.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WIRE = join('dist', 'link', 'wire.js');
const run = promisify(execFile);

export class Previous implements AsyncDisposable {
  readonly commit: string;
  readonly #folder: string;

  private constructor(commit: string, folder: string) {
    this.commit = commit;
    this.#folder = folder;
  }

  /** Takes half a minute, or several where its packages are others than ours. @throws Error when the commit is not here */
  static async build(): Promise<Previous> {
    const commit = (await readFile(join(ROOT, 'test', 'previous'), 'utf8')).trim();
    await mustBeHere(commit);
    const folder = await mkdtemp(join(tmpdir(), 'otter-previous-'));
    const previous = new Previous(commit, folder);
    try {
      const tar = join(folder, 'tree.tar');
      await run('git', ['archive', '--output', tar, commit], { cwd: ROOT });
      await run('tar', ['-xf', tar, '-C', folder]);
      await rm(tar);
      const lock = async (root: string): Promise<string> => readFile(join(root, 'package-lock.json'), 'utf8');
      if ((await lock(folder)) === (await lock(ROOT)))
        await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
      else await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
      const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
      await run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: folder });
      return previous;
    } catch (error) {
      await previous[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What runs it. */
  get command(): readonly string[] {
    return [process.execPath, join(this.#folder, 'dist', 'main.js')];
  }

  /** Makes it one whose link protocol is the one before ours: nodes that are started from now on speak that. */
  async speakEarlier(): Promise<void> {
    const file = join(this.#folder, WIRE);
    const protocol = /PROTOCOL_VERSION = (\d+)/;
    const [text, ours] = await Promise.all([file, join(ROOT, WIRE)].map((each) => readFile(each, 'utf8')));
    const earlier = Number(protocol.exec(ours!)![1]) - 1;
    await writeFile(file, text!.replace(protocol, `PROTOCOL_VERSION = ${earlier}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function mustBeHere(commit: string): Promise<void> {
  if (!/^[0-9a-f]{40}$/.test(commit))
    throw new Error('test/previous must hold the full hash of a commit, and nothing else');
  try {
    await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT });
  } catch (cause) {
    throw new Error(
      `this test builds otter as it was at ${commit}, which test/previous names, and that commit is not here: type \`git fetch --unshallow\` in a shallow clone, or run it in a clone of the repository`,
      { cause },
    );
  }
}
