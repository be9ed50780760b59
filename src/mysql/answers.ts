/**
 * Answers as rows of `otter.answer`, where the reader of the log finds them (`replication/origin.ts`).
 *
 * A row that fits into a packet may not do so as JSON, and not even into one column of JSON: a long image is cut into
 * several rows, of which all but the last say that more follows.
 */
import { DIGEST_CHARS } from '../model/digest.ts';
import type { AppliedTouches, LoggedAnswer, Version } from '../model/row.ts';
import { quoteText } from './sql.ts';

/** Images are cut above this part of a packet: quoted twice, a character may take eight bytes. */
const PIECES = 16;

/** Statements that write the answers into the table `into`, each well below the packet's size. */
export function* answerInserts(
  into: string,
  { lineage, pipeline }: { readonly lineage: string; readonly pipeline: string },
  answers: readonly LoggedAnswer[],
  packetBytesMax: number,
): Generator<string> {
  const charsMax = Math.floor(packetBytesMax / PIECES);
  const insert = `INSERT INTO ${into} (lineage,pipeline,table_schema,table_name,row_key,image,more,lock_keys) VALUES `;
  let tuples: string[] = [];
  let chars = 0;
  for (const { table, key, image, ...settled } of answers) {
    const named = [lineage, pipeline, table.schema, table.name].map(quoteText).join(',');
    const images = image === null ? [null] : pieces(JSON.stringify(image), charsMax);
    for (const [i, piece] of images.entries()) {
      const last = i === images.length - 1;
      const [rowKey, lockKeys] = (last ? [key, settledJson(settled)] : [[], []]).map((list) =>
        quoteText(JSON.stringify(list)),
      );
      const tuple = `(${named},${rowKey},${piece === null ? 'NULL' : quoteText(piece)},${last ? 0 : 1},${lockKeys})`;
      if (chars > 0 && chars + tuple.length > charsMax) {
        yield insert + tuples.join(',');
        tuples = [];
        chars = 0;
      }
      tuples.push(tuple);
      chars += tuple.length;
    }
  }
  if (tuples.length > 0) yield insert + tuples.join(',');
}

/** Says, ahead of the rows, that the transaction is what a person has decided: the first piece of an answer, with nothing in it. */
export function resolutionInsert(into: string, by: { readonly lineage: string; readonly pipeline: string }): string {
  const values = [by.lineage, by.pipeline, '', '', '[]'].map(quoteText).join(',');
  return `INSERT INTO ${into} (lineage,pipeline,table_schema,table_name,row_key,image,more,lock_keys) VALUES (${values},NULL,1,'[]')`;
}

/** The lock keys alone where the change was refused as a whole, as nearly always. */
function settledJson({ locks, lost, won }: Pick<LoggedAnswer, 'locks' | 'lost' | 'won'>): unknown {
  const names = (columns: ReadonlySet<string> | null): string[] | null => (columns === null ? null : [...columns]);
  return lost === null && won?.size === 0 ? locks : { locks, lost: names(lost), won: names(won) };
}

/** Statements that write versions into the table `into`, as many as fit in a row. */
export function* versionInserts(
  into: string,
  { lineage, pipeline }: { readonly lineage: string; readonly pipeline: string },
  versions: readonly Version[],
  packetBytesMax: number,
): Generator<string> {
  const charsMax = Math.floor(packetBytesMax / PIECES);
  const insert = (texts: readonly string[]): string =>
    `INSERT INTO ${into} (lineage,pipeline,versions) VALUES (${[lineage, pipeline, `[${texts.join(',')}]`].map(quoteText).join(',')})`;
  let texts: string[] = [];
  let chars = 0;
  for (const { locks, stamp, columns } of versions) {
    // JSON knows no infinity.
    const order = Number.isFinite(stamp.order) ? stamp.order : null;
    const text = JSON.stringify([locks, order, stamp.clock, columns]);
    if (chars > 0 && chars + text.length > charsMax) {
      yield insert(texts);
      texts = [];
      chars = 0;
    }
    texts.push(text);
    chars += text.length;
  }
  if (texts.length > 0) yield insert(texts);
}

/** Statements that write what applied transactions touched into the table `into`. */
export function* touchInserts(
  into: string,
  { lineage, pipeline }: { readonly lineage: string; readonly pipeline: string },
  touches: readonly AppliedTouches[],
  packetBytesMax: number,
): Generator<string> {
  const charsMax = Math.floor(packetBytesMax / PIECES);
  const insert = (texts: readonly string[]): string =>
    `INSERT INTO ${into} (lineage,pipeline,versions) VALUES (${[lineage, pipeline, `{"touches":[${texts.join(',')}]}`].map(quoteText).join(',')})`;
  let texts: string[] = [];
  let chars = 0;
  for (const { clock, touched } of touches) {
    const entries = [...touched];
    for (let start = 0; start < entries.length; start += TOUCHES) {
      const part = entries.slice(start, start + TOUCHES).map(([digest, kind]) => [inBase64(digest), kind[0]]);
      const text = JSON.stringify([clock, part]);
      if (chars > 0 && chars + text.length > charsMax) {
        yield insert(texts);
        texts = [];
        chars = 0;
      }
      texts.push(text);
      chars += text.length;
    }
  }
  if (texts.length > 0) yield insert(texts);
}

/** Of one transaction as many to an entry. */
const TOUCHES = 1_000;

function inBase64(digest: string): string {
  return Buffer.from(digest.slice(0, DIGEST_CHARS), 'latin1').toString('base64');
}

/** Never cut between the two halves of a character. */
function pieces(text: string, chars: number): string[] {
  const cut: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + chars);
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end += 1;
    cut.push(text.slice(start, end));
    start = end;
  }
  return cut;
}
