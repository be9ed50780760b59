/** What TLS says when two nodes do not come together, in words. */

/** Of OpenSSL's and Node's codes; null when it is none about a certificate. */
export function certificateFault(code: string): string | null {
  return FAULTS[code] ?? null;
}

const STRANGE = 'it does not come from an authority in `link.tls.ca`';
const FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet (are the clocks of both machines right?)',
  CERT_REVOKED: 'it was revoked',
  SELF_SIGNED_CERT_IN_CHAIN: STRANGE,
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGE,
  UNABLE_TO_GET_ISSUER_CERT: STRANGE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGE,
  CERT_SIGNATURE_FAILURE: STRANGE,
  CERT_UNTRUSTED: STRANGE,
  INVALID_CA: 'what signed it is no authority',
  INVALID_PURPOSE: 'it may not be used on this side of a connection (extendedKeyUsage wants serverAuth and clientAuth)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host (its subjectAltName wants the advertised one)',
};

/** The codes of an error and of what caused it, outermost first. */
export function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error; at instanceof Error && codes.length < 8; at = at.cause) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code === 'string') codes.push(code);
  }
  return codes;
}

/** Whether an error says that the other side did not speak TLS at all. */
export function isNoTls(code: string): boolean {
  return /^(ERR_SSL_(WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE)|EPROTO)$/.test(
    code,
  );
}
