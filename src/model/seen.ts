/**
 * What `Seen` says of one pipeline: a position in its source's log, and, where the sites of a mesh compare clocks, the
 * clock of that log there. Written as the position, or as the position, a space and the clock.
 */
export interface SeenPlace {
  readonly position: string;
  /** Microseconds since 1970; 0: nobody asks. */
  readonly clock: number;
}

export function seenText({ position, clock }: SeenPlace): string {
  return clock === 0 ? position : `${position} ${clock}`;
}

export function readSeen(text: string): SeenPlace {
  const space = text.indexOf(' ');
  return space < 0
    ? { position: text, clock: 0 }
    : { position: text.slice(0, space), clock: Number(text.slice(space + 1)) };
}
