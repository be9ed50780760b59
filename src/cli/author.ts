/** Who types, as history and audit keep it. */
import type { Author } from '../executor/batches.ts';
import type { CommonOptions, Context } from './context.ts';

/** @param command as it is typed: `apply`, `lock break` */
export function authorOf(context: Context, options: CommonOptions, command: string): Author {
  const { user, author, host, pid, commit, dirty } = context.parts.who(folderOf(context, options));
  return { by: user, author, host, pid, version: context.version, commit, dirty, command };
}

/** Of the topology's files, as far as there are any. */
function folderOf({ parts }: Context, { topology }: CommonOptions): string {
  if (topology !== undefined && parts.exists(topology)) return topology;
  return parts.exists('topologies') ? 'topologies' : '.';
}
