/**
 * Text of MySQL's character sets as Unicode, which is what Oracle gets. Only those that decode to the very characters that the
 * servers make of them (`READABLE_CHARSETS`); the encoding standard's windows-1252 is MySQL's latin1, C1 controls included.
 */

/** Null: the bytes are no text of the charset. */
export type Decode = (bytes: Buffer) => string | null;

const LABELS: Readonly<Record<string, string>> = {
  ...{ utf8mb4: 'utf-8', utf8mb3: 'utf-8', utf8: 'utf-8', ascii: 'utf-8', ucs2: 'utf-16be', utf16: 'utf-16be' },
  ...{ utf16le: 'utf-16le', latin1: 'windows-1252', latin2: 'iso-8859-2', latin7: 'iso-8859-13', gbk: 'gbk' },
  ...{ cp1250: 'windows-1250', cp1251: 'windows-1251', cp1256: 'windows-1256', cp1257: 'windows-1257' },
  ...{ koi8r: 'koi8-r', macroman: 'macintosh' },
};

/** Null: nobody here reads that charset exactly. */
export function decoderOf(charset: string): Decode | null {
  if (charset === 'utf32') return decodeUtf32;
  const label = LABELS[charset];
  if (label === undefined) return null;
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
  return (bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      return null;
    }
  };
}

function decodeUtf32(bytes: Buffer): string | null {
  if (bytes.length % 4 !== 0) return null;
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const code = bytes.readUInt32BE(at);
    if (code > 0x10_ffff || (code >= 0xd800 && code < 0xe000)) return null;
    text += String.fromCodePoint(code);
  }
  return text;
}
