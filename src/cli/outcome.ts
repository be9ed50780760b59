/** The last words of an apply that did not see everything run: thousands of pipelines are a few lines too. */
import type { WaitResult } from '../executor/wait.ts';
import { firstOf } from '../model/suggest.ts';

/** Pipelines that get a line of their own each. */
const LINES_MAX = 20;

/** What runs, what failed, what has not reported and what to type for it. */
export function outcomeLines({
  running,
  failed,
  missing,
}: Pick<WaitResult, 'running' | 'failed' | 'missing'>): string[] {
  const lines = running.length === 0 ? [] : [`  running: ${firstOf(running)}`];
  const { unreported = [], kept = [] } = Object.groupBy(missing, ({ error }) =>
    error === null ? 'unreported' : 'kept',
  );
  lines.push(
    ...some(
      failed.map(({ pipeline, node, code }) => `  failed: ${pipeline} on ${node} (${code ?? 'no code'})`),
      'failed',
    ),
    ...some(
      kept.map(({ pipeline, node, error }) => `  not yet running: ${pipeline} on ${node} (${error!.code})`),
      'not yet running',
    ),
  );
  const byNode = Map.groupBy(unreported, ({ node, database }) => node ?? `no node for ${database}`);
  for (const [node, list] of byNode) {
    const what =
      list[0]!.node === null ? node : `${node} has not reported; if it does not run, type: otter node ${node}`;
    lines.push(`  ${what} (${firstOf(list.map(({ pipeline }) => pipeline))})`);
  }
  return lines;
}

function some(lines: readonly string[], what: string): string[] {
  const more = lines.length - LINES_MAX;
  return more > 0 ? [...lines.slice(0, LINES_MAX), `  ${what}: ${more} more, see \`otter status\``] : [...lines];
}
