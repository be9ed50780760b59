/**
 * Proofs that both ends of a connection know the same token, without sending it: HMACs over what each made up for this one.
 *
 * Rule: a proof counts on the connection it was made for, in its direction, and nowhere else. It keeps strangers out; who stands
 * between the two and changes bytes it does not keep out, nor does it hide anything: that is what TLS is for.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const NONCE_BYTES = 32;

export type Prover = 'client' | 'server';

/** What one end makes up for one connection; hexadecimal. */
export function nonce(): string {
  return randomBytes(NONCE_BYTES).toString('hex');
}

export function isNonce(text: string): boolean {
  return text.length === NONCE_BYTES * 2 && /^[0-9a-f]*$/.test(text);
}

/** Hexadecimal. */
export function proofOf(
  token: string,
  prover: Prover,
  nonces: { readonly client: string; readonly server: string },
): string {
  return createHmac('sha256', token)
    .update(`otter link 1\n${prover}\n${nonces.server}\n${nonces.client}`)
    .digest('hex');
}

/** In the same time wherever they differ. */
export function proves(
  proof: string,
  token: string,
  prover: Prover,
  nonces: { readonly client: string; readonly server: string },
): boolean {
  const wanted = Buffer.from(proofOf(token, prover, nonces), 'hex');
  const given = Buffer.from(proof, 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
