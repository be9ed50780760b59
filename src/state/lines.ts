/** A file line by line, however large: only the line at hand is in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const CHUNK_BYTES = 1 << 20;
/** No line that anybody wrote for this is longer; a device has no end. */
const LINE_CHARS_MAX = 64 << 20;

/** What comes after the last end of a line is a line too, unless it is empty. @throws whatever the file system throws, Error for a line without end */
export function* readLines(path: string): Generator<string, void, void> {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const decoder = new StringDecoder('utf8');
    let parts: string[] = [];
    let chars = 0;
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      const [first = '', ...more] = decoder.write(chunk.subarray(0, read)).split('\n');
      parts.push(first);
      chars += first.length;
      if (chars > LINE_CHARS_MAX) throw new Error(`a line of more than ${LINE_CHARS_MAX} characters`);
      if (more.length === 0) continue;
      yield parts.join('');
      const last = more.pop()!;
      yield* more;
      [parts, chars] = [[last], last.length];
    }
    const rest = parts.join('') + decoder.end();
    if (rest !== '') yield rest;
  } finally {
    closeSync(file);
  }
}
