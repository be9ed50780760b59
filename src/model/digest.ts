/** How keys are kept where millions must be: as the first 128 bits of a cryptographic digest of their texts. */

/** Of a text: at least `DIGEST_CHARS` characters, eight bits in each. */
export type Digest = (text: string) => string;

export const DIGEST_CHARS = 16;
