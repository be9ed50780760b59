/**
 * What keeps etcd from answering, in words for a person: what was tried, what to look at, and of the raw cause no more
 * than its name.
 *
 * Rule: words only. Nothing is decided by them, since the texts of gRPC change with its version.
 */

export interface Trouble {
  /** The second half of a sentence. */
  readonly what: string;
  readonly hint: string;
}

const ADDRESS = 'correct the address in --state or OTTER_STATE';
const NETWORK = `See whether etcd runs there and whether a firewall stands in between, or ${ADDRESS}.`;
const RAW_CHARS_MAX = 120;

type Words = (found: RegExpExecArray) => Trouble;

/** The first that fits; certificates before connections, whose texts they are part of. */
const KINDS: readonly (readonly [RegExp, Words])[] = [
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate/,
    () => ({
      what: 'its certificate was issued for another name or address',
      hint: 'Write the host in --state or OTTER_STATE as the certificate has it.',
    }),
  ],
  [
    /certificate has expired|CERT_HAS_EXPIRED/,
    () => ({ what: 'its certificate has expired', hint: 'Give etcd a new one, or set the clock of this machine.' }),
  ],
  [
    /self.signed|unable to (?:verify|get) |UNABLE_TO_VERIFY/i,
    () => ({
      what: 'its certificate was signed by an authority that is not known here',
      hint: 'Name the authority in the address: etcds://host:2379?ca=/path/ca.pem.',
    }),
  ],
  [
    /alert (?:bad certificate|certificate required|unknown ca|handshake failure)/,
    () => ({
      what: 'it did not accept the certificate from here, or wants one and got none',
      hint: 'Name one that its authority signed: etcds://host:2379?ca=/path/ca.pem&cert=/path/cert.pem&key=/path/key.pem.',
    }),
  ],
  [
    /wrong version number|packet length too long/,
    () => ({
      what: 'what answers there does not speak TLS',
      hint: `Without TLS the address begins with etcd://; ${ADDRESS}.`,
    }),
  ],
  [
    /ECONNREFUSED(?: (\S+:\d+))?/,
    ([, host]) => ({
      what: `nothing listens ${host === undefined ? 'there' : `at ${host}`} (ECONNREFUSED)`,
      hint: `Start etcd there, or ${ADDRESS}.`,
    }),
  ],
  [/E(?:HOST|NET)UNREACH/, ([code]) => ({ what: `there is no way to it from here (${code})`, hint: NETWORK })],
  [
    /Name resolution failed for target (?:dns:)?(\S+?)(?::\d+)?(?:\s|$)|ENOTFOUND (\S+)|EAI_AGAIN (\S+)/,
    ([, ...names]) => ({
      what: `the name ${names.find((name) => name !== undefined) ?? ''} is not known here`,
      hint: `See whether this machine can look it up, or ${ADDRESS}.`,
    }),
  ],
  [/DEADLINE_EXCEEDED|Deadline exceeded|ETIMEDOUT/, () => ({ what: 'no answer came in time', hint: NETWORK })],
  [
    /Protocol error|HTTP status|UNIMPLEMENTED|PARSE_ERROR/,
    () => ({ what: 'what answers there is not etcd', hint: `Look at host and port: ${ADDRESS}.` }),
  ],
  [
    /Failed to connect|ECONNRESET|EPIPE|socket hang up|GOAWAY|Connection dropped|ECONNABORTED/,
    () => ({
      what: 'the connection was closed from there',
      hint: 'See whether etcd runs well there; if it wants TLS, the address begins with etcds://.',
    }),
  ],
];

export function troubleOf(text: string): Trouble {
  for (const [pattern, words] of KINDS) {
    const found = pattern.exec(text);
    if (found !== null) return words(found);
  }
  return { what: `it did not answer: ${shortened(text)}`, hint: 'Check that it runs and can be reached from here.' };
}

/** A text of gRPC or etcd without status and prefix, in one short line. */
export function shortened(text: string): string {
  const said = text
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/^etcdserver: /, '')
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\.? Resolution note:.*$/s, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return said.length <= RAW_CHARS_MAX ? said : `${said.slice(0, RAW_CHARS_MAX)}…`;
}
