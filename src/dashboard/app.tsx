/**
 * The dashboard as a React tree: what is shown comes in through a hook, keys go out, a screen of lines is drawn, one `Text` a row.
 * Everything that decides is pure and elsewhere; this room and `run.ts` are the only ones that know ink.
 */
import { Box, type Key as InkKey, Text, useApp, useInput, useStdin, useWindowSize } from 'ink';
import { memo, type ReactNode, useEffect, useReducer, useRef, useSyncExternalStore } from 'react';
import type { Controller } from './controller.ts';
import type { Key } from './keys.ts';
import { screenLines } from './screens.ts';
import { lineText } from './text.ts';
import { coloured, glyphs } from './theme.ts';

/** Mounted rows cost time on every frame; nobody reads more than this at once. */
const ROWS_MAX = 60;
/** Reports come every three seconds at the latest, and draw; without them it is drawn all the same. */
const TICK_MS = 500;
const IDLE_MS = 3_500;

export interface DashboardProps {
  readonly controller: Controller;
  /** The clock on the wall, ms since 1970. */
  readonly now: () => number;
  readonly ascii: boolean;
  readonly colour: boolean;
  /** A person wants the shell for a while. */
  readonly suspend: () => void;
}

export function Dashboard({ controller, now, ascii, colour, suspend }: DashboardProps): ReactNode {
  const shown = useSyncExternalStore(controller.subscribe, controller.getSnapshot);
  const nowMs = useNow(now);
  useKeys(controller, shown.view.quit, suspend);
  const { columns, rows } = useWindowSize();
  // One row less than the terminal has: a full one makes it scroll and flicker.
  const height = Math.max(1, Math.min(ROWS_MAX, rows - 1));
  const lines = screenLines(shown, height, { glyphs: glyphs(ascii), columns, nowMs });
  return (
    <Box flexDirection="column" height={height} width={columns}>
      {lines.map((one, index) => (
        // A row is its place on the screen.
        <Row key={`row-${String(index)}`} text={colour ? coloured(one) : lineText(one)} />
      ))}
    </Box>
  );
}

interface RowProps {
  readonly text: string;
}

const Row = memo(function Row({ text }: RowProps): ReactNode {
  // An empty text would take no row.
  return <Text wrap="truncate">{text === '' ? ' ' : text}</Text>;
});

/** The time of this drawing; where nothing is reported it is drawn all the same after a while, since ages go on. */
function useNow(now: () => number): number {
  const [, drawAgain] = useReducer((count: number) => count + 1, 0);
  const nowMs = now();
  const drawn = useRef(0);
  useEffect(() => {
    drawn.current = performance.now();
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (performance.now() - drawn.current > IDLE_MS) drawAgain();
    }, TICK_MS);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return nowMs;
}

function useKeys(controller: Controller, quit: boolean, suspend: () => void): void {
  const { exit } = useApp();
  const { isRawModeSupported } = useStdin();
  useInput(
    (input, key) => {
      // The terminal is raw, so that nobody else makes a signal of it.
      if (key.ctrl && input === 'z') suspend();
      else controller.press(keysOf(input, key));
    },
    { isActive: isRawModeSupported },
  );
  useEffect(() => {
    if (quit) exit();
  }, [quit, exit]);
}

/** Several characters come as one input when they were typed fast or pasted. */
function keysOf(input: string, key: InkKey): readonly Key[] {
  if (key.ctrl) return input === 'c' || input === 'd' ? [{ kind: 'interrupt' }] : [];
  if (key.upArrow) return [{ kind: 'up' }];
  if (key.downArrow) return [{ kind: 'down' }];
  if (key.pageUp) return [{ kind: 'pageUp' }];
  if (key.pageDown) return [{ kind: 'pageDown' }];
  if (key.home) return [{ kind: 'home' }];
  if (key.end) return [{ kind: 'end' }];
  if (key.return) return [{ kind: 'enter' }];
  if (key.escape) return [{ kind: 'escape' }];
  if (key.tab) return [{ kind: key.shift ? 'backTab' : 'tab' }];
  if (key.backspace || key.delete) return [{ kind: 'backspace' }];
  // Escape and a character that came together look like the character with Alt, which means nothing here.
  const before: readonly Key[] = key.meta ? [{ kind: 'escape' }] : [];
  return [...before, ...[...input].map(keyOf)];
}

function keyOf(char: string): Key {
  switch (char) {
    case '\r':
    case '\n':
      return { kind: 'enter' };
    case '\t':
      return { kind: 'tab' };
    case '\x7f':
    case '\b':
      return { kind: 'backspace' };
    case '\x03':
      return { kind: 'interrupt' };
    default:
      return { kind: 'char', char };
  }
}
