/**
 * Notices by HTTP: as they are, or in the form of Slack's incoming webhooks.
 *
 * Rule kept: the address is a secret, so it stands in no message. A redirect is not followed: it would carry the notice to somebody
 * that nobody named.
 */
import type { Notice } from '../model/alerts/notice.ts';
import { messageOf, OtterError } from '../model/error.ts';
import { linesOf } from './text.ts';

export interface Posting {
  readonly version: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** @throws OtterError OT8150, OT8151, OT8152 */
export async function postNotice(address: string, notice: Notice, posting: Posting): Promise<void> {
  await post(address, notice, notice, posting);
}

/** @throws OtterError OT8150, OT8151, OT8152 */
export async function postToSlack(address: string, notice: Notice, posting: Posting): Promise<void> {
  const [head, ...rest] = linesOf(notice).map(escaped);
  const text = `*[${escaped(notice.topology)}] ${head}*\n${rest.filter((line) => line !== '').join('\n')}`;
  await post(address, { text }, notice, posting);
}

/** What Slack would take for a mention or a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

async function post(address: string, body: object, notice: Notice, posting: Posting): Promise<void> {
  const { version, timeoutMs, signal } = posting;
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new OtterError('OT8152', 'its address is not one of http or https', {
      hint: 'See what the reference of the receiver gives on the node.',
    });
  const late = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': `otter/${version}`,
        'idempotency-key': `${notice.incident}/${notice.number}`,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([late, signal]),
    });
    // Nothing of the answer is wanted, and its connection is.
    await response.body?.cancel();
  } catch (error) {
    if (late.aborted) throw new OtterError('OT8151', `it did not answer within ${timeoutMs / 1000} s`);
    throw new OtterError('OT8151', `it cannot be reached (${reasonOf(error)})`, { cause: error });
  }
  if (!response.ok) throw new OtterError('OT8150', `it answered with status ${response.status}`);
}

/** The code of the socket or of TLS: messages name the address. */
function reasonOf(error: unknown): string {
  const cause =
    error instanceof Error
      ? (error.cause as { readonly code?: unknown; readonly message?: unknown } | undefined)
      : undefined;
  if (typeof cause?.code === 'string') return cause.code;
  // Ports of other protocols, to which no browser posts either.
  if (cause?.message === 'bad port') return 'to such a port nothing is posted';
  return cause === undefined ? messageOf(error) : 'no connection';
}
