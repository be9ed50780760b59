/**
 * Which files a row names: `follow.path` of a file set, read once, and filled with a row's values.
 *
 * `{column}` stands for the value; `{column[]}` for each of several, as JSON (`["a.jpg", "b.jpg"]`) or parted by commas. Rule: a NULL names no file, and neither
 * does an empty text; a value of which there is no text (bytes that are none, JSON that is no list) is a fault, said by the column's name.
 */
import type { ColumnShape, Image, TableShape } from '../model/row.ts';
import { plainColumn } from './plain-values.ts';

/** Texts and columns in turn. */
export type FileTemplate = readonly (string | { readonly column: string; readonly list: boolean })[];

export type PathsOf = (row: Image) => readonly string[];

/** @throws FileFault */
export function fileTemplate(text: string): FileTemplate {
  const parts: FileTemplate[number][] = [];
  let rest = text;
  while (rest !== '') {
    const [all, plain, column, list] = /^([^{}]*)(?:\{([^{}[\]]+)(\[\])?\})?/.exec(rest)!;
    if (all === '') throw new FileFault(`\`${text}\` has a brace without its other one`);
    if (plain !== '') parts.push(plain!);
    if (column !== undefined) parts.push({ column, list: list !== undefined });
    rest = rest.slice(all.length);
  }
  return parts;
}

/** What is wrong with a template, or a value; it has no value in it. */
export class FileFault extends Error {}

/** @throws FileFault when the table has no such column */
export function pathsOf(templates: readonly FileTemplate[], table: TableShape): PathsOf {
  const made = templates.map((template) =>
    template.map((part) => (typeof part === 'string' ? part : reader(part, table))),
  );
  return (row) => made.flatMap((parts) => filled(parts, row));
}

/** Of one template and one row: several lists multiply. */
const PATHS_MAX = 10_000;

type Part = string | ((row: Image) => readonly string[]);

function filled(parts: readonly Part[], row: Image): string[] {
  let paths = [''];
  for (const part of parts) {
    const values = typeof part === 'string' ? [part] : part(row);
    if (paths.length * values.length > PATHS_MAX) throw new FileFault(`it names more than ${PATHS_MAX} files`);
    paths = paths.flatMap((path) => values.map((value) => path + value));
  }
  return paths;
}

function reader(
  { column, list }: Exclude<FileTemplate[number], string>,
  table: TableShape,
): (row: Image) => readonly string[] {
  const at = table.columns.findIndex(({ name }) => name.toLowerCase() === column.toLowerCase());
  const shape: ColumnShape | undefined = table.columns[at];
  if (shape === undefined) throw new FileFault(`${table.schema}.${table.name} has no column \`${column}\``);
  const isJson = /^(json|longtext)/i.test(shape.type) && list;
  const { read } = plainColumn(isJson ? { ...shape, type: 'longtext', charset: shape.charset ?? 'utf8mb4' } : shape);
  return (row) => {
    const literal = row[at];
    if (literal === null || literal === undefined) return [];
    const value = read(literal);
    if (value === null) return [];
    if (typeof value === 'object') throw new FileFault(`the values of \`${column}\` are no texts`);
    const text = String(value);
    return list ? listed(text, column) : text === '' ? [] : [text];
  };
}

function listed(text: string, column: string): string[] {
  if (!text.trimStart().startsWith('['))
    return text.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    throw new FileFault(`a value of \`${column}\` is no list in JSON`);
  }
  if (!Array.isArray(values)) return [];
  return values.flatMap((one) =>
    typeof one === 'string' && one !== '' ? [one] : typeof one === 'number' ? [String(one)] : [],
  );
}
