/** What a person reads when etcd does not answer; the texts are those that gRPC gave for each of them. */
import { GRPCUnavailableError } from 'etcd3';
import { expect, test } from 'vitest';
import { etcdError } from '../../src/state/etcd-client.ts';

const NONE = '14 UNAVAILABLE: No connection established. Last error: ';
const NOTE = ' (2026-11-23T21:52:29.590Z). Resolution note: ';
const SSL = '40DDAC6D197F0000:error:0A000412:SSL routines:ssl3_read_bytes:';

test.each([
  [
    `${NONE}Error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: `,
    'nothing listens at 10.0.0.1:2379',
    'Start etcd',
  ],
  [`${NONE}connect EHOSTUNREACH 10.0.0.1:2379${NOTE}`, 'no way to it from here (EHOSTUNREACH)', 'firewall'],
  [
    '14 UNAVAILABLE: Name resolution failed for target dns:no.where:2379',
    'the name no.where is not known',
    'look it up',
  ],
  ['4 DEADLINE_EXCEEDED: Deadline exceeded after 5.003s,Waiting for LB pick', 'no answer came in time', 'firewall'],
  [`${NONE}Protocol error${NOTE}`, 'what answers there is not etcd', 'host and port'],
  ['12 UNIMPLEMENTED: Received HTTP status code 404', 'what answers there is not etcd', 'host and port'],
  [`${NONE}Failed to connect${NOTE}`, 'the connection was closed from there', 'etcds://'],
  [`${NONE}Error: unable to verify the first certificate; try${NOTE}`, 'an authority that is not known', '?ca='],
  [`${NONE}${SSL}ssl/tls alert bad certificate:../x.c:918:SSL alert number 42\ufffd${NOTE}`, 'wants one', 'cert='],
  [`${NONE}Error: ${SSL}wrong version number:../x.c:77:\ufffd${NOTE}`, 'does not speak TLS', 'etcd://'],
  [
    `${NONE}Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's${NOTE}`,
    'another name',
    'host',
  ],
  [`${NONE}something new${NOTE}`, 'it did not answer: something new', 'Check that it runs'],
])('%s', (raw, what, todo) => {
  const { code, message, hint, retry } = etcdError('etcd://a:1', new GRPCUnavailableError(raw));
  expect([code, retry]).toEqual(['OT3001', 'backoff']);
  expect(message).toMatch(/^the state store etcd:\/\/a:1 cannot be reached: /);
  expect(message).toContain(what);
  expect(hint).toContain(todo);
  expect(message).not.toMatch(/UNAVAILABLE|Resolution|SSL routines|20\d\d-|\ufffd/);
});

test('a raw text that nobody foresaw is one short line', () => {
  const { message } = etcdError('etcd://a:1', new GRPCUnavailableError(`2 UNKNOWN: ${'a long story\n'.repeat(100)}`));
  expect(message.length).toBeLessThan(220);
  expect(message).not.toContain('\n');
});
