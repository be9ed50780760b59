/**
 * The names under which objects are kept, for commands that read files and databases and no state: a channel or database that was renamed
 * is in otter's own tables under the name it was made with, and only the state store knows which that is.
 *
 * Rule: where a rename may have been, nothing is taken for what it is not: the store is asked, or the command says that it could not.
 */
import { readNames } from '../executor/applied.ts';
import { OtterError } from '../model/error.ts';
import { Names } from '../model/kept-names.ts';
import type { Topology } from '../model/topology.ts';
import { type CommonOptions, type Context, stateUrl } from './context.ts';

/** Of a store that is not there, or does not answer, every object has the name that it is kept under. @throws OtterError OT3001 where the files say that one has not */
export async function namesOf(
  context: Context,
  options: CommonOptions,
  { name, moved = [] }: Pick<Topology, 'name' | 'moved'>,
): Promise<Names> {
  const url = stateUrl(context, options);
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  const there = path === '' || context.parts.exists(path);
  if (!there) return new Names([]);
  try {
    await using store = context.parts.openStore(url, { make: false });
    return await readNames(store, name, context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (moved.length === 0 && error instanceof OtterError) return new Names([]);
    throw error;
  }
}
