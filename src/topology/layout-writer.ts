/** Lines as `format.ts` writes them, word by word. */

export class LayoutWriter {
  readonly #lines: string[] = [];
  readonly #starts: readonly number[];
  #line = '';
  #last = '';
  #blank = false;

  /** `text`: the text that is laid out, in which comments have their columns. */
  constructor(text: string) {
    const starts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#starts = starts;
  }

  /** `column`: where it stands when it begins the line. */
  word(type: string, text: string, column: number): void {
    this.#line += this.#line === '' ? ' '.repeat(column) : ' '.repeat(gap(this.#last, type));
    this.#line += text;
    this.#last = type;
  }

  /** A text without line structure, which may go over several lines all the same. */
  text(type: string, text: string, column: number, further: number): void {
    const [first, ...others] = text.split('\n');
    this.word(type, others.length === 0 ? first! : lineEnd(first!), column);
    for (const [i, line] of others.entries()) {
      this.#push();
      const shown = i === others.length - 1 ? line.trimStart() : lineEnd(line.trimStart());
      this.#line = shown === '' ? '' : ' '.repeat(further) + shown;
    }
  }

  /** The lines of a block text; `was`: the column at which they began, found out when null. */
  block(source: string, column: number, was: number | null): void {
    if (this.#line !== '') this.newline(1);
    const lines = source.split('\n');
    if (lines.at(-1) === '') lines.pop();
    const indent = was ?? /^ */.exec(lines.find((line) => line.trim() !== '') ?? '')![0].length;
    this.#settle();
    for (const line of lines) {
      const rest = line.slice(indent);
      this.#lines.push(rest === '' ? '' : ' '.repeat(column) + rest);
    }
    this.#last = 'newline';
  }

  comment({ source, offset }: { readonly source: string; readonly offset: number }, column: number): void {
    const text = source.trimEnd();
    if (this.#line === '') this.#line = ' '.repeat(column) + text;
    else this.#line = this.#line.padEnd(Math.max(this.#columnOf(offset), this.#line.length + 1)) + text;
    this.#last = 'comment';
  }

  raw(text: string): void {
    this.#line += text;
    this.#last = 'raw';
  }

  newline(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#line === '') this.#blank = true;
      else this.#push();
    }
    this.#last = 'newline';
  }

  /** Of the line that is being written. */
  indentation(): number {
    return /^ */.exec(this.#line)![0].length;
  }

  done(): string {
    if (this.#line !== '') this.#push();
    return this.#lines.length === 0 ? '' : `${this.#lines.join('\n')}\n`;
  }

  #push(): void {
    this.#settle();
    this.#lines.push(this.#line);
    this.#line = '';
  }

  /** One blank line for any number of them, none at the beginning. */
  #settle(): void {
    if (this.#blank && this.#lines.length > 0) this.#lines.push('');
    this.#blank = false;
  }

  #columnOf(offset: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return offset - this.#starts[low]!;
  }
}

/** Spaces between two words of a line. */
function gap(last: string, next: string): number {
  if (next === 'comma' || next === 'flow-seq-end') return 0;
  if (next === 'flow-map-end') return last === 'flow-map-start' ? 0 : 1;
  if (last === 'flow-seq-start') return 0;
  if (next === 'map-value-ind') {
    const glued = /^(?:scalar|single-quoted-scalar|double-quoted-scalar|flow-(?:map|seq)-end)$/.test(last);
    return glued ? 0 : 1;
  }
  return last === '' ? 0 : 1;
}

/** Space before a line break means nothing, unless it is escaped. */
function lineEnd(line: string): string {
  return /\\\s$/.test(line) ? line : line.trimEnd();
}
