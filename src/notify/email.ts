/** Notices by mail, through a server that speaks SMTP. */
import { hostname } from 'node:os';
import { createTransport } from 'nodemailer';
import type { Notice } from '../model/alerts/notice.ts';
import { OtterError } from '../model/error.ts';
import { linesOf, subjectOf } from './text.ts';

export interface Mailing {
  readonly to: readonly string[];
  /** Null: `otter@` and the host's name. */
  readonly from: string | null;
  readonly host: string;
  readonly port: number;
  /** Null: it is not logged in. */
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly timeoutMs: number;
}

const SMTPS = 465;

/** @throws OtterError OT8151 when the server is not reached, OT8154 when it refuses */
export async function sendMail(mailing: Mailing, notice: Notice): Promise<void> {
  const { to, from, host, port, login, timeoutMs } = mailing;
  const transport = createTransport({
    host,
    port,
    secure: port === SMTPS,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A password never travels in the clear, but to this machine itself.
    requireTLS: login !== null && !isHere(host),
    ...(login === null ? {} : { auth: { user: login.user, pass: login.password } }),
    // Without one, encryption is taken as it is offered, as mail servers do among each other.
    tls: { rejectUnauthorized: login !== null && !isHere(host) },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      to: [...to],
      from: from ?? `otter@${hostname()}`,
      subject: subjectOf(notice),
      text: `${linesOf(notice).join('\n')}\n`,
      // Mail clients keep the notices of an incident together, and a server takes one that comes twice for the same.
      messageId: `<${notice.incident}.${notice.number}.${notice.kind}@${notice.topology}.otter>`,
      references: `<${notice.incident}@${notice.topology}.otter>`,
      headers: { 'auto-submitted': 'auto-generated' },
    });
  } catch (error) {
    throw refused(error, `${host}:${port}`);
  } finally {
    transport.close();
  }
}

function isHere(host: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
}

function refused(error: unknown, server: string): OtterError {
  const { code, responseCode } = error as { readonly code?: string; readonly responseCode?: number };
  const answered = typeof responseCode === 'number';
  const why = answered ? `answered with ${responseCode}` : `(${code ?? 'no answer'})`;
  return answered || code === 'EAUTH' || code === 'EENVELOPE' || code === 'EMESSAGE'
    ? new OtterError('OT8154', `the mail server ${server} does not take it: ${why}`, { cause: error })
    : new OtterError('OT8151', `the mail server ${server} cannot be reached ${why}`, { cause: error });
}
