/** An apply under way, drawn: a fold over its events, lines for where nobody draws, and a tree for a terminal. */
import type { ApplyEvent } from '../model/apply-event.ts';
import { firstOf } from '../model/suggest.ts';
import { displayWidth, printable } from './width.ts';

export interface ProgressState {
  readonly head: { readonly topology: string; readonly serial: number } | null;
  /** In the order of writing. */
  readonly objects: ReadonlyMap<string, { readonly symbol: string; readonly state: 'left' | 'writing' | 'written' }>;
  readonly waiting: readonly { readonly pipeline: string; readonly why: string }[];
  readonly failed: readonly { readonly pipeline: string; readonly why: string }[];
  readonly interrupted: boolean;
}

export const NOTHING_YET: ProgressState = {
  head: null,
  objects: new Map(),
  waiting: [],
  failed: [],
  interrupted: false,
};

/** Pure: what is known after one event more. */
export function folded(state: ProgressState, event: ApplyEvent): ProgressState {
  const with_ = (addresses: readonly string[], to: 'writing' | 'written'): ProgressState => {
    const objects = new Map(state.objects);
    for (const address of addresses) {
      const known = objects.get(address);
      if (known !== undefined) objects.set(address, { ...known, state: to });
    }
    return { ...state, objects };
  };
  switch (event.type) {
    case 'started': {
      const done = new Set(event.done);
      const objects = event.changes.map(
        ({ address, actions }) =>
          [
            address,
            { symbol: symbolOf(actions), state: done.has(address) ? ('written' as const) : ('left' as const) },
          ] as const,
      );
      return { ...state, head: { topology: event.topology, serial: event.serial }, objects: new Map(objects) };
    }
    case 'step_started':
      return with_(event.addresses, 'writing');
    case 'step_written':
      return with_(event.addresses, 'written');
    case 'nodes_waiting':
      return { ...state, waiting: event.waiting };
    case 'gate_passed':
      return { ...state, waiting: [] };
    case 'pipeline_failed': {
      const { pipeline, code, message } = event;
      const others = state.failed.filter((one) => one.pipeline !== pipeline);
      return { ...state, failed: [...others, { pipeline, why: `${code ?? 'without a code'}: ${message}` }] };
    }
    case 'interrupted':
      return { ...state, interrupted: true };
    case 'lock_waiting':
    case 'note':
    case 'heartbeat':
    case 'finished':
      return state;
    default:
      return event satisfies never;
  }
}

function symbolOf(actions: readonly string[]): string {
  if (actions.length > 1) return '±';
  return actions[0] === 'create' ? '+' : actions[0] === 'delete' ? '-' : '~';
}

/** What an event says in a line or two; null: nothing that would not be said anyway. */
export function eventText(event: ApplyEvent): string | null {
  switch (event.type) {
    case 'lock_waiting': {
      const { holder, host, pid, since, operation } = event;
      return `Waiting for ${holder}@${host} (pid ${pid}), who holds the lock since ${since} (${operation}).`;
    }
    case 'started': {
      const { done, changes, serial } = event;
      return done.length === 0
        ? null
        : `Resuming serial ${serial}: ${done.length} of ${changes.length} changes are applied.`;
    }
    case 'step_written':
      return event.steps > 1 ? `Written ${event.step} of ${event.steps} parts.` : null;
    case 'nodes_waiting': {
      if (event.step === null || event.waiting.length === 0) return null;
      const what = event.waiting.map(({ pipeline, why }) => `${pipeline}: ${why}`).join('; ');
      return `Part ${event.step} is to run before the next is written. ${what}.`;
    }
    case 'gate_passed':
      return `Part ${event.step} runs.`;
    case 'pipeline_failed': {
      const { pipeline, node, code, message, hint } = event;
      return `Error ${code ?? 'without a code'}: ${pipeline} on ${node}: ${message}${hint === null ? '' : `\n  ${hint}`}`;
    }
    case 'note':
      return event.message;
    case 'heartbeat':
      return `${event.doing} [${elapsedText(event.elapsed_ms)} elapsed]`;
    case 'interrupted':
      return 'Interrupted: what is under way is finished first. Once more ends it at once.';
    case 'step_started':
    case 'finished':
      return null;
    default:
      return event satisfies never;
  }
}

/** `01m20s`. */
export function elapsedText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(seconds / 60))}m${two(seconds % 60)}s`;
}

/** What is being waited for, for a heartbeat. */
export function doing({ head, objects, waiting }: ProgressState): string {
  if (waiting.length > 0) return `Still waiting for ${firstOf(waiting.map(({ pipeline }) => pipeline))}`;
  const left = [...objects.values()].filter(({ state }) => state !== 'written').length;
  if (head !== null && left > 0) return `Still applying serial ${head.serial}: ${left} changes left`;
  return 'Still at it';
}

export interface TreeView {
  readonly elapsedMs: number;
  readonly columns: number;
  readonly rowsMax: number;
  readonly colour: boolean;
}

const PAINT = { written: '\u001b[32m', writing: '\u001b[33m', left: '\u001b[2m', failed: '\u001b[31m' } as const;
const WORDS = { written: 'written', writing: 'writing', left: 'waits' } as const;
const SIGNS = { written: '✓', writing: '●', left: '·' } as const;

/** The tree, at most `rowsMax` lines of at most `columns`; empty before anything has begun. */
export function treeLines(state: ProgressState, { elapsedMs, columns, rowsMax, colour }: TreeView): string[] {
  if (state.head === null) return [];
  const paint = (kind: keyof typeof PAINT, text: string): string => (colour ? `${PAINT[kind]}${text}\u001b[0m` : text);
  const fitted = (text: string): string => {
    const line = printable(text);
    return displayWidth(line) < columns ? line : `${[...line].slice(0, Math.max(0, columns - 2)).join('')}…`;
  };
  const all = [...state.objects];
  const written = all.filter(([, { state: one }]) => one === 'written').length;
  const { topology, serial } = state.head;
  const title = `${topology} serial ${serial}: ${written} of ${all.length} written [${elapsedText(elapsedMs)}]`;
  const pipelines = [
    ...state.failed.map(({ pipeline, why }) => paint('failed', fitted(`    ✗ ${pipeline}  ${why}`))),
    ...state.waiting.map(({ pipeline, why }) => paint('writing', fitted(`    … ${pipeline}  ${why}`))),
  ];
  const room = Math.max(1, rowsMax - 2 - Math.min(pipelines.length, Math.floor(rowsMax / 2)));
  // What is under way, then what waits, then what is done: the order of what one looks for when there is no room.
  const rank = { writing: 0, left: 1, written: 2 } as const;
  const chosen =
    all.length <= room
      ? all
      : [...all].sort(([, a], [, b]) => rank[a.state] - rank[b.state]).slice(0, Math.max(0, room - 1));
  const lines = [
    fitted(title),
    ...chosen.map(([address, { symbol, state: one }]) =>
      paint(one, fitted(`  ${SIGNS[one]} ${symbol} ${address}  ${WORDS[one]}`)),
    ),
    ...(chosen.length < all.length ? [fitted(`  … and ${all.length - chosen.length} more`)] : []),
    ...pipelines,
  ];
  return lines.slice(0, rowsMax);
}
