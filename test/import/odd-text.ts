/** Any text, halves of surrogates included, mostly of signs that mean something to somebody. Cheaper to begin with than fast-check's own. */
import fc from 'fast-check';

const sign = fc.oneof(
  { weight: 4, arbitrary: fc.nat(0x7f) },
  { weight: 1, arbitrary: fc.nat(0x10_ffff) },
  { weight: 1, arbitrary: fc.constantFrom(0x85, 0xa0, 0x2028, 0xd800, 0xdc00, 0xfeff, 0xfffd) },
);

export function oddText(signsMax: number): fc.Arbitrary<string> {
  return fc.array(sign, { maxLength: signsMax }).map((points) => String.fromCodePoint(...points));
}
