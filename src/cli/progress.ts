/**
 * An apply under way, told: lines, or a tree that is drawn anew on a terminal, and every event as a line of a file.
 *
 * Rule: what was said in a line stays, whoever said it (`beside`); only the tree is drawn over.
 */
import type { ApplyEvent, Told } from '../model/apply-event.ts';
import { messageOf } from '../model/error.ts';
import { doing, eventText, folded, NOTHING_YET, type ProgressState, treeLines } from '../render/progress.ts';
import { printable } from '../render/width.ts';
import { type CommonOptions, type Context, colour, type Output } from './context.ts';

const HEARTBEAT_MS = 15_000;
const DRAW_EVERY_MS = 500;
const ROWS_MAX = 20;

export interface ProgressOptions extends CommonOptions {
  /** A file for the events. */
  readonly jsonInto?: string;
}

export class Progress implements Disposable {
  /** What else says something meanwhile says it here: above the tree. */
  readonly beside: Context;
  readonly #context: Context;
  readonly #colour: boolean;
  readonly #into: { write(line: string): void } | null;
  readonly #begun: number;
  readonly #timer: NodeJS.Timeout;
  readonly #interrupt: () => void;
  #state: ProgressState = NOTHING_YET;
  #drawn = 0;
  #lastMs: number;
  #broken = false;
  #ended = false;

  /** @throws OtterError OT7003 when the file cannot be written */
  constructor(context: Context, options: ProgressOptions) {
    this.#context = context;
    this.beside = { ...context, stdout: this.#above(context.stdout), stderr: this.#above(context.stderr) };
    this.#colour = colour(context, options);
    this.#into = options.jsonInto === undefined ? null : context.parts.openLines(options.jsonInto);
    this.#begun = context.now();
    this.#lastMs = this.#begun;
    const tree = this.#columns() !== null;
    this.#timer = setInterval(() => this.#tick(), tree ? DRAW_EVERY_MS : 1000);
    this.#timer.unref();
    this.#interrupt = () => this.tell({ type: 'interrupted', left: this.left });
    context.signal.addEventListener('abort', this.#interrupt, { once: true });
  }

  /** Addresses that are not written. */
  get left(): string[] {
    return [...this.#state.objects].flatMap(([address, { state }]) => (state === 'written' ? [] : [address]));
  }

  get done(): string[] {
    return [...this.#state.objects].flatMap(([address, { state }]) => (state === 'written' ? [address] : []));
  }

  tell(told: Told): void {
    const event: ApplyEvent = { at: new Date(this.#context.now()).toISOString(), ...told };
    this.#write(event);
    this.#state = folded(this.#state, event);
    if (event.type !== 'heartbeat') this.#lastMs = this.#context.now();
    const text = event.type === 'heartbeat' && this.#columns() !== null ? null : eventText(event);
    this.#erase();
    if (text !== null) {
      const lines = text.split('\n').map(printable);
      this.#context.stderr.write(`${lines.join('\n')}\n`);
    }
    this.#ended ||= event.type === 'finished';
    this.#draw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#context.signal.removeEventListener('abort', this.#interrupt);
    this.#ended = true;
    this.#erase();
  }

  #tick(): void {
    const now = this.#context.now();
    if (now - this.#lastMs >= HEARTBEAT_MS) {
      this.#lastMs = now;
      this.tell({ type: 'heartbeat', elapsed_ms: now - this.#begun, doing: doing(this.#state) });
    } else if (this.#drawn > 0) {
      this.#erase();
      this.#draw();
    }
  }

  #write(event: ApplyEvent): void {
    if (this.#into === null || this.#broken) return;
    try {
      this.#into.write(JSON.stringify(event));
    } catch (error) {
      // The apply has better to do than to end for that.
      this.#broken = true;
      this.#context.stderr.write(`Events are not written any more: ${printable(messageOf(error))}\n`);
    }
  }

  // ------------------------------------------------------------ the tree

  /** Null where there is no terminal to draw on. */
  #columns(): number | null {
    const { stdout, stderr } = this.#context;
    return stdout.isTTY === true && stderr.isTTY === true ? stderr.columns || null : null;
  }

  /** What has scrolled away cannot be drawn over. */
  #rowsMax(): number {
    const { rows } = this.#context.stderr;
    return rows ? Math.max(1, Math.min(ROWS_MAX, rows - 1)) : ROWS_MAX;
  }

  #above(output: Output): Output {
    return {
      write: (text) => {
        this.#erase();
        output.write(text);
        this.#draw();
      },
      isTTY: output.isTTY,
      columns: output.columns,
      rows: output.rows,
    };
  }

  #draw(): void {
    const columns = this.#columns();
    if (columns === null || this.#ended) return;
    const elapsedMs = this.#context.now() - this.#begun;
    const lines = treeLines(this.#state, { elapsedMs, columns, rowsMax: this.#rowsMax(), colour: this.#colour });
    if (lines.length > 0) this.#context.stderr.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  #erase(): void {
    // What a person typed stands behind the tree, `^C` for one: the cursor is not at the beginning of its line.
    if (this.#drawn > 0) this.#context.stderr.write(`\r\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }
}
