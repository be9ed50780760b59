/**
 * JSON by SELECT. The text that the server prints does not tell a decimal from a double, nor a time from a string, so
 * the server is asked for the types of the scalars beside it, of the values that may have such.
 */
import { OtterError } from '../model/error.ts';
import { type JsonPart, jsonArray, jsonBytes, jsonDecimal, jsonObject, jsonTime, strange } from './json.ts';

/** What stands before a text without and with types. */
const PLAIN = 'p';
const TYPED = 't';
const TYPES_END = '\n';

/**
 * Values that may have other scalars than JSON itself: those with a fraction or what looks like a time or bytes, and
 * those that take another room when their text is read back, as other decimals do: always more.
 */
function suspicious(name: string): string {
  const text = `CAST(${name} AS CHAR)`;
  return (
    `(${text} REGEXP '[0-9][.][0-9]|"(-?[0-9]{2,4}[-:]|base64:type)'` +
    ` OR JSON_STORAGE_SIZE(${name})<>JSON_STORAGE_SIZE(CAST(${text} AS JSON)))`
  );
}

/** @param name quoted */
export function selectedJson(name: string): string {
  // The members of all objects, and the elements of all arrays; the value itself is the first of these.
  const types = (path: string): string =>
    `(SELECT JSON_ARRAYAGG(JSON_ARRAY(otter_t.n,JSON_TYPE(otter_t.v))) FROM JSON_TABLE(JSON_ARRAY(${name}),'${path}'` +
    " COLUMNS(n FOR ORDINALITY,v JSON PATH '$')) AS otter_t)";
  const both = ['$**.*', '$**[*]'].map((path) => `COALESCE(${types(path)},'[]')`);
  return (
    `IF(${name} IS NULL,NULL,CONCAT(IF(${suspicious(name)},CONCAT('${TYPED}',${both[0]!},'${TYPES_END}',${both[1]!},'${TYPES_END}'),'${PLAIN}')` +
    `,CAST(${name} AS CHAR)))`
  );
}

/** What `selectedJson` gave. */
export function readJsonText(bytes: Buffer): JsonPart {
  const text = bytes.utf8Slice(1);
  if (bytes[0] === PLAIN.charCodeAt(0)) return text;
  const first = text.indexOf(TYPES_END);
  const second = text.indexOf(TYPES_END, first + 1);
  return new TypedText(
    text.slice(second + 1),
    ranked(text.slice(0, first)),
    ranked(text.slice(first + 1, second)),
  ).read();
}

function ranked(json: string): readonly string[] {
  // A null of JSON is one of SQL in the table, and has no type.
  const numbered = JSON.parse(json) as [rank: number, type: string | null][];
  return numbered.sort(([a], [b]) => a - b).map(([, type]) => type ?? 'NULL');
}

/**
 * A text and its types in the order in which the server comes by them: all that a container has, then what the first
 * container in it has, and so on.
 */
class TypedText {
  readonly #text: string;
  readonly #members: readonly string[];
  readonly #elements: readonly string[];
  #at = 0;
  #member = 0;
  #element = 0;

  constructor(text: string, members: readonly string[], elements: readonly string[]) {
    this.#text = text;
    this.#members = members;
    this.#elements = elements;
  }

  read(): JsonPart {
    const root = this.#parse();
    if (this.#at !== this.#text.length) throw unread();
    const made = this.#typed(root, this.#elements[this.#element++]!);
    if (this.#member !== this.#members.length || this.#element !== this.#elements.length) throw unread();
    return made;
  }

  #typed(node: Node, type: string): JsonPart {
    if (typeof node === 'string') return typedScalar(node, type);
    const { keys, values } = node;
    const types = keys === null ? this.#nextElements(values.length) : this.#nextMembers(values.length);
    const parts = values.map((value, i) => this.#typed(value, types[i]!));
    return keys === null ? jsonArray(parts) : jsonObject(keys, parts);
  }

  #nextElements(count: number): readonly string[] {
    this.#element += count;
    return this.#elements.slice(this.#element - count, this.#element);
  }

  #nextMembers(count: number): readonly string[] {
    this.#member += count;
    return this.#members.slice(this.#member - count, this.#member);
  }

  #parse(): Node {
    const first = this.#text[this.#at];
    if (first === '{') return this.#container(true, '}');
    return first === '[' ? this.#container(false, ']') : this.#scalar();
  }

  #container(isObject: boolean, end: string): Node {
    const keys: string[] = [];
    const values: Node[] = [];
    this.#at += 1;
    while (this.#text[this.#at] !== end) {
      if (values.length > 0) this.#skip(', ');
      if (isObject) {
        keys.push(this.#scalar());
        this.#skip(': ');
      }
      values.push(this.#parse());
    }
    this.#at += 1;
    return { keys: isObject ? keys : null, values };
  }

  #skip(what: string): void {
    if (!this.#text.startsWith(what, this.#at)) throw unread();
    this.#at += what.length;
  }

  #scalar(): string {
    SCALAR.lastIndex = this.#at;
    const found = SCALAR.exec(this.#text)?.[0];
    if (found === undefined) throw unread();
    this.#at += found.length;
    return found;
  }
}

type Node = string | { readonly keys: readonly string[] | null; readonly values: readonly Node[] };

const SCALAR = /"(?:[^"\\]|\\.)*"|[-+.\w]+/y;
const BYTES = /^base64:type(\d+):(.*)$/s;

function typedScalar(token: string, type: string): JsonPart {
  switch (type) {
    case 'DECIMAL':
      return jsonDecimal(token);
    case 'DATE':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
      return jsonTime(type, token.slice(1, -1));
    case 'BLOB':
    case 'BIT':
    case 'OPAQUE': {
      const [, number, base64] = BYTES.exec(JSON.parse(token) as string) ?? [];
      if (number === undefined) throw strange('a value of a strange type');
      return jsonBytes(Number(number), Buffer.from(base64!, 'base64'));
    }
    case 'NULL':
    case 'BOOLEAN':
    case 'INTEGER':
    case 'UNSIGNED INTEGER':
    case 'DOUBLE':
    case 'STRING':
      return token;
    default:
      throw strange(`a value of type ${type}`);
  }
}

/** The server printed something else than before: a bug here. */
function unread(): OtterError {
  return new OtterError('OT4040', 'a JSON value could not be read exactly');
}
