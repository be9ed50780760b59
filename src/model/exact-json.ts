/**
 * JSON whose numbers stay as they are written; a double rounds what is above 2^53 or has many digits. `JSON.stringify`
 * writes them out again unchanged.
 *
 * @see https://github.com/tc39/proposal-json-parse-with-source
 */
interface RawJson {
  readonly rawJSON: string;
}

// The language's own declarations do not have these yet.
const raw = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

/** @throws SyntaxError */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && context?.source !== undefined ? raw.rawJSON(context.source) : value,
  );
}

/** A number of `parseExactly`, or of the language, as text; null: it is none, or not finite. */
export function numberText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  return raw.isRawJSON(value) ? value.rawJSON : null;
}
